// spiking_memory: Legendre memory of 4 lif neurons, 1 lane(s).
// order 2, theta 0.3 s, dt 0.001 s, zoh step, legendre basis
// synapse 0.1 s, seed 0; input sQ1.15, state sQ4.16
// Made by: golden
// Neurons that take turns, `lanes` of them a cycle, and one multiplier for the maps around them.
module spiking_memory (
  input  wire        clk,                           // clock, rising edge
  input  wire        rst,                           // synchronous reset, active high; forgets all state
  input  wire        in_valid,                      // a sample is offered
  output wire        in_ready,                      // it is taken at this clock edge
  input  wire [15:0] in_data,                       // sample, sQ1.15 two's complement
  input  wire        in_first,                      // it starts a sequence: neurons, states and generators begin anew
  input  wire        in_last,                       // it ends a sequence; handed on as out_last
  output wire        out_valid,                     // a state word is offered
  input  wire        out_ready,                     // it is taken at this clock edge
  output wire [19:0] out_data,                      // state word, sQ4.16 two's complement
  output wire        out_index,                     // which state, 0 to 1
  output wire        out_first,                     // in_first of the sample
  output wire        out_last,                      // in_last of the sample
  output wire        spike_valid,                   // a group of neurons has made its step, in this cycle only
  output wire [1:0]  spike_group,                   // which: its first neuron is number 1 spike_group
  output wire        spike_counts                   // how often each of them fires: 1 count(s) of 1 bit(s), the first neuron's in the lowest
);
  wire accept;
  wire [20:0] decoded;
  wire done;
  wire ensemble;
  wire fresh_now;
  wire index;
  reg last = 1'h0;
  reg [1:0] left = 2'h0;
  reg [17:0] like = 18'h00000;
  wire [22:0] o_payload;
  wire restart;
  wire settled;
  reg signal = 1'h0;
  reg signal_2 = 1'h0;
  reg signal_3 = 1'h0;
  reg signal_4 = 1'h0;
  reg signal_5 = 1'h0;
  wire start;
  wire w_en;
  wire [19:0] word;
  wire write;
  wire [19:0] y;
  wire y_address;
  wire for_value = out_valid & out_ready;
  wire [1:0] for_value_2 = left - 1'h1;
  wire [1:0] for_value_3 = settled ? 2'h2 : for_value ? for_value_2 : {1'hx, left[0]};
  always @(posedge clk)
    if (rst) left[1] <= 1'h0;
    else if (for_value | settled) left[1] <= for_value_3[1];
  wire for_signal = rst | settled;
  always @(posedge clk)
    if (for_signal) left[0] <= 1'h0;
    else if (for_value) left[0] <= for_value_2[0];
  spiking_memory_bank bank (
    .clk(clk),
    .decoded(decoded),
    .done(done),
    .ensemble(ensemble),
    .fresh(signal_3),
    .restart(restart),
    .rst(rst),
    .spikes(spike_counts),
    .spiking(spike_valid),
    .spiking_slot(spike_group),
    .start(accept),
    .write(write),
    .y(y),
    .y_address(y_address)
  );
  spiking_memory_map map (
    .clk(clk),
    .decoded(decoded),
    .ensemble(ensemble),
    .fresh(signal_3),
    .index(index),
    .other_addr(y_address),
    .rst(rst),
    .settled(settled),
    .start(start),
    .u(like[15:0]),
    .word(word),
    .word_valid(w_en),
    .write(write),
    .y(y)
  );
  spiking_memory_queue queue (
    .clk(clk),
    .r_data(o_payload),
    .r_en(out_ready),
    .r_rdy(out_valid),
    .rst(rst),
    .w_en(w_en),
    .w_port_data({last, signal_5, index, word})
  );
  assign in_ready = ~signal;
  assign accept = in_valid & in_ready;
  assign fresh_now = in_first | ~signal_2;
  assign restart = accept & fresh_now;
  wire for_start = done | signal_4;
  assign start = for_start & !left;
  assign out_data = o_payload[19:0];
  assign out_first = o_payload[21];
  assign out_index = o_payload[20];
  assign out_last = o_payload[22];
  always @(posedge clk)
    if (rst) last <= 1'h0;
    else if (settled) last <= like[17];
  always @(posedge clk)
    if (rst) signal_5 <= 1'h0;
    else if (settled) signal_5 <= like[16];
  always @(posedge clk)
    if (rst) signal_4 <= 1'h0;
    else signal_4 <= for_start & ~start;
  always @(posedge clk)
    if (rst) signal_3 <= 1'h0;
    else if (accept) signal_3 <= fresh_now;
  always @(posedge clk)
    if (rst) like <= 18'h00000;
    else if (accept) like <= {in_last, in_first, in_data};
  always @(posedge clk)
    if (rst) signal_2 <= 1'h0;
    else signal_2 <= signal_2 | accept;
  always @(posedge clk)
    if (for_signal) signal <= 1'h0;
    else signal <= signal | accept;
endmodule

// All neurons once, ensemble by ensemble: gains, biases and decoders come from block RAM, a slot a cycle.
module spiking_memory_bank (
  input  wire        rst,
  input  wire        start,
  input  wire        restart,
  input  wire [19:0] y,
  input  wire        fresh,
  output reg         y_address = 1'h0,
  output wire        spiking,
  output reg  [1:0]  spiking_slot = 2'h0,
  output reg         write = 1'h0,
  output reg         ensemble = 1'h0,
  output reg  [20:0] decoded = 21'h000000,
  output reg         done = 1'h0,
  output wire        spikes,
  input  wire        clk
);
  reg [17:0] bias_0_1 = 18'h00000;
  reg [53:0] constants_data;
  reg [20:0] current = 21'h000000;
  reg [19:0] decoder_0_1 = 20'h00000;
  reg [19:0] decoder_0_2 = 20'h00000;
  reg [19:0] decoder_0_3 = 20'h00000;
  reg [19:0] decoder_0_4 = 20'h00000;
  reg [19:0] decoder_0_5 = 20'h00000;
  reg [19:0] decoder_0_6 = 20'h00000;
  reg done_1 = 1'h0;
  reg done_10 = 1'h0;
  reg done_11 = 1'h0;
  reg done_12 = 1'h0;
  reg done_13 = 1'h0;
  reg done_14 = 1'h0;
  reg done_15 = 1'h0;
  reg done_16 = 1'h0;
  reg done_2 = 1'h0;
  reg done_3 = 1'h0;
  reg done_4 = 1'h0;
  reg done_5 = 1'h0;
  reg done_6 = 1'h0;
  reg done_7 = 1'h0;
  reg done_8 = 1'h0;
  reg done_9 = 1'h0;
  wire [37:0] for_current_2;
  reg [18:0] for_part_0 = 19'h00000;
  reg [34:0] for_product_0_2 = 35'h000000000;
  wire last;
  reg [1:0] next_slot = 2'h0;
  wire [20:0] part_0;
  reg part_0_reg_20 = 1'h0;
  reg place = 1'h0;
  wire [35:0] product_0;
  wire signal;
  reg signal_2 = 1'h0;
  wire [20:0] signal_3;
  wire signal_4;
  reg [1:0] signal_5 = 2'h0;
  reg [20:0] so_far = 21'h000000;
  reg [1:0] spiking_slot_1 = 2'h0;
  reg [1:0] spiking_slot_3 = 2'h0;
  reg [1:0] spiking_slot_4 = 2'h0;
  reg [1:0] spiking_slot_5 = 2'h0;
  reg [1:0] spiking_slot_6 = 2'h0;
  reg [3:0] sum_tag_1 = 4'h0;
  reg [3:0] tag_1 = 4'h0;
  reg [3:0] tag_2 = 4'h0;
  reg [3:0] tag_3 = 4'h0;
  reg [3:0] tag_4 = 4'h0;
  reg [3:0] tag_5 = 4'h0;
  reg [3:0] tag_6 = 4'h0;
  reg [3:0] tag_7 = 4'h0;
  reg valid = 1'h0;
  reg valid_1 = 1'h0;
  reg valid_2 = 1'h0;
  wire [19:0] y_2;
  reg [53:0] constants [0:3];
  initial begin
    constants[0] = 54'h3596102de1e635;
    constants[1] = 54'h1874cbf028156d;
    constants[2] = 54'h210adff991f1b4;
    constants[3] = 54'h18e74622bd650c;
  end
  always @(posedge clk) begin
    constants_data <= constants[signal_5];
  end
  spiking_memory_bank_unit_0 unit_0 (
    .clk(clk),
    .count(spikes),
    .current(current),
    .fresh(fresh),
    .next_slot(next_slot),
    .rst(rst),
    .valid(valid)
  );
  assign signal = signal_2 & !place;
  assign signal_4 = signal_2 & place;
  assign last = signal_2 & (signal_5 == 2'h3);
  assign y_2 = fresh ? 20'h00000 : y;
  assign signal_3 = $signed(sum_tag_1[1] ? 21'h000000 : so_far) + $signed({part_0[20], part_0[18:0]});
  wire [34:0] for_current = $signed(product_0[34:0]) + $signed({bias_0_1, 14'h0000});
  assign for_current_2[34:0] = $signed(for_current) + $signed(15'h2000);
  assign part_0[18:0] = for_part_0;
  assign part_0[20] = part_0_reg_20;
  assign product_0[34:0] = for_product_0_2;
  assign part_0[19] = part_0[20];
  assign spiking = tag_7[0];
  always @(posedge clk)
    if (rst) signal_2 <= 1'h0;
    else signal_2 <= (signal_2 & ~last) | start;
  always @(posedge clk)
    if (rst) done <= 1'h0;
    else done <= done_16;
  always @(posedge clk)
    if (rst) done_16 <= 1'h0;
    else done_16 <= done_15;
  always @(posedge clk)
    if (rst) done_15 <= 1'h0;
    else done_15 <= done_14;
  always @(posedge clk)
    if (rst) done_14 <= 1'h0;
    else done_14 <= done_13;
  always @(posedge clk)
    if (rst) done_13 <= 1'h0;
    else done_13 <= done_12;
  always @(posedge clk)
    if (rst) done_12 <= 1'h0;
    else done_12 <= done_11;
  always @(posedge clk)
    if (rst) done_11 <= 1'h0;
    else done_11 <= done_10;
  always @(posedge clk)
    if (rst) done_10 <= 1'h0;
    else done_10 <= done_9;
  always @(posedge clk)
    if (rst) done_9 <= 1'h0;
    else done_9 <= done_8;
  always @(posedge clk)
    if (rst) done_8 <= 1'h0;
    else done_8 <= done_7;
  always @(posedge clk)
    if (rst) done_7 <= 1'h0;
    else done_7 <= done_6;
  always @(posedge clk)
    if (rst) done_6 <= 1'h0;
    else done_6 <= done_5;
  always @(posedge clk)
    if (rst) done_5 <= 1'h0;
    else done_5 <= done_4;
  always @(posedge clk)
    if (rst) done_4 <= 1'h0;
    else done_4 <= done_3;
  always @(posedge clk)
    if (rst) done_3 <= 1'h0;
    else done_3 <= done_2;
  always @(posedge clk)
    if (rst) done_2 <= 1'h0;
    else done_2 <= done_1;
  always @(posedge clk)
    if (rst) done_1 <= 1'h0;
    else done_1 <= last;
  always @(posedge clk)
    if (rst) decoded <= 21'h000000;
    else decoded <= signal_3;
  always @(posedge clk)
    if (rst) ensemble <= 1'h0;
    else ensemble <= sum_tag_1[3];
  always @(posedge clk)
    if (rst) write <= 1'h0;
    else write <= sum_tag_1[2];
  always @(posedge clk)
    if (rst) so_far <= 21'h000000;
    else if (sum_tag_1[0]) so_far <= signal_3;
  always @(posedge clk)
    if (rst) sum_tag_1 <= 4'h0;
    else sum_tag_1 <= tag_7;
  always @(posedge clk)
    if (rst) spiking_slot <= 2'h0;
    else spiking_slot <= spiking_slot_6;
  always @(posedge clk)
    if (rst) spiking_slot_6 <= 2'h0;
    else spiking_slot_6 <= spiking_slot_5;
  always @(posedge clk)
    if (rst) spiking_slot_5 <= 2'h0;
    else spiking_slot_5 <= spiking_slot_4;
  always @(posedge clk)
    if (rst) spiking_slot_4 <= 2'h0;
    else spiking_slot_4 <= spiking_slot_3;
  always @(posedge clk)
    if (rst) spiking_slot_3 <= 2'h0;
    else spiking_slot_3 <= next_slot;
  always @(posedge clk)
    if (rst) next_slot <= 2'h0;
    else next_slot <= spiking_slot_1;
  always @(posedge clk)
    if (rst) spiking_slot_1 <= 2'h0;
    else spiking_slot_1 <= signal_5;
  always @(posedge clk)
    if (rst) tag_7 <= 4'h0;
    else tag_7 <= tag_6;
  always @(posedge clk)
    if (rst) tag_6 <= 4'h0;
    else tag_6 <= tag_5;
  always @(posedge clk)
    if (rst) tag_5 <= 4'h0;
    else tag_5 <= tag_4;
  always @(posedge clk)
    if (rst) tag_4 <= 4'h0;
    else tag_4 <= tag_3;
  always @(posedge clk)
    if (rst) tag_3 <= 4'h0;
    else tag_3 <= tag_2;
  always @(posedge clk)
    if (rst) tag_2 <= 4'h0;
    else tag_2 <= tag_1;
  always @(posedge clk)
    if (rst) tag_1 <= 4'h0;
    else tag_1 <= {y_address, signal_4, signal, signal_2};
  always @(posedge clk)
    if (rst | ~spikes) for_part_0 <= 19'h00000;
    else for_part_0 <= decoder_0_6[18:0];
  wire [19:0] for_part_0_reg_20 = spikes ? decoder_0_6 : 20'h00000;
  always @(posedge clk)
    if (rst) part_0_reg_20 <= 1'h0;
    else part_0_reg_20 <= for_part_0_reg_20[19];
  always @(posedge clk)
    if (rst) decoder_0_6 <= 20'h00000;
    else decoder_0_6 <= decoder_0_5;
  always @(posedge clk)
    if (rst) decoder_0_5 <= 20'h00000;
    else decoder_0_5 <= decoder_0_4;
  always @(posedge clk)
    if (rst) decoder_0_4 <= 20'h00000;
    else decoder_0_4 <= decoder_0_3;
  always @(posedge clk)
    if (rst) decoder_0_3 <= 20'h00000;
    else decoder_0_3 <= decoder_0_2;
  always @(posedge clk)
    if (rst) decoder_0_2 <= 20'h00000;
    else decoder_0_2 <= decoder_0_1;
  always @(posedge clk)
    if (rst) decoder_0_1 <= 20'h00000;
    else decoder_0_1 <= constants_data[53:34];
  always @(posedge clk)
    if (rst) current <= 21'h000000;
    else current <= for_current_2[34:14];
  always @(posedge clk)
    if (rst) bias_0_1 <= 18'h00000;
    else bias_0_1 <= constants_data[33:16];
  wire [34:0] for_product_0 = $signed(constants_data[15:0]) * $signed(y_2);
  always @(posedge clk)
    if (rst) for_product_0_2 <= 35'h000000000;
    else for_product_0_2 <= for_product_0;
  always @(posedge clk)
    if (rst) valid <= 1'h0;
    else valid <= valid_2;
  always @(posedge clk)
    if (rst) valid_2 <= 1'h0;
    else valid_2 <= valid_1;
  always @(posedge clk)
    if (rst) valid_1 <= 1'h0;
    else valid_1 <= signal_2;
  wire for_y_address = rst | start;
  always @(posedge clk)
    if (for_y_address) y_address <= 1'h0;
    else if (signal_4 & signal_2) y_address <= last ? 1'h0 : (y_address + 1'h1);
  always @(posedge clk)
    if (for_y_address) place <= 1'h0;
    else if (signal_2) place <= signal_4 ? 1'h0 : (place + 1'h1);
  always @(posedge clk)
    if (for_y_address) signal_5 <= 2'h0;
    else if (signal_2) signal_5 <= last ? 2'h0 : (signal_5 + 1'h1);
endmodule

// Regular leaky integrate-and-fire neurons, their voltages and refractory periods in a memory of the lane.
module spiking_memory_bank_unit_0 (
  input  wire        rst,
  input  wire        fresh,
  input  wire        valid,
  input  wire [1:0]  next_slot,
  input  wire [20:0] current,
  output reg         count = 1'h0,
  input  wire        clk
);
  reg [20:0] current_1 = 21'h000000;
  reg [22:0] divisor_1 = 23'h000000;
  reg [22:0] divisor_1_1 = 23'h000000;
  reg [22:0] divisor_2_1 = 23'h000000;
  reg [22:0] divisor_3_1 = 23'h000000;
  reg [22:0] divisor_4_1 = 23'h000000;
  reg [22:0] divisor_5_1 = 23'h000000;
  reg [22:0] divisor_6_1 = 23'h000000;
  reg [22:0] divisor_7_1 = 23'h000000;
  reg [22:0] divisor_8_1 = 23'h000000;
  reg fired_1 = 1'h0;
  reg fired_10 = 1'h0;
  reg fired_2 = 1'h0;
  reg fired_3 = 1'h0;
  reg fired_4 = 1'h0;
  reg fired_5 = 1'h0;
  reg fired_6 = 1'h0;
  reg fired_7 = 1'h0;
  reg fired_8 = 1'h0;
  reg fired_9 = 1'h0;
  wire [31:0] for_leaking;
  reg [29:0] for_leaking_2 = 30'h00000000;
  wire [38:0] for_rest_8;
  reg [15:0] held_1 = 16'h0000;
  reg [15:0] held_2 = 16'h0000;
  reg [15:0] kept = 16'h0000;
  reg [15:0] kept_1 = 16'h0000;
  reg [15:0] kept_10 = 16'h0000;
  reg [15:0] kept_2 = 16'h0000;
  reg [15:0] kept_3 = 16'h0000;
  reg [15:0] kept_4 = 16'h0000;
  reg [15:0] kept_5 = 16'h0000;
  reg [15:0] kept_6 = 16'h0000;
  reg [15:0] kept_7 = 16'h0000;
  reg [15:0] kept_8 = 16'h0000;
  reg [15:0] kept_9 = 16'h0000;
  wire [31:0] leaking;
  reg [9:0] left = 10'h000;
  reg [9:0] left_1 = 10'h000;
  reg [9:0] left_10 = 10'h000;
  reg [9:0] left_11 = 10'h000;
  reg [9:0] left_12 = 10'h000;
  reg [9:0] left_13 = 10'h000;
  reg [9:0] left_2 = 10'h000;
  reg [9:0] left_3 = 10'h000;
  reg [9:0] left_4 = 10'h000;
  reg [9:0] left_5 = 10'h000;
  reg [9:0] left_6 = 10'h000;
  reg [9:0] left_7 = 10'h000;
  reg [9:0] left_8 = 10'h000;
  reg [9:0] left_9 = 10'h000;
  reg [22:0] moved_4 = 23'h000000;
  reg [7:0] quotient_0_1 = 8'h00;
  reg [6:0] quotient_1_1 = 7'h00;
  reg [5:0] quotient_2_1 = 6'h00;
  reg [4:0] quotient_3_1 = 5'h00;
  reg [3:0] quotient_4_1 = 4'h0;
  reg [2:0] quotient_5_1 = 3'h0;
  reg [1:0] quotient_6_1 = 2'h0;
  reg quotient_7_1 = 1'h0;
  reg quotient_bit_0 = 1'h0;
  reg quotient_bit_1 = 1'h0;
  reg quotient_bit_2 = 1'h0;
  reg quotient_bit_3 = 1'h0;
  reg quotient_bit_4 = 1'h0;
  reg quotient_bit_5 = 1'h0;
  reg quotient_bit_6 = 1'h0;
  reg quotient_bit_7 = 1'h0;
  reg quotient_bit_8 = 1'h0;
  wire [23:0] reached;
  reg [32:0] rest = 33'h000000000;
  reg [32:0] rest_1 = 33'h000000000;
  reg [32:0] rest_2 = 33'h000000000;
  reg [32:0] rest_3 = 33'h000000000;
  reg [32:0] rest_4 = 33'h000000000;
  reg [32:0] rest_5 = 33'h000000000;
  reg [32:0] rest_6 = 33'h000000000;
  reg [32:0] rest_7 = 33'h000000000;
  reg [32:0] rest_8 = 33'h000000000;
  reg [21:0] rise = 22'h000000;
  reg [30:0] scaled = 31'h00000000;
  reg [8:0] share_1 = 9'h000;
  reg [8:0] share_last_1 = 9'h000;
  reg [8:0] share_late_1 = 9'h000;
  wire [15:0] signal;
  reg [8:0] signal_2 = 9'h000;
  reg [23:0] signal_3 = 24'h000000;
  reg [25:0] signature_data;
  reg [15:0] signature_data_2;
  reg [1:0] slot_1 = 2'h0;
  reg [1:0] slot_10 = 2'h0;
  reg [1:0] slot_11 = 2'h0;
  reg [1:0] slot_12 = 2'h0;
  reg [1:0] slot_13 = 2'h0;
  reg [1:0] slot_14 = 2'h0;
  reg [1:0] slot_15 = 2'h0;
  reg [1:0] slot_2 = 2'h0;
  reg [1:0] slot_3 = 2'h0;
  reg [1:0] slot_4 = 2'h0;
  reg [1:0] slot_5 = 2'h0;
  reg [1:0] slot_6 = 2'h0;
  reg [1:0] slot_7 = 2'h0;
  reg [1:0] slot_8 = 2'h0;
  reg [1:0] slot_9 = 2'h0;
  reg valid_1 = 1'h0;
  reg valid_10 = 1'h0;
  reg valid_11 = 1'h0;
  reg valid_12 = 1'h0;
  reg valid_13 = 1'h0;
  reg valid_14 = 1'h0;
  reg valid_2 = 1'h0;
  reg valid_3 = 1'h0;
  reg valid_4 = 1'h0;
  reg valid_5 = 1'h0;
  reg valid_6 = 1'h0;
  reg valid_7 = 1'h0;
  reg valid_8 = 1'h0;
  reg valid_9 = 1'h0;
  reg [15:0] voltage_1 = 16'h0000;
  wire [9:0] waiting;
  wire [25:0] write_data;
  reg [15:0] phases [0:3];
  reg [25:0] state [0:3];
  initial begin
    phases[0] = 16'h80fb;
    phases[1] = 16'he51c;
    phases[2] = 16'hf461;
    phases[3] = 16'hdc44;
  end
  always @(posedge clk) begin
    signature_data_2 <= phases[next_slot];
  end
  initial begin
    state[0] = 26'h0000000;
    state[1] = 26'h0000000;
    state[2] = 26'h0000000;
    state[3] = 26'h0000000;
  end
  always @(posedge clk) begin
    if (valid_14)
      state[slot_15] <= { write_data[25:16], kept_10 };
  end
  always @(posedge clk) begin
    signature_data <= state[next_slot];
  end
  assign signal = fresh ? signature_data_2 : signature_data[15:0];
  assign waiting = fresh ? 10'h000 : signature_data[25:16];
  wire [31:0] for_reached = $signed(scaled) + $signed(9'h080);
  assign reached = $signed(for_reached[31:8]) + $signed({1'h0, held_2});
  assign write_data[25:16] = fired_10 ? (10'h200 - {quotient_0_1, quotient_bit_0}) : left_13;
  assign for_leaking[31:2] = signal * 14'h31f1;
  assign for_rest_8[32:0] = rest - {divisor_1, 8'h00};
  assign leaking[31:2] = for_leaking_2;
  assign for_rest_8[37:33] = {{5{for_rest_8[38]}}};
  assign for_leaking[1:0] = 2'h0;
  assign leaking[1:0] = 2'h0;
  assign write_data[15:0] = kept_10;
  always @(posedge clk)
    if (rst) left_13 <= 10'h000;
    else left_13 <= left_12;
  always @(posedge clk)
    if (rst) left_12 <= 10'h000;
    else left_12 <= left_11;
  always @(posedge clk)
    if (rst) left_11 <= 10'h000;
    else left_11 <= left_10;
  always @(posedge clk)
    if (rst) left_10 <= 10'h000;
    else left_10 <= left_9;
  always @(posedge clk)
    if (rst) left_9 <= 10'h000;
    else left_9 <= left_8;
  always @(posedge clk)
    if (rst) left_8 <= 10'h000;
    else left_8 <= left_7;
  always @(posedge clk)
    if (rst) left_7 <= 10'h000;
    else left_7 <= left_6;
  always @(posedge clk)
    if (rst) left_6 <= 10'h000;
    else left_6 <= left_5;
  always @(posedge clk)
    if (rst) left_5 <= 10'h000;
    else left_5 <= left_4;
  always @(posedge clk)
    if (rst) left_4 <= 10'h000;
    else left_4 <= left_3;
  always @(posedge clk)
    if (rst) left_3 <= 10'h000;
    else left_3 <= left_2;
  always @(posedge clk)
    if (rst) left_2 <= 10'h000;
    else left_2 <= left_1;
  always @(posedge clk)
    if (rst) left_1 <= 10'h000;
    else left_1 <= left;
  always @(posedge clk)
    if (rst) fired_10 <= 1'h0;
    else fired_10 <= fired_9;
  always @(posedge clk)
    if (rst) fired_9 <= 1'h0;
    else fired_9 <= fired_8;
  always @(posedge clk)
    if (rst) fired_8 <= 1'h0;
    else fired_8 <= fired_7;
  always @(posedge clk)
    if (rst) fired_7 <= 1'h0;
    else fired_7 <= fired_6;
  always @(posedge clk)
    if (rst) fired_6 <= 1'h0;
    else fired_6 <= fired_5;
  always @(posedge clk)
    if (rst) fired_5 <= 1'h0;
    else fired_5 <= fired_4;
  always @(posedge clk)
    if (rst) fired_4 <= 1'h0;
    else fired_4 <= fired_3;
  always @(posedge clk)
    if (rst) fired_3 <= 1'h0;
    else fired_3 <= fired_2;
  always @(posedge clk)
    if (rst) fired_2 <= 1'h0;
    else fired_2 <= fired_1;
  always @(posedge clk)
    if (rst) fired_1 <= 1'h0;
    else fired_1 <= count;
  always @(posedge clk)
    if (rst) kept_10 <= 16'h0000;
    else kept_10 <= kept_9;
  always @(posedge clk)
    if (rst) kept_9 <= 16'h0000;
    else kept_9 <= kept_8;
  always @(posedge clk)
    if (rst) kept_8 <= 16'h0000;
    else kept_8 <= kept_7;
  always @(posedge clk)
    if (rst) kept_7 <= 16'h0000;
    else kept_7 <= kept_6;
  always @(posedge clk)
    if (rst) kept_6 <= 16'h0000;
    else kept_6 <= kept_5;
  always @(posedge clk)
    if (rst) kept_5 <= 16'h0000;
    else kept_5 <= kept_4;
  always @(posedge clk)
    if (rst) kept_4 <= 16'h0000;
    else kept_4 <= kept_3;
  always @(posedge clk)
    if (rst) kept_3 <= 16'h0000;
    else kept_3 <= kept_2;
  always @(posedge clk)
    if (rst) kept_2 <= 16'h0000;
    else kept_2 <= kept_1;
  always @(posedge clk)
    if (rst) kept_1 <= 16'h0000;
    else kept_1 <= kept;
  always @(posedge clk)
    if (rst) valid_14 <= 1'h0;
    else valid_14 <= valid_13;
  always @(posedge clk)
    if (rst) valid_13 <= 1'h0;
    else valid_13 <= valid_12;
  always @(posedge clk)
    if (rst) valid_12 <= 1'h0;
    else valid_12 <= valid_11;
  always @(posedge clk)
    if (rst) valid_11 <= 1'h0;
    else valid_11 <= valid_10;
  always @(posedge clk)
    if (rst) valid_10 <= 1'h0;
    else valid_10 <= valid_9;
  always @(posedge clk)
    if (rst) valid_9 <= 1'h0;
    else valid_9 <= valid_8;
  always @(posedge clk)
    if (rst) valid_8 <= 1'h0;
    else valid_8 <= valid_7;
  always @(posedge clk)
    if (rst) valid_7 <= 1'h0;
    else valid_7 <= valid_6;
  always @(posedge clk)
    if (rst) valid_6 <= 1'h0;
    else valid_6 <= valid_5;
  always @(posedge clk)
    if (rst) valid_5 <= 1'h0;
    else valid_5 <= valid_4;
  always @(posedge clk)
    if (rst) valid_4 <= 1'h0;
    else valid_4 <= valid_3;
  always @(posedge clk)
    if (rst) valid_3 <= 1'h0;
    else valid_3 <= valid_2;
  always @(posedge clk)
    if (rst) valid_2 <= 1'h0;
    else valid_2 <= valid_1;
  always @(posedge clk)
    if (rst) valid_1 <= 1'h0;
    else valid_1 <= valid;
  always @(posedge clk)
    if (rst) slot_15 <= 2'h0;
    else slot_15 <= slot_14;
  always @(posedge clk)
    if (rst) slot_14 <= 2'h0;
    else slot_14 <= slot_13;
  always @(posedge clk)
    if (rst) slot_13 <= 2'h0;
    else slot_13 <= slot_12;
  always @(posedge clk)
    if (rst) slot_12 <= 2'h0;
    else slot_12 <= slot_11;
  always @(posedge clk)
    if (rst) slot_11 <= 2'h0;
    else slot_11 <= slot_10;
  always @(posedge clk)
    if (rst) slot_10 <= 2'h0;
    else slot_10 <= slot_9;
  always @(posedge clk)
    if (rst) slot_9 <= 2'h0;
    else slot_9 <= slot_8;
  always @(posedge clk)
    if (rst) slot_8 <= 2'h0;
    else slot_8 <= slot_7;
  always @(posedge clk)
    if (rst) slot_7 <= 2'h0;
    else slot_7 <= slot_6;
  always @(posedge clk)
    if (rst) slot_6 <= 2'h0;
    else slot_6 <= slot_5;
  always @(posedge clk)
    if (rst) slot_5 <= 2'h0;
    else slot_5 <= slot_4;
  always @(posedge clk)
    if (rst) slot_4 <= 2'h0;
    else slot_4 <= slot_3;
  always @(posedge clk)
    if (rst) slot_3 <= 2'h0;
    else slot_3 <= slot_2;
  always @(posedge clk)
    if (rst) slot_2 <= 2'h0;
    else slot_2 <= slot_1;
  always @(posedge clk)
    if (rst) slot_1 <= 2'h0;
    else slot_1 <= next_slot;
  always @(posedge clk)
    if (rst) quotient_0_1 <= 8'h00;
    else quotient_0_1 <= {quotient_1_1, quotient_bit_1};
  always @(posedge clk)
    if (rst) quotient_bit_0 <= 1'h0;
    else quotient_bit_0 <= rest_1 >= divisor_1_1;
  always @(posedge clk)
    if (rst) quotient_1_1 <= 7'h00;
    else quotient_1_1 <= {quotient_2_1, quotient_bit_2};
  always @(posedge clk)
    if (rst) divisor_1_1 <= 23'h000000;
    else divisor_1_1 <= divisor_2_1;
  wire for_quotient_bit_1 = rest_2 >= {divisor_2_1, 1'h0};
  always @(posedge clk)
    if (rst) quotient_bit_1 <= 1'h0;
    else quotient_bit_1 <= for_quotient_bit_1;
  always @(posedge clk)
    if (rst) rest_1 <= 33'h000000000;
    else rest_1 <= for_quotient_bit_1 ? (rest_2 - {divisor_2_1, 1'h0}) : rest_2;
  always @(posedge clk)
    if (rst) quotient_2_1 <= 6'h00;
    else quotient_2_1 <= {quotient_3_1, quotient_bit_3};
  always @(posedge clk)
    if (rst) divisor_2_1 <= 23'h000000;
    else divisor_2_1 <= divisor_3_1;
  wire for_quotient_bit_2 = rest_3 >= {divisor_3_1, 2'h0};
  always @(posedge clk)
    if (rst) quotient_bit_2 <= 1'h0;
    else quotient_bit_2 <= for_quotient_bit_2;
  always @(posedge clk)
    if (rst) rest_2 <= 33'h000000000;
    else rest_2 <= for_quotient_bit_2 ? (rest_3 - {divisor_3_1, 2'h0}) : rest_3;
  always @(posedge clk)
    if (rst) quotient_3_1 <= 5'h00;
    else quotient_3_1 <= {quotient_4_1, quotient_bit_4};
  always @(posedge clk)
    if (rst) divisor_3_1 <= 23'h000000;
    else divisor_3_1 <= divisor_4_1;
  wire for_quotient_bit_3 = rest_4 >= {divisor_4_1, 3'h0};
  always @(posedge clk)
    if (rst) quotient_bit_3 <= 1'h0;
    else quotient_bit_3 <= for_quotient_bit_3;
  always @(posedge clk)
    if (rst) rest_3 <= 33'h000000000;
    else rest_3 <= for_quotient_bit_3 ? (rest_4 - {divisor_4_1, 3'h0}) : rest_4;
  always @(posedge clk)
    if (rst) quotient_4_1 <= 4'h0;
    else quotient_4_1 <= {quotient_5_1, quotient_bit_5};
  always @(posedge clk)
    if (rst) divisor_4_1 <= 23'h000000;
    else divisor_4_1 <= divisor_5_1;
  wire for_quotient_bit_4 = rest_5 >= {divisor_5_1, 4'h0};
  always @(posedge clk)
    if (rst) quotient_bit_4 <= 1'h0;
    else quotient_bit_4 <= for_quotient_bit_4;
  always @(posedge clk)
    if (rst) rest_4 <= 33'h000000000;
    else rest_4 <= for_quotient_bit_4 ? (rest_5 - {divisor_5_1, 4'h0}) : rest_5;
  always @(posedge clk)
    if (rst) quotient_5_1 <= 3'h0;
    else quotient_5_1 <= {quotient_6_1, quotient_bit_6};
  always @(posedge clk)
    if (rst) divisor_5_1 <= 23'h000000;
    else divisor_5_1 <= divisor_6_1;
  wire for_quotient_bit_5 = rest_6 >= {divisor_6_1, 5'h00};
  always @(posedge clk)
    if (rst) quotient_bit_5 <= 1'h0;
    else quotient_bit_5 <= for_quotient_bit_5;
  always @(posedge clk)
    if (rst) rest_5 <= 33'h000000000;
    else rest_5 <= for_quotient_bit_5 ? (rest_6 - {divisor_6_1, 5'h00}) : rest_6;
  always @(posedge clk)
    if (rst) quotient_6_1 <= 2'h0;
    else quotient_6_1 <= {quotient_7_1, quotient_bit_7};
  always @(posedge clk)
    if (rst) divisor_6_1 <= 23'h000000;
    else divisor_6_1 <= divisor_7_1;
  wire for_quotient_bit_6 = rest_7 >= {divisor_7_1, 6'h00};
  always @(posedge clk)
    if (rst) quotient_bit_6 <= 1'h0;
    else quotient_bit_6 <= for_quotient_bit_6;
  always @(posedge clk)
    if (rst) rest_6 <= 33'h000000000;
    else rest_6 <= for_quotient_bit_6 ? (rest_7 - {divisor_7_1, 6'h00}) : rest_7;
  always @(posedge clk)
    if (rst) quotient_7_1 <= 1'h0;
    else quotient_7_1 <= quotient_bit_8;
  always @(posedge clk)
    if (rst) divisor_7_1 <= 23'h000000;
    else divisor_7_1 <= divisor_8_1;
  wire for_quotient_bit_7 = rest_8 >= {divisor_8_1, 7'h00};
  always @(posedge clk)
    if (rst) quotient_bit_7 <= 1'h0;
    else quotient_bit_7 <= for_quotient_bit_7;
  always @(posedge clk)
    if (rst) rest_7 <= 33'h000000000;
    else rest_7 <= for_quotient_bit_7 ? (rest_8 - {divisor_8_1, 7'h00}) : rest_8;
  always @(posedge clk)
    if (rst) divisor_8_1 <= 23'h000000;
    else divisor_8_1 <= divisor_1;
  wire for_quotient_bit_8 = rest >= {divisor_1, 8'h00};
  always @(posedge clk)
    if (rst) quotient_bit_8 <= 1'h0;
    else quotient_bit_8 <= for_quotient_bit_8;
  always @(posedge clk)
    if (rst) rest_8 <= 33'h000000000;
    else rest_8 <= for_quotient_bit_8 ? for_rest_8[32:0] : rest;
  always @(posedge clk)
    if (rst) divisor_1 <= 23'h000000;
    else divisor_1 <= moved_4;
  wire [32:0] for_rest = signal_3 * share_last_1;
  always @(posedge clk)
    if (rst) rest <= 33'h000000000;
    else rest <= for_rest;
  always @(posedge clk)
    if (rst) share_last_1 <= 9'h000;
    else share_last_1 <= share_late_1;
  always @(posedge clk)
    if (rst) moved_4 <= 23'h000000;
    else moved_4 <= for_reached[30:8];
  wire [23:0] for_signal_3 = $signed(reached) - $signed(18'h10000);
  always @(posedge clk)
    if (rst) signal_3 <= 24'h000000;
    else signal_3 <= for_signal_3;
  wire for_kept = $signed(reached) >= $signed(18'h10000);
  always @(posedge clk)
    if (($signed(reached) < $signed(1'h0)) | for_kept | rst) kept <= 16'h0000;
    else kept <= reached[15:0];
  always @(posedge clk)
    if (rst) count <= 1'h0;
    else count <= for_kept;
  always @(posedge clk)
    if (rst) held_2 <= 16'h0000;
    else held_2 <= held_1;
  always @(posedge clk)
    if (rst) held_1 <= 16'h0000;
    else held_1 <= voltage_1;
  always @(posedge clk)
    if (rst) share_late_1 <= 9'h000;
    else share_late_1 <= share_1;
  wire [30:0] for_scaled = $signed(rise) * $signed({1'h0, share_1});
  always @(posedge clk)
    if (rst) scaled <= 31'h00000000;
    else scaled <= for_scaled;
  always @(posedge clk)
    if (rst) share_1 <= 9'h000;
    else share_1 <= signal_2;
  wire [32:0] for_rise = {leaking[31:2], 2'h0} + 20'h80000;
  wire [21:0] for_rise_2 = $signed(current_1) - $signed({1'h0, for_rise[32:20]});
  always @(posedge clk)
    if (rst) rise <= 22'h000000;
    else rise <= for_rise_2;
  always @(posedge clk)
    if (rst) voltage_1 <= 16'h0000;
    else voltage_1 <= signal;
  always @(posedge clk)
    if (rst) current_1 <= 21'h000000;
    else current_1 <= current;
  wire for_left = waiting >= 9'h100;
  always @(posedge clk)
    if (~for_left | rst) left <= 10'h000;
    else left <= waiting - 9'h100;
  always @(posedge clk)
    if (for_left | rst) signal_2 <= 9'h000;
    else signal_2 <= 9'h100 - waiting[8:0];
  always @(posedge clk)
    if (rst) for_leaking_2 <= 30'h00000000;
    else for_leaking_2 <= for_leaking[31:2];
endmodule

// First y_k⁺ = narrow(Σ_j L_kj S_j + (1 − leak) y_k + W_k u) for all k, then x_i = narrow(Σ_k T_ik y_k⁺).
module spiking_memory_map (
  input  wire        rst,
  input  wire        start,
  output reg  [19:0] y,
  input  wire [15:0] u,
  input  wire        fresh,
  input  wire        other_addr,
  input  wire        write,
  input  wire        ensemble,
  input  wire [20:0] decoded,
  output reg         settled = 1'h0,
  output reg         word_valid = 1'h0,
  output reg  [19:0] word = 20'h00000,
  output reg         index = 1'h0,
  input  wire        clk
);
  reg adds_1 = 1'h0;
  reg adds_2 = 1'h0;
  reg as_zero_1 = 1'h0;
  reg at_1 = 1'h0;
  reg at_2 = 1'h0;
  reg at_3 = 1'h0;
  reg done_1 = 1'h0;
  reg done_2 = 1'h0;
  reg done_3 = 1'h0;
  reg for_state_1 = 1'h0;
  reg for_state_2 = 1'h0;
  reg for_state_3 = 1'h0;
  reg from_input_1 = 1'h0;
  reg from_sums_1 = 1'h0;
  wire issued;
  wire last;
  wire [20:0] operand;
  reg second_map = 1'h0;
  wire [19:0] settle_data;
  wire settle_en;
  reg settles_1 = 1'h0;
  reg settles_2 = 1'h0;
  reg settles_3 = 1'h0;
  wire signal;
  reg [1:0] signal_2 = 2'h0;
  reg signal_3 = 1'h0;
  reg signal_4 = 1'h0;
  reg [44:0] signal_5 = 45'h000000000000;
  reg [3:0] signature_addr = 4'h0;
  wire signature_addr_2;
  reg [19:0] signature_data;
  reg [23:0] signature_data_2;
  reg [20:0] summed_data;
  reg [44:0] total = 45'h000000000000;
  reg [23:0] constants [0:11];
  reg [20:0] sums [0:1];
  reg [19:0] y_2 [0:1];
  initial begin
    constants[0] = 24'h0037ac;
    constants[1] = 24'h009dc3;
    constants[2] = 24'h7eb9f4;
    constants[3] = 24'hfe31b9;
    constants[4] = 24'hff596e;
    constants[5] = 24'h00a03f;
    constants[6] = 24'h7eb9f4;
    constants[7] = 24'h007535;
    constants[8] = 24'hffd5d5;
    constants[9] = 24'h013865;
    constants[10] = 24'h01a119;
    constants[11] = 24'h00df2b;
  end
  always @(posedge clk) begin
    signature_data_2 <= constants[signature_addr];
  end
  initial begin
    sums[0] = 21'h000000;
    sums[1] = 21'h000000;
  end
  always @(posedge clk) begin
    if (write)
      sums[ensemble] <= decoded;
  end
  always @(posedge clk) begin
    summed_data <= sums[signal_2[0]];
  end
  initial begin
    y_2[0] = 20'h00000;
    y_2[1] = 20'h00000;
  end
  always @(posedge clk) begin
    if (settle_en)
      y_2[at_3] <= settle_data;
  end
  always @(posedge clk) begin
    y <= y_2[other_addr];
    signature_data <= y_2[signature_addr_2];
  end
  assign signal = signal_2 == (signal_3 ? 2'h3 : 2'h1);
  assign last = signal & signal_4;
  assign signature_addr_2 = signal_3 ? signal_4 : signal_2[0];
  assign issued = signal_3 | second_map;
  wire [19:0] for_operand = as_zero_1 ? 20'h00000 : signature_data;
  wire [20:0] for_operand_2 = from_input_1 ? {{3{u[15]}}, u, 2'h0} : {for_operand[19], for_operand};
  assign operand = from_sums_1 ? summed_data : for_operand_2;
  assign settle_en = done_3 & for_state_3;
  wire [45:0] for_settle_data = $signed(total) + $signed(24'h400000);
  wire [19:0] for_settle_data_2 = ($signed(for_settle_data[45:23]) < $signed(20'h80000)) ? 20'h80000
                                : for_settle_data[42:23];
  assign settle_data = ($signed(for_settle_data[45:23]) > $signed(20'h7ffff)) ? 20'h7ffff : for_settle_data_2;
  always @(posedge clk)
    if (rst) index <= 1'h0;
    else index <= at_3;
  wire [37:0] for_word = $signed(total[37:0]) + $signed(19'h20000);
  always @(posedge clk)
    if (rst) word <= 20'h00000;
    else word <= for_word[37:18];
  always @(posedge clk)
    if (rst) word_valid <= 1'h0;
    else word_valid <= done_3 & ~for_state_3;
  always @(posedge clk)
    if (rst) at_3 <= 1'h0;
    else at_3 <= at_2;
  always @(posedge clk)
    if (rst) at_2 <= 1'h0;
    else at_2 <= at_1;
  always @(posedge clk)
    if (rst) at_1 <= 1'h0;
    else at_1 <= signal_4;
  always @(posedge clk)
    if (rst) for_state_3 <= 1'h0;
    else for_state_3 <= for_state_2;
  always @(posedge clk)
    if (rst) for_state_2 <= 1'h0;
    else for_state_2 <= for_state_1;
  always @(posedge clk)
    if (rst) for_state_1 <= 1'h0;
    else for_state_1 <= signal_3;
  always @(posedge clk)
    if (rst) done_3 <= 1'h0;
    else done_3 <= done_2;
  always @(posedge clk)
    if (rst) done_2 <= 1'h0;
    else done_2 <= done_1;
  always @(posedge clk)
    if (rst) done_1 <= 1'h0;
    else done_1 <= signal & issued;
  wire [44:0] for_total = $signed(adds_2 ? 45'h000000000000 : total) + $signed(signal_5);
  always @(posedge clk)
    if (rst) total <= 45'h000000000000;
    else total <= for_total;
  always @(posedge clk)
    if (rst) adds_2 <= 1'h0;
    else adds_2 <= adds_1;
  always @(posedge clk)
    if (rst) adds_1 <= 1'h0;
    else adds_1 <= !signal_2;
  wire [44:0] for_signal_5 = $signed(signature_data_2) * $signed(operand);
  always @(posedge clk)
    if (rst) signal_5 <= 45'h000000000000;
    else signal_5 <= for_signal_5;
  always @(posedge clk)
    if (rst) as_zero_1 <= 1'h0;
    else as_zero_1 <= signal_3 & fresh;
  always @(posedge clk)
    if (rst) from_input_1 <= 1'h0;
    else from_input_1 <= signal_3 & (signal_2 == 2'h3);
  always @(posedge clk)
    if (rst) from_sums_1 <= 1'h0;
    else from_sums_1 <= signal_3 & (signal_2 < 2'h2);
  always @(posedge clk)
    if (rst) settled <= 1'h0;
    else settled <= settles_3;
  always @(posedge clk)
    if (rst) settles_3 <= 1'h0;
    else settles_3 <= settles_2;
  always @(posedge clk)
    if (rst) settles_2 <= 1'h0;
    else settles_2 <= settles_1;
  always @(posedge clk)
    if (rst) settles_1 <= 1'h0;
    else settles_1 <= signal_3 & last;
  wire for_second_map = (issued ? (last ? 1'h0 : second_map) : second_map) | settled;
  always @(posedge clk)
    if (rst) second_map <= 1'h0;
    else second_map <= for_second_map;
  wire for_signature_addr = issued | start;
  always @(posedge clk)
    if (rst) signature_addr <= 4'h0;
    else if (for_signature_addr) signature_addr <= issued ? (signature_addr + 1'h1) : 4'h0;
  wire [1:0] for_signal_2 = issued ? (signal ? 2'h0 : (signal_2 + 1'h1)) : 2'h0;
  always @(posedge clk)
    if (rst) signal_2 <= 2'h0;
    else if (for_signature_addr) signal_2 <= for_signal_2;
  wire for_signal_4 = start ? 1'h0 : signal_4;
  wire for_signal_4_2 = signal ? (signal_4 ? 1'h0 : (signal_4 + 1'h1)) : for_signal_4;
  always @(posedge clk)
    if (rst) signal_4 <= 1'h0;
    else signal_4 <= issued ? for_signal_4_2 : for_signal_4;
  wire for_signal_3 = signal_3 | start;
  always @(posedge clk)
    if (rst) signal_3 <= 1'h0;
    else signal_3 <= issued ? (last ? 1'h0 : for_signal_3) : for_signal_3;
endmodule

module spiking_memory_queue (
  input  wire        clk,
  input  wire        rst,
  output reg  [22:0] r_data,
  input  wire [22:0] w_port_data,
  input  wire        w_en,
  output reg         r_rdy = 1'h0,
  input  wire        r_en
);
  reg consume = 1'h0;
  reg [1:0] inner_level = 2'h0;
  wire inner_r_rdy;
  reg produce = 1'h0;
  wire r_port_en;
  wire w_port_en;
  wire w_rdy;
  reg [22:0] storage [0:1];
  initial begin
    storage[0] = 23'h000000;
    storage[1] = 23'h000000;
  end
  always @(posedge clk) begin
    if (w_port_en)
      storage[produce] <= w_port_data;
  end
  always @(posedge clk) begin
    if (r_port_en) begin
      r_data <= storage[consume];
    end
  end
  assign w_rdy = inner_level != 2'h2;
  assign inner_r_rdy = |inner_level;
  assign w_port_en = w_rdy & w_en;
  assign r_port_en = inner_r_rdy & (~r_rdy | r_en);
  always @(posedge clk)
    if (rst) r_rdy <= 1'h0;
    else r_rdy <= (r_en ? 1'h0 : r_rdy) | r_port_en;
  wire for_inner_level = r_port_en & ~w_port_en;
  always @(posedge clk)
    if (rst) inner_level <= 2'h0;
    else if (for_inner_level | (w_port_en & ~r_port_en)) inner_level <= for_inner_level ? (inner_level - 1'h1) : (inner_level + 1'h1);
  always @(posedge clk)
    if (rst) consume <= 1'h0;
    else if (r_port_en) consume <= consume + 1'h1;
  always @(posedge clk)
    if (rst) produce <= 1'h0;
    else if (w_port_en) produce <= produce + 1'h1;
endmodule
