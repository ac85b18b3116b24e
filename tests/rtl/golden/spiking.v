// spiking_memory: Legendre memory of 4 lif neurons, 1 lane(s).
// order 2, theta 0.3 s, dt 0.001 s, zoh step, legendre basis
// synapse 0.1 s, seed 0; input sQ1.15, state sQ4.16
// Made by: golden
// Neurons that take turns, `lanes` of them a cycle, and one multiplier for the maps around them.
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
  wire y_address;
  wire done;
  wire write;
  wire ensemble;
  wire [20:0] decoded;
  wire [19:0] y;
  wire settled;
  wire w_en;
  wire [19:0] word_data;
  wire word_index;
  wire [22:0] r_data;
  reg value = 1'b0;
  reg value_2 = 1'b0;
  reg [15:0] u = 16'd0;
  reg like_first = 1'b0;
  reg like_last = 1'b0;
  reg fresh = 1'b0;
  reg value_3 = 1'b0;
  reg [1:0] left = 2'd0;
  reg word_first = 1'b0;
  reg last = 1'b0;

  assign in_ready = ~value;
  wire accept = in_valid & in_ready;
  wire fresh_now = in_first | ~value_2;
  wire either = done | value_3;
  wire start = either & (left == 2'd0);
  wire both = out_valid & out_ready;
  assign out_data = r_data[19:0];
  assign out_index = r_data[20];
  assign out_first = r_data[21];
  assign out_last = r_data[22];

  // All neurons once, ensemble by ensemble: gains, biases and decoders come from block RAM, a slot a cycle.
  spiking_memory_bank bank (
    .fresh(fresh),
    .y(y),
    .clk(clk),
    .rst(rst),
    .start(accept),
    .y_address(y_address),
    .spikes(spike_counts),
    .spiking(spike_valid),
    .spiking_slot(spike_group),
    .done(done),
    .write(write),
    .ensemble(ensemble),
    .decoded(decoded)
  );
  // First y_k⁺ = narrow(Σ_j L_kj S_j + (1 − leak) y_k + W_k u) for all k, then x_i = narrow(Σ_k T_ik y_k⁺).
  spiking_memory_map map (
    .write(write),
    .ensemble(ensemble),
    .decoded(decoded),
    .y_address(y_address),
    .u(u),
    .clk(clk),
    .rst(rst),
    .start(start),
    .fresh(fresh),
    .y(y),
    .settled(settled),
    .word_valid(w_en),
    .word(word_data),
    .index(word_index)
  );
  spiking_memory_queue queue (
    .w_data({last, word_first, word_index, word_data}),
    .w_en(w_en),
    .r_en(out_ready),
    .clk(clk),
    .rst(rst),
    .r_data(r_data),
    .r_rdy(out_valid)
  );

  always @(posedge clk)
    if (rst) value <= 1'b0;
    else begin
      if (accept) value <= 1'b1;
      if (settled) value <= 1'b0;
    end
  always @(posedge clk)
    if (rst) begin
      value_2 <= 1'b0;
      u <= 16'd0;
      like_first <= 1'b0;
      like_last <= 1'b0;
      fresh <= 1'b0;
    end else if (accept) begin
      value_2 <= 1'b1;
      u <= in_data;
      like_first <= in_first;
      like_last <= in_last;
      fresh <= fresh_now;
    end
  always @(posedge clk)
    if (rst) value_3 <= 1'b0;
    else value_3 <= either & ~start;
  always @(posedge clk)
    if (rst) left <= 2'd0;
    else if (settled) left <= 2'd2;
    else if (both) left <= left - 2'd1;
  always @(posedge clk)
    if (rst) begin
      word_first <= 1'b0;
      last <= 1'b0;
    end else if (settled) begin
      word_first <= like_first;
      last <= like_last;
    end
endmodule

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
  initial begin
    storage[0] = 23'd0;
    storage[1] = 23'd0;
  end
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

// First y_k⁺ = narrow(Σ_j L_kj S_j + (1 − leak) y_k + W_k u) for all k, then x_i = narrow(Σ_k T_ik y_k⁺).
module spiking_memory_map (
  input  wire        clk,
  input  wire        rst,
  input  wire        write,
  input  wire        ensemble,
  input  wire [20:0] decoded,
  input  wire        y_address,
  input  wire [15:0] u,
  input  wire        start,
  input  wire        fresh,
  output reg  [19:0] y,
  output reg         settled = 1'b0,
  output reg         word_valid = 1'b0,
  output reg  [19:0] word = 20'd0,
  output reg         index = 1'b0
);
  reg [23:0] constants [0:11];
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
  reg [23:0] signature_data;
  reg [20:0] sums [0:1];
  initial begin
    sums[0] = 21'd0;
    sums[1] = 21'd0;
  end
  reg [20:0] summed_data;
  reg [19:0] y_2 [0:1];
  initial begin
    y_2[0] = 20'd0;
    y_2[1] = 20'd0;
  end
  reg [19:0] signature_data_2;
  reg value = 1'b0;
  reg value_2 = 1'b0;
  reg [1:0] value_3 = 2'd0;
  reg [3:0] entry = 4'd0;
  reg second_map = 1'b0;
  reg settles_1 = 1'b0;
  reg settles_2 = 1'b0;
  reg settles_3 = 1'b0;
  reg from_sums_1 = 1'b0;
  reg from_input_1 = 1'b0;
  reg as_zero_1 = 1'b0;
  reg [44:0] value_4 = 45'd0;
  reg adds_1 = 1'b0;
  reg adds_2 = 1'b0;
  reg [44:0] total = 45'd0;
  reg done_1 = 1'b0;
  reg done_2 = 1'b0;
  reg done_3 = 1'b0;
  reg for_state_1 = 1'b0;
  reg for_state_2 = 1'b0;
  reg for_state_3 = 1'b0;
  reg at_1 = 1'b0;
  reg at_2 = 1'b0;
  reg at_3 = 1'b0;

  wire value_5 = value_3 == (value ? 2'd3 : 2'd1);
  wire last = value_5 & value_2;
  wire issued = value | second_map;
  wire [19:0] chosen = as_zero_1 ? 20'd0 : signature_data_2;
  wire [20:0] operand =
      from_sums_1 ? summed_data :
      from_input_1 ? {{3{u[15]}}, u, 2'd0} :
      {chosen[19], chosen};
  wire [45:0] sum = $signed(total) + 46'sd4194304;
  wire [37:0] sum_2 = total[37:0] + 38'h20000;

  always @(posedge clk)
    signature_data <= constants[entry];
  always @(posedge clk)
    if (write) sums[ensemble] <= decoded;
  always @(posedge clk)
    summed_data <= sums[value_3[0]];
  always @(posedge clk)
    if (done_3 & for_state_3) y_2[at_3] <= $signed(sum[45:23]) > 23'sd524287 ? 20'h7ffff : $signed(sum[45:23])
        < -23'sd524288 ? 20'h80000 : sum[42:23];
  always @(posedge clk)
    signature_data_2 <= y_2[value ? value_2 : value_3[0]];
  always @(posedge clk)
    y <= y_2[y_address];
  always @(posedge clk)
    if (rst) value <= 1'b0;
    else begin
      if (start) value <= 1'b1;
      if (issued && last) value <= 1'b0;
    end
  always @(posedge clk)
    if (rst) value_2 <= 1'b0;
    else begin
      if (start) value_2 <= 1'b0;
      if (issued && value_5) value_2 <= value_2 ? 1'b0 : value_2 + 1'b1;
    end
  always @(posedge clk)
    if (rst) begin
      value_3 <= 2'd0;
      entry <= 4'd0;
    end else begin
      if (start) begin
        value_3 <= 2'd0;
        entry <= 4'd0;
      end
      if (issued) begin
        value_3 <= value_5 ? 2'd0 : value_3 + 2'd1;
        entry <= entry + 4'd1;
      end
    end
  always @(posedge clk)
    if (rst) second_map <= 1'b0;
    else begin
      if (issued && last) second_map <= 1'b0;
      if (settled) second_map <= 1'b1;
    end
  always @(posedge clk)
    if (rst) begin
      settles_1 <= 1'b0;
      settles_2 <= 1'b0;
      settles_3 <= 1'b0;
      settled <= 1'b0;
      from_sums_1 <= 1'b0;
      from_input_1 <= 1'b0;
      as_zero_1 <= 1'b0;
      value_4 <= 45'd0;
      adds_1 <= 1'b0;
      adds_2 <= 1'b0;
      total <= 45'd0;
      done_1 <= 1'b0;
      done_2 <= 1'b0;
      done_3 <= 1'b0;
      for_state_1 <= 1'b0;
      for_state_2 <= 1'b0;
      for_state_3 <= 1'b0;
      at_1 <= 1'b0;
      at_2 <= 1'b0;
      at_3 <= 1'b0;
      word_valid <= 1'b0;
      word <= 20'd0;
      index <= 1'b0;
    end else begin
      settles_1 <= value & last;
      settles_2 <= settles_1;
      settles_3 <= settles_2;
      settled <= settles_3;
      from_sums_1 <= value & (value_3 < 2'd2);
      from_input_1 <= value & (value_3 == 2'd3);
      as_zero_1 <= value & fresh;
      value_4 <= $signed(signature_data) * $signed(operand);
      adds_1 <= value_3 == 2'd0;
      adds_2 <= adds_1;
      total <= (adds_2 ? 45'd0 : total) + value_4;
      done_1 <= value_5 & issued;
      done_2 <= done_1;
      done_3 <= done_2;
      for_state_1 <= value;
      for_state_2 <= for_state_1;
      for_state_3 <= for_state_2;
      at_1 <= value_2;
      at_2 <= at_1;
      at_3 <= at_2;
      word_valid <= done_3 & ~for_state_3;
      word <= sum_2[37:18];
      index <= at_3;
    end
endmodule

// All neurons once, ensemble by ensemble: gains, biases and decoders come from block RAM, a slot a cycle.
module spiking_memory_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire        fresh,
  input  wire [19:0] y,
  input  wire        start,
  output reg         y_address = 1'b0,
  output wire        spikes,
  output wire        spiking,
  output reg  [1:0]  spiking_slot = 2'd0,
  output reg         done = 1'b0,
  output reg         write = 1'b0,
  output reg         ensemble = 1'b0,
  output reg  [20:0] decoded = 21'd0
);
  reg [53:0] constants [0:3];
  initial begin
    constants[0] = 54'h3596102de1e635;
    constants[1] = 54'h1874cbf028156d;
    constants[2] = 54'h210adff991f1b4;
    constants[3] = 54'h18e74622bd650c;
  end
  reg [53:0] constants_word;
  reg value = 1'b0;
  reg [1:0] constants_addr = 2'd0;
  reg place = 1'b0;
  reg valid_1 = 1'b0;
  reg valid_2 = 1'b0;
  reg valid_3 = 1'b0;
  reg [1:0] next_slot_1 = 2'd0;
  reg [1:0] next_slot_2 = 2'd0;
  reg [34:0] product_0 = 35'd0;
  reg [17:0] bias_0_1 = 18'd0;
  reg [20:0] current_0 = 21'd0;
  reg [19:0] decoder_0_1 = 20'd0;
  reg [19:0] decoder_0_2 = 20'd0;
  reg [19:0] decoder_0_3 = 20'd0;
  reg [19:0] decoder_0_4 = 20'd0;
  reg [19:0] decoder_0_5 = 20'd0;
  reg [19:0] decoder_0_6 = 20'd0;
  reg [20:0] part_0 = 21'd0;
  reg [3:0] tag_1 = 4'd0;
  reg [3:0] tag_2 = 4'd0;
  reg [3:0] tag_3 = 4'd0;
  reg [3:0] tag_4 = 4'd0;
  reg [3:0] tag_5 = 4'd0;
  reg [3:0] tag_6 = 4'd0;
  reg [3:0] tag_7 = 4'd0;
  reg [1:0] spiking_slot_1 = 2'd0;
  reg [1:0] spiking_slot_2 = 2'd0;
  reg [1:0] spiking_slot_3 = 2'd0;
  reg [1:0] spiking_slot_4 = 2'd0;
  reg [1:0] spiking_slot_5 = 2'd0;
  reg [1:0] spiking_slot_6 = 2'd0;
  reg [3:0] sum_tag_1 = 4'd0;
  reg [20:0] so_far = 21'd0;
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

  wire value_2 = value & place;
  wire last = value & (constants_addr == 2'd3);
  wire [19:0] y_2 = fresh ? 20'd0 : y;
  wire [20:0] value_3 = (sum_tag_1[1] ? 21'd0 : so_far) + part_0;
  wire [34:0] sum = $signed(product_0) + $signed({bias_0_1, 14'd0});
  wire [34:0] sum_2 = sum + 35'h2000;
  wire [19:0] chosen = spikes ? decoder_0_6 : 20'd0;
  assign spiking = tag_7[0];

  // Regular leaky integrate-and-fire neurons, their voltages and refractory periods in a memory of the lane.
  spiking_memory_bank_unit_0 unit_0 (
    .next_slot(next_slot_2),
    .fresh(fresh),
    .clk(clk),
    .rst(rst),
    .current(current_0),
    .valid(valid_3),
    .count(spikes)
  );

  always @(posedge clk)
    constants_word <= constants[constants_addr];
  always @(posedge clk)
    if (rst) begin
      value <= 1'b0;
      constants_addr <= 2'd0;
      place <= 1'b0;
    end else if (start) begin
      value <= 1'b1;
      constants_addr <= 2'd0;
      place <= 1'b0;
    end else if (value) begin
      value <= ~last;
      constants_addr <= last ? 2'd0 : constants_addr + 2'd1;
      place <= value_2 ? 1'b0 : place + 1'b1;
    end
  always @(posedge clk)
    if (rst) y_address <= 1'b0;
    else if (start) y_address <= 1'b0;
    else if (value) begin
      if (value_2) y_address <= last ? 1'b0 : y_address + 1'b1;
    end
  always @(posedge clk)
    if (rst) begin
      valid_1 <= 1'b0;
      valid_2 <= 1'b0;
      valid_3 <= 1'b0;
      next_slot_1 <= 2'd0;
      next_slot_2 <= 2'd0;
      product_0 <= 35'd0;
      bias_0_1 <= 18'd0;
      current_0 <= 21'd0;
      decoder_0_1 <= 20'd0;
      decoder_0_2 <= 20'd0;
      decoder_0_3 <= 20'd0;
      decoder_0_4 <= 20'd0;
      decoder_0_5 <= 20'd0;
      decoder_0_6 <= 20'd0;
      part_0 <= 21'd0;
      tag_1 <= 4'd0;
      tag_2 <= 4'd0;
      tag_3 <= 4'd0;
      tag_4 <= 4'd0;
      tag_5 <= 4'd0;
      tag_6 <= 4'd0;
      tag_7 <= 4'd0;
      spiking_slot_1 <= 2'd0;
      spiking_slot_2 <= 2'd0;
      spiking_slot_3 <= 2'd0;
      spiking_slot_4 <= 2'd0;
      spiking_slot_5 <= 2'd0;
      spiking_slot_6 <= 2'd0;
      spiking_slot <= 2'd0;
      sum_tag_1 <= 4'd0;
      write <= 1'b0;
      ensemble <= 1'b0;
      decoded <= 21'd0;
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
      valid_1 <= value;
      valid_2 <= valid_1;
      valid_3 <= valid_2;
      next_slot_1 <= constants_addr;
      next_slot_2 <= next_slot_1;
      product_0 <= $signed(constants_word[15:0]) * $signed(y_2);
      bias_0_1 <= constants_word[33:16];
      current_0 <= sum_2[34:14];
      decoder_0_1 <= constants_word[53:34];
      decoder_0_2 <= decoder_0_1;
      decoder_0_3 <= decoder_0_2;
      decoder_0_4 <= decoder_0_3;
      decoder_0_5 <= decoder_0_4;
      decoder_0_6 <= decoder_0_5;
      part_0 <= {chosen[19], chosen};
      tag_1 <= {y_address, value_2, value & ~place, value};
      tag_2 <= tag_1;
      tag_3 <= tag_2;
      tag_4 <= tag_3;
      tag_5 <= tag_4;
      tag_6 <= tag_5;
      tag_7 <= tag_6;
      spiking_slot_1 <= constants_addr;
      spiking_slot_2 <= spiking_slot_1;
      spiking_slot_3 <= spiking_slot_2;
      spiking_slot_4 <= spiking_slot_3;
      spiking_slot_5 <= spiking_slot_4;
      spiking_slot_6 <= spiking_slot_5;
      spiking_slot <= spiking_slot_6;
      sum_tag_1 <= tag_7;
      write <= sum_tag_1[2];
      ensemble <= sum_tag_1[3];
      decoded <= value_3;
      done_1 <= last;
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
    if (rst) so_far <= 21'd0;
    else if (sum_tag_1[0]) so_far <= value_3;
endmodule

// Regular leaky integrate-and-fire neurons, their voltages and refractory periods in a memory of the lane.
module spiking_memory_bank_unit_0 (
  input  wire        clk,
  input  wire        rst,
  input  wire [1:0]  next_slot,
  input  wire        fresh,
  input  wire [20:0] current,
  input  wire        valid,
  output reg         count = 1'b0
);
  reg [25:0] state [0:3];
  initial begin
    state[0] = 26'd0;
    state[1] = 26'd0;
    state[2] = 26'd0;
    state[3] = 26'd0;
  end
  reg [25:0] state_word;
  reg [15:0] phases [0:3];
  initial begin
    phases[0] = 16'h80fb;
    phases[1] = 16'he51c;
    phases[2] = 16'hf461;
    phases[3] = 16'hdc44;
  end
  reg [15:0] signature_data;
  reg [31:0] leaking = 32'd0;
  reg [8:0] value = 9'd0;
  reg [9:0] left = 10'd0;
  reg [20:0] current_1 = 21'd0;
  reg [15:0] voltage_1 = 16'd0;
  reg [21:0] rise = 22'd0;
  reg [8:0] share_1 = 9'd0;
  reg [30:0] scaled = 31'd0;
  reg [8:0] share_late_1 = 9'd0;
  reg [15:0] held_1 = 16'd0;
  reg [15:0] held_2 = 16'd0;
  reg [15:0] kept = 16'd0;
  reg [23:0] value_2 = 24'd0;
  reg [22:0] moved_4 = 23'd0;
  reg [8:0] share_last_1 = 9'd0;
  reg [32:0] rest = 33'd0;
  reg [22:0] divisor_1 = 23'd0;
  reg [32:0] rest_8 = 33'd0;
  reg quotient_bit_8 = 1'b0;
  reg [22:0] divisor_8_1 = 23'd0;
  reg [32:0] rest_7 = 33'd0;
  reg quotient_bit_7 = 1'b0;
  reg [22:0] divisor_7_1 = 23'd0;
  reg quotient_7_1 = 1'b0;
  reg [32:0] rest_6 = 33'd0;
  reg quotient_bit_6 = 1'b0;
  reg [22:0] divisor_6_1 = 23'd0;
  reg [1:0] quotient_6_1 = 2'd0;
  reg [32:0] rest_5 = 33'd0;
  reg quotient_bit_5 = 1'b0;
  reg [22:0] divisor_5_1 = 23'd0;
  reg [2:0] quotient_5_1 = 3'd0;
  reg [32:0] rest_4 = 33'd0;
  reg quotient_bit_4 = 1'b0;
  reg [22:0] divisor_4_1 = 23'd0;
  reg [3:0] quotient_4_1 = 4'd0;
  reg [32:0] rest_3 = 33'd0;
  reg quotient_bit_3 = 1'b0;
  reg [22:0] divisor_3_1 = 23'd0;
  reg [4:0] quotient_3_1 = 5'd0;
  reg [32:0] rest_2 = 33'd0;
  reg quotient_bit_2 = 1'b0;
  reg [22:0] divisor_2_1 = 23'd0;
  reg [5:0] quotient_2_1 = 6'd0;
  reg [32:0] rest_1 = 33'd0;
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
  reg [9:0] left_1 = 10'd0;
  reg [9:0] left_2 = 10'd0;
  reg [9:0] left_3 = 10'd0;
  reg [9:0] left_4 = 10'd0;
  reg [9:0] left_5 = 10'd0;
  reg [9:0] left_6 = 10'd0;
  reg [9:0] left_7 = 10'd0;
  reg [9:0] left_8 = 10'd0;
  reg [9:0] left_9 = 10'd0;
  reg [9:0] left_10 = 10'd0;
  reg [9:0] left_11 = 10'd0;
  reg [9:0] left_12 = 10'd0;
  reg [9:0] left_13 = 10'd0;

  wire [15:0] value_3 = fresh ? signature_data : state_word[15:0];
  wire [9:0] waiting = fresh ? 10'd0 : state_word[25:16];
  wire [31:0] sum = $signed(scaled) + 32'sd128;
  wire [23:0] reached = sum[31:8] + {8'd0, held_2};
  wire value_4 = waiting >= 10'h100;
  wire [32:0] sum_2 = {1'b0, leaking} + 33'h80000;
  wire value_5 = $signed(reached) >= 24'sd65536;
  wire value_6 = {5'd0, rest} >= {7'd0, divisor_1, 8'd0};
  wire value_7 = rest_8 >= {3'd0, divisor_8_1, 7'd0};
  wire value_8 = rest_7 >= {4'd0, divisor_7_1, 6'd0};
  wire value_9 = rest_6 >= {5'd0, divisor_6_1, 5'd0};
  wire value_10 = rest_5 >= {6'd0, divisor_5_1, 4'd0};
  wire value_11 = rest_4 >= {7'd0, divisor_4_1, 3'd0};
  wire value_12 = rest_3 >= {8'd0, divisor_3_1, 2'd0};
  wire value_13 = rest_2 >= {9'd0, divisor_2_1, 1'b0};

  always @(posedge clk)
    if (valid_14) state[slot_15] <= {fired_10 ? 10'h200 - {1'b0, quotient_0_1, quotient_bit_0} : left_13,
        kept_10};
  always @(posedge clk)
    state_word <= state[next_slot];
  always @(posedge clk)
    signature_data <= phases[next_slot];
  always @(posedge clk)
    if (rst) begin
      leaking <= 32'd0;
      value <= 9'd0;
      left <= 10'd0;
      current_1 <= 21'd0;
      voltage_1 <= 16'd0;
      rise <= 22'd0;
      share_1 <= 9'd0;
      scaled <= 31'd0;
      share_late_1 <= 9'd0;
      held_1 <= 16'd0;
      held_2 <= 16'd0;
      count <= 1'b0;
      kept <= 16'd0;
      value_2 <= 24'd0;
      moved_4 <= 23'd0;
      share_last_1 <= 9'd0;
      rest <= 33'd0;
      divisor_1 <= 23'd0;
      rest_8 <= 33'd0;
      quotient_bit_8 <= 1'b0;
      divisor_8_1 <= 23'd0;
      rest_7 <= 33'd0;
      quotient_bit_7 <= 1'b0;
      divisor_7_1 <= 23'd0;
      quotient_7_1 <= 1'b0;
      rest_6 <= 33'd0;
      quotient_bit_6 <= 1'b0;
      divisor_6_1 <= 23'd0;
      quotient_6_1 <= 2'd0;
      rest_5 <= 33'd0;
      quotient_bit_5 <= 1'b0;
      divisor_5_1 <= 23'd0;
      quotient_5_1 <= 3'd0;
      rest_4 <= 33'd0;
      quotient_bit_4 <= 1'b0;
      divisor_4_1 <= 23'd0;
      quotient_4_1 <= 4'd0;
      rest_3 <= 33'd0;
      quotient_bit_3 <= 1'b0;
      divisor_3_1 <= 23'd0;
      quotient_3_1 <= 5'd0;
      rest_2 <= 33'd0;
      quotient_bit_2 <= 1'b0;
      divisor_2_1 <= 23'd0;
      quotient_2_1 <= 6'd0;
      rest_1 <= 33'd0;
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
      left_1 <= 10'd0;
      left_2 <= 10'd0;
      left_3 <= 10'd0;
      left_4 <= 10'd0;
      left_5 <= 10'd0;
      left_6 <= 10'd0;
      left_7 <= 10'd0;
      left_8 <= 10'd0;
      left_9 <= 10'd0;
      left_10 <= 10'd0;
      left_11 <= 10'd0;
      left_12 <= 10'd0;
      left_13 <= 10'd0;
    end else begin
      leaking <= {16'd0, value_3} * 32'hc7c4;
      value <= value_4 ? 9'd0 : 9'h100 - waiting[8:0];
      left <= value_4 ? waiting - 10'h100 : 10'd0;
      current_1 <= current;
      voltage_1 <= value_3;
      rise <= $signed(current_1) - $signed({1'b0, sum_2[32:20]});
      share_1 <= value;
      scaled <= $signed(rise) * $signed({1'b0, share_1});
      share_late_1 <= share_1;
      held_1 <= voltage_1;
      held_2 <= held_1;
      count <= value_5;
      kept <= (($signed(reached) < 24'sd0) | value_5) ? 16'd0 : reached[15:0];
      value_2 <= reached - 24'h10000;
      moved_4 <= sum[30:8];
      share_last_1 <= share_late_1;
      rest <= {9'd0, value_2} * {24'd0, share_last_1};
      divisor_1 <= moved_4;
      rest_8 <= value_6 ? rest - {2'd0, divisor_1, 8'd0} : rest;
      quotient_bit_8 <= value_6;
      divisor_8_1 <= divisor_1;
      rest_7 <= value_7 ? rest_8 - {3'd0, divisor_8_1, 7'd0} : rest_8;
      quotient_bit_7 <= value_7;
      divisor_7_1 <= divisor_8_1;
      quotient_7_1 <= quotient_bit_8;
      rest_6 <= value_8 ? rest_7 - {4'd0, divisor_7_1, 6'd0} : rest_7;
      quotient_bit_6 <= value_8;
      divisor_6_1 <= divisor_7_1;
      quotient_6_1 <= {quotient_7_1, quotient_bit_7};
      rest_5 <= value_9 ? rest_6 - {5'd0, divisor_6_1, 5'd0} : rest_6;
      quotient_bit_5 <= value_9;
      divisor_5_1 <= divisor_6_1;
      quotient_5_1 <= {quotient_6_1, quotient_bit_6};
      rest_4 <= value_10 ? rest_5 - {6'd0, divisor_5_1, 4'd0} : rest_5;
      quotient_bit_4 <= value_10;
      divisor_4_1 <= divisor_5_1;
      quotient_4_1 <= {quotient_5_1, quotient_bit_5};
      rest_3 <= value_11 ? rest_4 - {7'd0, divisor_4_1, 3'd0} : rest_4;
      quotient_bit_3 <= value_11;
      divisor_3_1 <= divisor_4_1;
      quotient_3_1 <= {quotient_4_1, quotient_bit_4};
      rest_2 <= value_12 ? rest_3 - {8'd0, divisor_3_1, 2'd0} : rest_3;
      quotient_bit_2 <= value_12;
      divisor_2_1 <= divisor_3_1;
      quotient_2_1 <= {quotient_3_1, quotient_bit_3};
      rest_1 <= value_13 ? rest_2 - {9'd0, divisor_2_1, 1'b0} : rest_2;
      quotient_bit_1 <= value_13;
      divisor_1_1 <= divisor_2_1;
      quotient_1_1 <= {quotient_2_1, quotient_bit_2};
      quotient_bit_0 <= rest_1 >= {10'd0, divisor_1_1};
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
      left_1 <= left;
      left_2 <= left_1;
      left_3 <= left_2;
      left_4 <= left_3;
      left_5 <= left_4;
      left_6 <= left_5;
      left_7 <= left_6;
      left_8 <= left_7;
      left_9 <= left_8;
      left_10 <= left_9;
      left_11 <= left_10;
      left_12 <= left_11;
      left_13 <= left_12;
    end
endmodule
