// spiking_memory: Legendre memory of 4 lif neurons, 1 lane(s).
// order 2, theta 0.3 s, dt 0.001 s, zoh step, legendre basis
// synapse 0.1 s, seed 0; input sQ1.15, state sQ4.16
// A word moves at each rising edge of clk at which valid and ready of its stream are 1; until then it is held.
// A sample takes at least 34 cycles; its first answer comes 41 cycles after the sample was taken, if nothing holds it up.
// sQm.n has m bits before the binary point, the sign among them, and n behind it; uQm.n has no sign.
// Made by: golden
// Spiking memory: neurons that take turns, one per lane and cycle, and one multiplier for the maps between them.
module spiking_memory (
  input  wire        clk,          // clock, rising edge
  input  wire        rst,          // synchronous reset, active high; forgets all state
  input  wire        in_valid,     // a sample is offered
  output wire        in_ready,     // it is taken at this clock edge
  input  wire [15:0] in_data,      // sample, sQ1.15 two's complement
  input  wire        in_first,     // it starts a sequence: neurons, states and generators begin anew
  input  wire        in_last,      // it ends a sequence; handed on as out_last
  output wire        out_valid,    // a state word is offered
  input  wire        out_ready,    // it is taken at this clock edge
  output wire [19:0] out_data,     // state word, sQ4.16 two's complement
  output wire        out_index,    // which state, 0 to 1
  output wire        out_first,    // in_first of the sample
  output wire        out_last,     // in_last of the sample
  output wire        spike_valid,  // a group of neurons has made its step, in this cycle only
  output wire [1:0]  spike_group,  // which: its first neuron is number 1 spike_group
  output wire        spike_counts  // how often each of them fires: 1 count(s) of 1 bit(s), the first neuron's in the lowest
);
  wire done;
  wire y_address;
  wire sums_valid;
  wire sums_ensemble;
  wire [20:0] sums_value;
  wire settled;
  wire [19:0] y_value;
  wire w_en;
  wire [19:0] word_data;
  wire word_index;
  wire [22:0] r_data;
  reg busy = 1'b0;
  reg started = 1'b0;
  reg [15:0] sample_data = 16'd0;
  reg sample_first = 1'b0;
  reg sample_last = 1'b0;
  reg clear = 1'b0;
  reg pending = 1'b0;
  reg [1:0] words_left = 2'd0;
  reg word_first = 1'b0;
  reg word_last = 1'b0;

  assign in_ready = ~busy;
  wire accept = in_valid & in_ready;
  wire clear_now = in_first | ~started;
  wire either = done | pending;
  wire start = either & (words_left == 2'd0);
  wire both = out_valid & out_ready;
  assign out_data = r_data[19:0];
  assign out_index = r_data[20];
  assign out_first = r_data[21];
  assign out_last = r_data[22];

  // The neurons of a spiking memory: computes currents, spikes and decoded sums, one slot of neurons a cycle.
  spiking_memory_neurons neurons (
    .clk(clk),
    .rst(rst),
    .clear(clear),
    .start(accept),
    .y_value(y_value),
    .done(done),
    .y_address(y_address),
    .spikes_payload_group(spike_group),
    .spikes_payload_counts(spike_counts),
    .spikes_valid(spike_valid),
    .sums_valid(sums_valid),
    .sums_ensemble(sums_ensemble),
    .sums_value(sums_value)
  );
  // The maps of a spiking memory on one multiplier: the recurrence of y, then the transform to output states.
  spiking_memory_map map (
    .clk(clk),
    .rst(rst),
    .clear(clear),
    .u(sample_data),
    .start(start),
    .sums_valid(sums_valid),
    .sums_ensemble(sums_ensemble),
    .sums_value(sums_value),
    .y_address(y_address),
    .settled(settled),
    .y_value(y_value),
    .states_valid(w_en),
    .states_payload_data(word_data),
    .states_payload_index(word_index)
  );
  // Queue of state words that wait for the consumer.
  spiking_memory_queue queue (
    .clk(clk),
    .rst(rst),
    .w_data({word_last, word_first, word_index, word_data}),
    .w_en(w_en),
    .r_en(out_ready),
    .r_data(r_data),
    .r_rdy(out_valid)
  );

  always @(posedge clk)
    if (rst) busy <= 1'b0;
    else begin
      if (accept) busy <= 1'b1;
      if (settled) busy <= 1'b0;
    end
  always @(posedge clk)
    if (rst) begin
      started <= 1'b0;
      sample_data <= 16'd0;
      sample_first <= 1'b0;
      sample_last <= 1'b0;
      clear <= 1'b0;
    end else if (accept) begin
      started <= 1'b1;
      sample_data <= in_data;
      sample_first <= in_first;
      sample_last <= in_last;
      clear <= clear_now;
    end
  always @(posedge clk)
    if (rst) pending <= 1'b0;
    else pending <= either & ~start;
  always @(posedge clk)
    if (rst) words_left <= 2'd0;
    else if (settled) words_left <= 2'd2;
    else if (both) words_left <= words_left - 2'd1;
  always @(posedge clk)
    if (rst) begin
      word_first <= 1'b0;
      word_last <= 1'b0;
    end else if (settled) begin
      word_first <= sample_first;
      word_last <= sample_last;
    end
endmodule

// Queue of state words that wait for the consumer.
module spiking_memory_queue (
  input  wire        clk,
  input  wire        rst,
  input  wire [22:0] w_data,
  input  wire        w_en,
  input  wire        r_en,
  output reg  [22:0] r_data,
  output reg         r_rdy = 1'b0
);
  reg [22:0] storage [0:1];
  reg produce = 1'b0;
  reg consume = 1'b0;
  reg [1:0] inner_level = 2'd0;

  wire w_rdy = inner_level != 2'd2;
  wire inner_r_rdy = inner_level != 2'd0;
  wire w_port_en = w_rdy & w_en;
  wire r_port_en = inner_r_rdy & (~r_rdy | r_en);

  always @(posedge clk)
    if (w_port_en) storage[produce] <= w_data;
  always @(posedge clk)
    if (r_port_en) r_data <= storage[consume];
  always @(posedge clk)
    if (rst) produce <= 1'b0;
    else if (w_port_en) produce <= produce + 1'b1;
  always @(posedge clk)
    if (rst) consume <= 1'b0;
    else if (r_port_en) consume <= consume + 1'b1;
  always @(posedge clk)
    if (rst) inner_level <= 2'd0;
    else begin
      if (w_port_en & ~r_port_en) inner_level <= inner_level + 2'd1;
      if (r_port_en & ~w_port_en) inner_level <= inner_level - 2'd1;
    end
  always @(posedge clk)
    if (rst) r_rdy <= 1'b0;
    else if (r_port_en) r_rdy <= 1'b1;
    else if (r_en) r_rdy <= 1'b0;
endmodule

// The maps of a spiking memory on one multiplier: the recurrence of y, then the transform to output states.
module spiking_memory_map (
  input  wire        clk,
  input  wire        rst,
  input  wire        clear,
  input  wire [15:0] u,
  input  wire        start,
  input  wire        sums_valid,
  input  wire        sums_ensemble,
  input  wire [20:0] sums_value,
  input  wire        y_address,
  output wire        settled,
  output reg  [19:0] y_value,
  output reg         states_valid = 1'b0,
  output reg  [19:0] states_payload_data = 20'd0,
  output reg         states_payload_index = 1'b0
);
  reg [23:0] constants [0:11];
  reg [23:0] constant_data;
  reg [20:0] sums [0:1];
  reg [20:0] sums_read_data;
  reg [19:0] y [0:1];
  reg [19:0] y_read_data;
  reg product_multiply_first_map = 1'b0;
  reg product_multiply_from_sums = 1'b0;
  reg product_multiply_from_input = 1'b0;
  reg product_multiply_clear = 1'b0;
  reg product_multiply_opens = 1'b0;
  reg product_multiply_closes = 1'b0;
  reg product_multiply_last = 1'b0;
  reg product_multiply_row = 1'b0;
  reg product_add_first_map = 1'b0;
  reg product_add_opens = 1'b0;
  reg product_add_closes = 1'b0;
  reg product_add_last = 1'b0;
  reg product_add_row = 1'b0;
  reg product_round_first_map = 1'b0;
  reg product_round_closes = 1'b0;
  reg product_round_last = 1'b0;
  reg product_round_row = 1'b0;
  reg product_word_first_map = 1'b0;
  reg product_word_last = 1'b0;
  reg first_map = 1'b0;
  reg row = 1'b0;
  reg [1:0] column = 2'd0;
  reg [3:0] entry = 4'd0;
  reg second_map = 1'b0;
  reg [44:0] product = 45'd0;
  reg [44:0] row_sum = 45'd0;

  initial begin
    constants[0] = 24'h37ac;
    constants[1] = 24'h9dc3;
    constants[2] = 24'h7eb9f4;
    constants[3] = 24'hfe31b9;
    constants[4] = 24'hff596e;
    constants[5] = 24'ha03f;
    constants[6] = 24'h7eb9f4;
    constants[7] = 24'h7535;
    constants[8] = 24'hffd5d5;
    constants[9] = 24'h13865;
    constants[10] = 24'h1a119;
    constants[11] = 24'hdf2b;
  end

  assign settled = product_word_last & product_word_first_map;
  wire issued = first_map | second_map;
  wire row_ends = column == (first_map ? 2'd3 : 2'd1);
  wire product_issue_from_sums = first_map & (column < 2'd2);
  wire product_issue_from_input = first_map & (column == 2'd3);
  wire product_issue_clear = first_map & clear;
  wire product_issue_opens = column == 2'd0;
  wire product_issue_closes = issued & row_ends;
  wire product_issue_last = product_issue_closes & row;
  wire [19:0] y_word = product_multiply_clear ? 20'd0 : y_read_data;
  wire [20:0] chosen =
      product_multiply_from_input ? {{3{u[15]}}, u, 2'd0} :
      {y_word[19], y_word};
  wire [20:0] operand = product_multiply_from_sums ? sums_read_data : chosen;
  wire [45:0] sum = $signed(row_sum) + 46'sd4194304;
  wire [37:0] sum_2 = row_sum[37:0] + 38'h20000;

  always @(posedge clk)
    constant_data <= constants[entry];
  always @(posedge clk)
    if (sums_valid) sums[sums_ensemble] <= sums_value;
  always @(posedge clk)
    sums_read_data <= sums[column[0]];
  always @(posedge clk)
    if (product_round_closes & product_round_first_map) y[product_round_row] <= $signed(sum[45:23]) >
        23'sd524287 ? 20'h7ffff : $signed(sum[45:23]) < -23'sd524288 ? 20'h80000 : sum[42:23];
  always @(posedge clk)
    y_read_data <= y[first_map ? row : column[0]];
  always @(posedge clk)
    y_value <= y[y_address];
  always @(posedge clk)
    if (rst) begin
      product_multiply_first_map <= 1'b0;
      product_multiply_from_sums <= 1'b0;
      product_multiply_from_input <= 1'b0;
      product_multiply_clear <= 1'b0;
      product_multiply_opens <= 1'b0;
      product_multiply_closes <= 1'b0;
      product_multiply_last <= 1'b0;
      product_multiply_row <= 1'b0;
      product_add_first_map <= 1'b0;
      product_add_opens <= 1'b0;
      product_add_closes <= 1'b0;
      product_add_last <= 1'b0;
      product_add_row <= 1'b0;
      product_round_first_map <= 1'b0;
      product_round_closes <= 1'b0;
      product_round_last <= 1'b0;
      product_round_row <= 1'b0;
      product_word_first_map <= 1'b0;
      product_word_last <= 1'b0;
      product <= 45'd0;
      row_sum <= 45'd0;
      states_valid <= 1'b0;
      states_payload_data <= 20'd0;
      states_payload_index <= 1'b0;
    end else begin
      product_multiply_first_map <= first_map;
      product_multiply_from_sums <= product_issue_from_sums;
      product_multiply_from_input <= product_issue_from_input;
      product_multiply_clear <= product_issue_clear;
      product_multiply_opens <= product_issue_opens;
      product_multiply_closes <= product_issue_closes;
      product_multiply_last <= product_issue_last;
      product_multiply_row <= row;
      product_add_first_map <= product_multiply_first_map;
      product_add_opens <= product_multiply_opens;
      product_add_closes <= product_multiply_closes;
      product_add_last <= product_multiply_last;
      product_add_row <= product_multiply_row;
      product_round_first_map <= product_add_first_map;
      product_round_closes <= product_add_closes;
      product_round_last <= product_add_last;
      product_round_row <= product_add_row;
      product_word_first_map <= product_round_first_map;
      product_word_last <= product_round_last;
      product <= $signed(constant_data) * $signed(operand);
      row_sum <= (product_add_opens ? 45'd0 : row_sum) + product;
      states_valid <= product_round_closes & ~product_round_first_map;
      states_payload_data <= sum_2[37:18];
      states_payload_index <= product_round_row;
    end
  always @(posedge clk)
    if (rst) first_map <= 1'b0;
    else begin
      if (start) first_map <= 1'b1;
      if (issued && product_issue_last) first_map <= 1'b0;
    end
  always @(posedge clk)
    if (rst) row <= 1'b0;
    else begin
      if (start) row <= 1'b0;
      if (issued && row_ends) row <= row + 1'b1;
    end
  always @(posedge clk)
    if (rst) begin
      column <= 2'd0;
      entry <= 4'd0;
    end else begin
      if (start) begin
        column <= 2'd0;
        entry <= 4'd0;
      end
      if (issued) begin
        column <= row_ends ? 2'd0 : column + 2'd1;
        entry <= entry + 4'd1;
      end
    end
  always @(posedge clk)
    if (rst) second_map <= 1'b0;
    else begin
      if (issued && product_issue_last) second_map <= 1'b0;
      if (settled) second_map <= 1'b1;
    end
endmodule

// The neurons of a spiking memory: computes currents, spikes and decoded sums, one slot of neurons a cycle.
module spiking_memory_neurons (
  input  wire        clk,
  input  wire        rst,
  input  wire        clear,
  input  wire        start,
  input  wire [19:0] y_value,
  output reg         done = 1'b0,
  output reg         y_address = 1'b0,
  output reg  [1:0]  spikes_payload_group = 2'd0,
  output wire        spikes_payload_counts,
  output reg         spikes_valid = 1'b0,
  output reg         sums_valid = 1'b0,
  output reg         sums_ensemble = 1'b0,
  output reg  [20:0] sums_value = 21'd0
);
  reg [53:0] constants [0:3];
  reg [53:0] constants_word;
  reg running = 1'b0;
  reg [1:0] slot_number = 2'd0;
  reg place = 1'b0;
  reg valid_1 = 1'b0;
  reg valid_2 = 1'b0;
  reg valid_3 = 1'b0;
  reg [1:0] next_slot_1 = 2'd0;
  reg [1:0] next_slot_2 = 2'd0;
  reg [35:0] gain_times_y_0 = 36'd0;
  reg [17:0] bias_0_1 = 18'd0;
  reg [20:0] current_0 = 21'd0;
  reg [19:0] decoder_0_1 = 20'd0;
  reg [19:0] decoder_0_2 = 20'd0;
  reg [19:0] decoder_0_3 = 20'd0;
  reg [19:0] decoder_0_4 = 20'd0;
  reg [19:0] decoder_0_5 = 20'd0;
  reg [19:0] decoder_0_6 = 20'd0;
  reg [20:0] weighted_0 = 21'd0;
  reg slot_1_valid = 1'b0;
  reg slot_1_starts = 1'b0;
  reg slot_1_ends = 1'b0;
  reg slot_1_ensemble = 1'b0;
  reg slot_2_valid = 1'b0;
  reg slot_2_starts = 1'b0;
  reg slot_2_ends = 1'b0;
  reg slot_2_ensemble = 1'b0;
  reg slot_3_valid = 1'b0;
  reg slot_3_starts = 1'b0;
  reg slot_3_ends = 1'b0;
  reg slot_3_ensemble = 1'b0;
  reg slot_4_valid = 1'b0;
  reg slot_4_starts = 1'b0;
  reg slot_4_ends = 1'b0;
  reg slot_4_ensemble = 1'b0;
  reg slot_5_valid = 1'b0;
  reg slot_5_starts = 1'b0;
  reg slot_5_ends = 1'b0;
  reg slot_5_ensemble = 1'b0;
  reg slot_6_valid = 1'b0;
  reg slot_6_starts = 1'b0;
  reg slot_6_ends = 1'b0;
  reg slot_6_ensemble = 1'b0;
  reg slot_7_starts = 1'b0;
  reg slot_7_ends = 1'b0;
  reg slot_7_ensemble = 1'b0;
  reg [1:0] group_1 = 2'd0;
  reg [1:0] group_2 = 2'd0;
  reg [1:0] group_3 = 2'd0;
  reg [1:0] group_4 = 2'd0;
  reg [1:0] group_5 = 2'd0;
  reg [1:0] group_6 = 2'd0;
  reg sum_slot_1_valid = 1'b0;
  reg sum_slot_1_starts = 1'b0;
  reg sum_slot_1_ends = 1'b0;
  reg sum_slot_1_ensemble = 1'b0;
  reg [20:0] partial_sum = 21'd0;
  reg done_1 = 1'b0;
  reg done_2 = 1'b0;
  reg done_3 = 1'b0;
  reg done_4 = 1'b0;
  reg done_5 = 1'b0;
  reg done_6 = 1'b0;
  reg done_7 = 1'b0;
  reg done_8 = 1'b0;
  reg done_9 = 1'b0;
  reg done_10 = 1'b0;
  reg done_11 = 1'b0;
  reg done_12 = 1'b0;
  reg done_13 = 1'b0;
  reg done_14 = 1'b0;
  reg done_15 = 1'b0;
  reg done_16 = 1'b0;

  initial begin
    constants[0] = 54'h3596102de1e635;
    constants[1] = 54'h1874cbf028156d;
    constants[2] = 54'h210adff991f1b4;
    constants[3] = 54'h18e74622bd650c;
  end

  wire slot_starts = running & ~place;
  wire slot_ends = running & place;
  wire slot_last = running & (slot_number == 2'd3);
  wire [19:0] y = clear ? 20'd0 : y_value;
  wire [20:0] total = (sum_slot_1_starts ? 21'd0 : partial_sum) + weighted_0;
  wire [34:0] sum = $signed(gain_times_y_0[34:0]) + $signed({bias_0_1, 14'd0});
  wire [34:0] sum_2 = sum + 35'h2000;
  wire [19:0] chosen = spikes_payload_counts ? decoder_0_6 : 20'd0;

  // Regular leaky integrate-and-fire neurons, with voltages and refractory times in a memory of the lane.
  spiking_memory_neurons_unit_0 unit_0 (
    .clk(clk),
    .rst(rst),
    .next_slot(next_slot_2),
    .clear(clear),
    .current(current_0),
    .valid(valid_3),
    .count(spikes_payload_counts)
  );

  always @(posedge clk)
    constants_word <= constants[slot_number];
  always @(posedge clk)
    if (rst) begin
      running <= 1'b0;
      slot_number <= 2'd0;
      place <= 1'b0;
    end else if (start) begin
      running <= 1'b1;
      slot_number <= 2'd0;
      place <= 1'b0;
    end else if (running) begin
      running <= ~slot_last;
      slot_number <= slot_number + 2'd1;
      place <= place + 1'b1;
    end
  always @(posedge clk)
    if (rst) y_address <= 1'b0;
    else if (start) y_address <= 1'b0;
    else if (running) begin
      if (slot_ends) y_address <= y_address + 1'b1;
    end
  always @(posedge clk)
    if (rst) begin
      valid_1 <= 1'b0;
      valid_2 <= 1'b0;
      valid_3 <= 1'b0;
      next_slot_1 <= 2'd0;
      next_slot_2 <= 2'd0;
      gain_times_y_0 <= 36'd0;
      bias_0_1 <= 18'd0;
      current_0 <= 21'd0;
      decoder_0_1 <= 20'd0;
      decoder_0_2 <= 20'd0;
      decoder_0_3 <= 20'd0;
      decoder_0_4 <= 20'd0;
      decoder_0_5 <= 20'd0;
      decoder_0_6 <= 20'd0;
      weighted_0 <= 21'd0;
      slot_1_valid <= 1'b0;
      slot_1_starts <= 1'b0;
      slot_1_ends <= 1'b0;
      slot_1_ensemble <= 1'b0;
      slot_2_valid <= 1'b0;
      slot_2_starts <= 1'b0;
      slot_2_ends <= 1'b0;
      slot_2_ensemble <= 1'b0;
      slot_3_valid <= 1'b0;
      slot_3_starts <= 1'b0;
      slot_3_ends <= 1'b0;
      slot_3_ensemble <= 1'b0;
      slot_4_valid <= 1'b0;
      slot_4_starts <= 1'b0;
      slot_4_ends <= 1'b0;
      slot_4_ensemble <= 1'b0;
      slot_5_valid <= 1'b0;
      slot_5_starts <= 1'b0;
      slot_5_ends <= 1'b0;
      slot_5_ensemble <= 1'b0;
      slot_6_valid <= 1'b0;
      slot_6_starts <= 1'b0;
      slot_6_ends <= 1'b0;
      slot_6_ensemble <= 1'b0;
      spikes_valid <= 1'b0;
      slot_7_starts <= 1'b0;
      slot_7_ends <= 1'b0;
      slot_7_ensemble <= 1'b0;
      group_1 <= 2'd0;
      group_2 <= 2'd0;
      group_3 <= 2'd0;
      group_4 <= 2'd0;
      group_5 <= 2'd0;
      group_6 <= 2'd0;
      spikes_payload_group <= 2'd0;
      sum_slot_1_valid <= 1'b0;
      sum_slot_1_starts <= 1'b0;
      sum_slot_1_ends <= 1'b0;
      sum_slot_1_ensemble <= 1'b0;
      sums_valid <= 1'b0;
      sums_ensemble <= 1'b0;
      sums_value <= 21'd0;
      done_1 <= 1'b0;
      done_2 <= 1'b0;
      done_3 <= 1'b0;
      done_4 <= 1'b0;
      done_5 <= 1'b0;
      done_6 <= 1'b0;
      done_7 <= 1'b0;
      done_8 <= 1'b0;
      done_9 <= 1'b0;
      done_10 <= 1'b0;
      done_11 <= 1'b0;
      done_12 <= 1'b0;
      done_13 <= 1'b0;
      done_14 <= 1'b0;
      done_15 <= 1'b0;
      done_16 <= 1'b0;
      done <= 1'b0;
    end else begin
      valid_1 <= running;
      valid_2 <= valid_1;
      valid_3 <= valid_2;
      next_slot_1 <= slot_number;
      next_slot_2 <= next_slot_1;
      gain_times_y_0 <= $signed(constants_word[15:0]) * $signed(y);
      bias_0_1 <= constants_word[33:16];
      current_0 <= sum_2[34:14];
      decoder_0_1 <= constants_word[53:34];
      decoder_0_2 <= decoder_0_1;
      decoder_0_3 <= decoder_0_2;
      decoder_0_4 <= decoder_0_3;
      decoder_0_5 <= decoder_0_4;
      decoder_0_6 <= decoder_0_5;
      weighted_0 <= {chosen[19], chosen};
      slot_1_valid <= running;
      slot_1_starts <= slot_starts;
      slot_1_ends <= slot_ends;
      slot_1_ensemble <= y_address;
      slot_2_valid <= slot_1_valid;
      slot_2_starts <= slot_1_starts;
      slot_2_ends <= slot_1_ends;
      slot_2_ensemble <= slot_1_ensemble;
      slot_3_valid <= slot_2_valid;
      slot_3_starts <= slot_2_starts;
      slot_3_ends <= slot_2_ends;
      slot_3_ensemble <= slot_2_ensemble;
      slot_4_valid <= slot_3_valid;
      slot_4_starts <= slot_3_starts;
      slot_4_ends <= slot_3_ends;
      slot_4_ensemble <= slot_3_ensemble;
      slot_5_valid <= slot_4_valid;
      slot_5_starts <= slot_4_starts;
      slot_5_ends <= slot_4_ends;
      slot_5_ensemble <= slot_4_ensemble;
      slot_6_valid <= slot_5_valid;
      slot_6_starts <= slot_5_starts;
      slot_6_ends <= slot_5_ends;
      slot_6_ensemble <= slot_5_ensemble;
      spikes_valid <= slot_6_valid;
      slot_7_starts <= slot_6_starts;
      slot_7_ends <= slot_6_ends;
      slot_7_ensemble <= slot_6_ensemble;
      group_1 <= slot_number;
      group_2 <= group_1;
      group_3 <= group_2;
      group_4 <= group_3;
      group_5 <= group_4;
      group_6 <= group_5;
      spikes_payload_group <= group_6;
      sum_slot_1_valid <= spikes_valid;
      sum_slot_1_starts <= slot_7_starts;
      sum_slot_1_ends <= slot_7_ends;
      sum_slot_1_ensemble <= slot_7_ensemble;
      sums_valid <= sum_slot_1_ends;
      sums_ensemble <= sum_slot_1_ensemble;
      sums_value <= total;
      done_1 <= slot_last;
      done_2 <= done_1;
      done_3 <= done_2;
      done_4 <= done_3;
      done_5 <= done_4;
      done_6 <= done_5;
      done_7 <= done_6;
      done_8 <= done_7;
      done_9 <= done_8;
      done_10 <= done_9;
      done_11 <= done_10;
      done_12 <= done_11;
      done_13 <= done_12;
      done_14 <= done_13;
      done_15 <= done_14;
      done_16 <= done_15;
      done <= done_16;
    end
  always @(posedge clk)
    if (rst) partial_sum <= 21'd0;
    else if (sum_slot_1_valid) partial_sum <= total;
endmodule

// Regular leaky integrate-and-fire neurons, with voltages and refractory times in a memory of the lane.
module spiking_memory_neurons_unit_0 (
  input  wire        clk,
  input  wire        rst,
  input  wire [1:0]  next_slot,
  input  wire        clear,
  input  wire [20:0] current,
  input  wire        valid,
  output reg         count = 1'b0
);
  reg [25:0] state [0:3];
  reg [25:0] state_word;
  reg [15:0] phases [0:3];
  reg [15:0] phase_data;
  reg [31:0] leak = 32'd0;
  reg [8:0] share = 9'd0;
  reg [9:0] still_waiting = 10'd0;
  reg [20:0] current_1 = 21'd0;
  reg [21:0] rise = 22'd0;
  reg [8:0] share_in_scale_1 = 9'd0;
  reg [30:0] scaled = 31'd0;
  reg [15:0] held_voltage_1 = 16'd0;
  reg [15:0] held_voltage_2 = 16'd0;
  reg [15:0] held_voltage_3 = 16'd0;
  reg [15:0] kept = 16'd0;
  reg [23:0] overshoot = 24'd0;
  reg [22:0] last_gain = 23'd0;
  reg [8:0] share_in_count_1 = 9'd0;
  reg [8:0] share_in_count_2 = 9'd0;
  reg [32:0] dividend = 33'd0;
  reg [22:0] divisor_1 = 23'd0;
  reg [32:0] remainder_8 = 33'd0;
  reg quotient_bit_8 = 1'b0;
  reg [22:0] divisor_8_1 = 23'd0;
  reg [32:0] remainder_7 = 33'd0;
  reg quotient_bit_7 = 1'b0;
  reg [22:0] divisor_7_1 = 23'd0;
  reg quotient_7_1 = 1'b0;
  reg [32:0] remainder_6 = 33'd0;
  reg quotient_bit_6 = 1'b0;
  reg [22:0] divisor_6_1 = 23'd0;
  reg [1:0] quotient_6_1 = 2'd0;
  reg [32:0] remainder_5 = 33'd0;
  reg quotient_bit_5 = 1'b0;
  reg [22:0] divisor_5_1 = 23'd0;
  reg [2:0] quotient_5_1 = 3'd0;
  reg [32:0] remainder_4 = 33'd0;
  reg quotient_bit_4 = 1'b0;
  reg [22:0] divisor_4_1 = 23'd0;
  reg [3:0] quotient_4_1 = 4'd0;
  reg [32:0] remainder_3 = 33'd0;
  reg quotient_bit_3 = 1'b0;
  reg [22:0] divisor_3_1 = 23'd0;
  reg [4:0] quotient_3_1 = 5'd0;
  reg [32:0] remainder_2 = 33'd0;
  reg quotient_bit_2 = 1'b0;
  reg [22:0] divisor_2_1 = 23'd0;
  reg [5:0] quotient_2_1 = 6'd0;
  reg [32:0] remainder_1 = 33'd0;
  reg quotient_bit_1 = 1'b0;
  reg [22:0] divisor_1_1 = 23'd0;
  reg [6:0] quotient_1_1 = 7'd0;
  reg quotient_bit_0 = 1'b0;
  reg [7:0] quotient_0_1 = 8'd0;
  reg [1:0] slot_1 = 2'd0;
  reg [1:0] slot_2 = 2'd0;
  reg [1:0] slot_3 = 2'd0;
  reg [1:0] slot_4 = 2'd0;
  reg [1:0] slot_5 = 2'd0;
  reg [1:0] slot_6 = 2'd0;
  reg [1:0] slot_7 = 2'd0;
  reg [1:0] slot_8 = 2'd0;
  reg [1:0] slot_9 = 2'd0;
  reg [1:0] slot_10 = 2'd0;
  reg [1:0] slot_11 = 2'd0;
  reg [1:0] slot_12 = 2'd0;
  reg [1:0] slot_13 = 2'd0;
  reg [1:0] slot_14 = 2'd0;
  reg [1:0] slot_15 = 2'd0;
  reg valid_1 = 1'b0;
  reg valid_2 = 1'b0;
  reg valid_3 = 1'b0;
  reg valid_4 = 1'b0;
  reg valid_5 = 1'b0;
  reg valid_6 = 1'b0;
  reg valid_7 = 1'b0;
  reg valid_8 = 1'b0;
  reg valid_9 = 1'b0;
  reg valid_10 = 1'b0;
  reg valid_11 = 1'b0;
  reg valid_12 = 1'b0;
  reg valid_13 = 1'b0;
  reg valid_14 = 1'b0;
  reg [15:0] kept_1 = 16'd0;
  reg [15:0] kept_2 = 16'd0;
  reg [15:0] kept_3 = 16'd0;
  reg [15:0] kept_4 = 16'd0;
  reg [15:0] kept_5 = 16'd0;
  reg [15:0] kept_6 = 16'd0;
  reg [15:0] kept_7 = 16'd0;
  reg [15:0] kept_8 = 16'd0;
  reg [15:0] kept_9 = 16'd0;
  reg [15:0] kept_10 = 16'd0;
  reg fired_1 = 1'b0;
  reg fired_2 = 1'b0;
  reg fired_3 = 1'b0;
  reg fired_4 = 1'b0;
  reg fired_5 = 1'b0;
  reg fired_6 = 1'b0;
  reg fired_7 = 1'b0;
  reg fired_8 = 1'b0;
  reg fired_9 = 1'b0;
  reg fired_10 = 1'b0;
  reg [9:0] still_waiting_1 = 10'd0;
  reg [9:0] still_waiting_2 = 10'd0;
  reg [9:0] still_waiting_3 = 10'd0;
  reg [9:0] still_waiting_4 = 10'd0;
  reg [9:0] still_waiting_5 = 10'd0;
  reg [9:0] still_waiting_6 = 10'd0;
  reg [9:0] still_waiting_7 = 10'd0;
  reg [9:0] still_waiting_8 = 10'd0;
  reg [9:0] still_waiting_9 = 10'd0;
  reg [9:0] still_waiting_10 = 10'd0;
  reg [9:0] still_waiting_11 = 10'd0;
  reg [9:0] still_waiting_12 = 10'd0;
  reg [9:0] still_waiting_13 = 10'd0;

  initial begin
    phases[0] = 16'h80fb;
    phases[1] = 16'he51c;
    phases[2] = 16'hf461;
    phases[3] = 16'hdc44;
  end

  wire [15:0] voltage = clear ? phase_data : state_word[15:0];
  wire [9:0] waiting = clear ? 10'd0 : state_word[25:16];
  wire [31:0] sum = $signed(scaled) + 32'sd128;
  wire [23:0] reached = sum[31:8] + {8'd0, held_voltage_3};
  wire value = waiting >= 10'h100;
  wire [32:0] sum_2 = {1'b0, leak} + 33'h80000;
  wire value_2 = $signed(reached) >= 24'sd65536;
  wire value_3 = {5'd0, dividend} >= {7'd0, divisor_1, 8'd0};
  wire value_4 = remainder_8 >= {3'd0, divisor_8_1, 7'd0};
  wire value_5 = remainder_7 >= {4'd0, divisor_7_1, 6'd0};
  wire value_6 = remainder_6 >= {5'd0, divisor_6_1, 5'd0};
  wire value_7 = remainder_5 >= {6'd0, divisor_5_1, 4'd0};
  wire value_8 = remainder_4 >= {7'd0, divisor_4_1, 3'd0};
  wire value_9 = remainder_3 >= {8'd0, divisor_3_1, 2'd0};
  wire value_10 = remainder_2 >= {9'd0, divisor_2_1, 1'b0};
  wire [9:0] state_write_data_waiting =
      fired_10 ? 10'h200 - {1'b0, quotient_0_1, quotient_bit_0} :
      still_waiting_13;

  always @(posedge clk)
    if (valid_14) state[slot_15] <= {state_write_data_waiting, kept_10};
  always @(posedge clk)
    state_word <= state[next_slot];
  always @(posedge clk)
    phase_data <= phases[next_slot];
  always @(posedge clk)
    if (rst) begin
      leak <= 32'd0;
      share <= 9'd0;
      still_waiting <= 10'd0;
      current_1 <= 21'd0;
      rise <= 22'd0;
      share_in_scale_1 <= 9'd0;
      scaled <= 31'd0;
      held_voltage_1 <= 16'd0;
      held_voltage_2 <= 16'd0;
      held_voltage_3 <= 16'd0;
      count <= 1'b0;
      kept <= 16'd0;
      overshoot <= 24'd0;
      last_gain <= 23'd0;
      share_in_count_1 <= 9'd0;
      share_in_count_2 <= 9'd0;
      dividend <= 33'd0;
      divisor_1 <= 23'd0;
      remainder_8 <= 33'd0;
      quotient_bit_8 <= 1'b0;
      divisor_8_1 <= 23'd0;
      remainder_7 <= 33'd0;
      quotient_bit_7 <= 1'b0;
      divisor_7_1 <= 23'd0;
      quotient_7_1 <= 1'b0;
      remainder_6 <= 33'd0;
      quotient_bit_6 <= 1'b0;
      divisor_6_1 <= 23'd0;
      quotient_6_1 <= 2'd0;
      remainder_5 <= 33'd0;
      quotient_bit_5 <= 1'b0;
      divisor_5_1 <= 23'd0;
      quotient_5_1 <= 3'd0;
      remainder_4 <= 33'd0;
      quotient_bit_4 <= 1'b0;
      divisor_4_1 <= 23'd0;
      quotient_4_1 <= 4'd0;
      remainder_3 <= 33'd0;
      quotient_bit_3 <= 1'b0;
      divisor_3_1 <= 23'd0;
      quotient_3_1 <= 5'd0;
      remainder_2 <= 33'd0;
      quotient_bit_2 <= 1'b0;
      divisor_2_1 <= 23'd0;
      quotient_2_1 <= 6'd0;
      remainder_1 <= 33'd0;
      quotient_bit_1 <= 1'b0;
      divisor_1_1 <= 23'd0;
      quotient_1_1 <= 7'd0;
      quotient_bit_0 <= 1'b0;
      quotient_0_1 <= 8'd0;
      slot_1 <= 2'd0;
      slot_2 <= 2'd0;
      slot_3 <= 2'd0;
      slot_4 <= 2'd0;
      slot_5 <= 2'd0;
      slot_6 <= 2'd0;
      slot_7 <= 2'd0;
      slot_8 <= 2'd0;
      slot_9 <= 2'd0;
      slot_10 <= 2'd0;
      slot_11 <= 2'd0;
      slot_12 <= 2'd0;
      slot_13 <= 2'd0;
      slot_14 <= 2'd0;
      slot_15 <= 2'd0;
      valid_1 <= 1'b0;
      valid_2 <= 1'b0;
      valid_3 <= 1'b0;
      valid_4 <= 1'b0;
      valid_5 <= 1'b0;
      valid_6 <= 1'b0;
      valid_7 <= 1'b0;
      valid_8 <= 1'b0;
      valid_9 <= 1'b0;
      valid_10 <= 1'b0;
      valid_11 <= 1'b0;
      valid_12 <= 1'b0;
      valid_13 <= 1'b0;
      valid_14 <= 1'b0;
      kept_1 <= 16'd0;
      kept_2 <= 16'd0;
      kept_3 <= 16'd0;
      kept_4 <= 16'd0;
      kept_5 <= 16'd0;
      kept_6 <= 16'd0;
      kept_7 <= 16'd0;
      kept_8 <= 16'd0;
      kept_9 <= 16'd0;
      kept_10 <= 16'd0;
      fired_1 <= 1'b0;
      fired_2 <= 1'b0;
      fired_3 <= 1'b0;
      fired_4 <= 1'b0;
      fired_5 <= 1'b0;
      fired_6 <= 1'b0;
      fired_7 <= 1'b0;
      fired_8 <= 1'b0;
      fired_9 <= 1'b0;
      fired_10 <= 1'b0;
      still_waiting_1 <= 10'd0;
      still_waiting_2 <= 10'd0;
      still_waiting_3 <= 10'd0;
      still_waiting_4 <= 10'd0;
      still_waiting_5 <= 10'd0;
      still_waiting_6 <= 10'd0;
      still_waiting_7 <= 10'd0;
      still_waiting_8 <= 10'd0;
      still_waiting_9 <= 10'd0;
      still_waiting_10 <= 10'd0;
      still_waiting_11 <= 10'd0;
      still_waiting_12 <= 10'd0;
      still_waiting_13 <= 10'd0;
    end else begin
      leak <= {16'd0, voltage} * 32'hc7c4;
      share <= value ? 9'd0 : 9'h100 - waiting[8:0];
      still_waiting <= value ? waiting - 10'h100 : 10'd0;
      current_1 <= current;
      rise <= $signed(current_1) - $signed({1'b0, sum_2[32:20]});
      share_in_scale_1 <= share;
      scaled <= $signed(rise) * $signed({1'b0, share_in_scale_1});
      held_voltage_1 <= voltage;
      held_voltage_2 <= held_voltage_1;
      held_voltage_3 <= held_voltage_2;
      count <= value_2;
      kept <= (($signed(reached) < 24'sd0) | value_2) ? 16'd0 : reached[15:0];
      overshoot <= reached - 24'h10000;
      last_gain <= sum[30:8];
      share_in_count_1 <= share_in_scale_1;
      share_in_count_2 <= share_in_count_1;
      dividend <= {9'd0, overshoot} * {24'd0, share_in_count_2};
      divisor_1 <= last_gain;
      remainder_8 <= value_3 ? dividend - {2'd0, divisor_1, 8'd0} : dividend;
      quotient_bit_8 <= value_3;
      divisor_8_1 <= divisor_1;
      remainder_7 <= value_4 ? remainder_8 - {3'd0, divisor_8_1, 7'd0} : remainder_8;
      quotient_bit_7 <= value_4;
      divisor_7_1 <= divisor_8_1;
      quotient_7_1 <= quotient_bit_8;
      remainder_6 <= value_5 ? remainder_7 - {4'd0, divisor_7_1, 6'd0} : remainder_7;
      quotient_bit_6 <= value_5;
      divisor_6_1 <= divisor_7_1;
      quotient_6_1 <= {quotient_7_1, quotient_bit_7};
      remainder_5 <= value_6 ? remainder_6 - {5'd0, divisor_6_1, 5'd0} : remainder_6;
      quotient_bit_5 <= value_6;
      divisor_5_1 <= divisor_6_1;
      quotient_5_1 <= {quotient_6_1, quotient_bit_6};
      remainder_4 <= value_7 ? remainder_5 - {6'd0, divisor_5_1, 4'd0} : remainder_5;
      quotient_bit_4 <= value_7;
      divisor_4_1 <= divisor_5_1;
      quotient_4_1 <= {quotient_5_1, quotient_bit_5};
      remainder_3 <= value_8 ? remainder_4 - {7'd0, divisor_4_1, 3'd0} : remainder_4;
      quotient_bit_3 <= value_8;
      divisor_3_1 <= divisor_4_1;
      quotient_3_1 <= {quotient_4_1, quotient_bit_4};
      remainder_2 <= value_9 ? remainder_3 - {8'd0, divisor_3_1, 2'd0} : remainder_3;
      quotient_bit_2 <= value_9;
      divisor_2_1 <= divisor_3_1;
      quotient_2_1 <= {quotient_3_1, quotient_bit_3};
      remainder_1 <= value_10 ? remainder_2 - {9'd0, divisor_2_1, 1'b0} : remainder_2;
      quotient_bit_1 <= value_10;
      divisor_1_1 <= divisor_2_1;
      quotient_1_1 <= {quotient_2_1, quotient_bit_2};
      quotient_bit_0 <= remainder_1 >= {10'd0, divisor_1_1};
      quotient_0_1 <= {quotient_1_1, quotient_bit_1};
      slot_1 <= next_slot;
      slot_2 <= slot_1;
      slot_3 <= slot_2;
      slot_4 <= slot_3;
      slot_5 <= slot_4;
      slot_6 <= slot_5;
      slot_7 <= slot_6;
      slot_8 <= slot_7;
      slot_9 <= slot_8;
      slot_10 <= slot_9;
      slot_11 <= slot_10;
      slot_12 <= slot_11;
      slot_13 <= slot_12;
      slot_14 <= slot_13;
      slot_15 <= slot_14;
      valid_1 <= valid;
      valid_2 <= valid_1;
      valid_3 <= valid_2;
      valid_4 <= valid_3;
      valid_5 <= valid_4;
      valid_6 <= valid_5;
      valid_7 <= valid_6;
      valid_8 <= valid_7;
      valid_9 <= valid_8;
      valid_10 <= valid_9;
      valid_11 <= valid_10;
      valid_12 <= valid_11;
      valid_13 <= valid_12;
      valid_14 <= valid_13;
      kept_1 <= kept;
      kept_2 <= kept_1;
      kept_3 <= kept_2;
      kept_4 <= kept_3;
      kept_5 <= kept_4;
      kept_6 <= kept_5;
      kept_7 <= kept_6;
      kept_8 <= kept_7;
      kept_9 <= kept_8;
      kept_10 <= kept_9;
      fired_1 <= count;
      fired_2 <= fired_1;
      fired_3 <= fired_2;
      fired_4 <= fired_3;
      fired_5 <= fired_4;
      fired_6 <= fired_5;
      fired_7 <= fired_6;
      fired_8 <= fired_7;
      fired_9 <= fired_8;
      fired_10 <= fired_9;
      still_waiting_1 <= still_waiting;
      still_waiting_2 <= still_waiting_1;
      still_waiting_3 <= still_waiting_2;
      still_waiting_4 <= still_waiting_3;
      still_waiting_5 <= still_waiting_4;
      still_waiting_6 <= still_waiting_5;
      still_waiting_7 <= still_waiting_6;
      still_waiting_8 <= still_waiting_7;
      still_waiting_9 <= still_waiting_8;
      still_waiting_10 <= still_waiting_9;
      still_waiting_11 <= still_waiting_10;
      still_waiting_12 <= still_waiting_11;
      still_waiting_13 <= still_waiting_12;
    end
endmodule

// spiking_memory.core waives these warnings of Verilator's -Wall:
//   DECLFILENAME: the modules of a design stand in one file
//   PROCASSINIT: registers have the value at which an FPGA starts them
//   UNUSEDSIGNAL: rounding drops the lowest bits of its sum
//   WIDTHEXPAND: signed operands extend to the width of their result
