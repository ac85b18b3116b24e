// lmu_memory: Legendre memory, dense datapath.
// order 2, theta 1.0 s, dt 0.01 s, zoh step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.15, 4 multiplier(s), 1 channel(s)
// A word moves at each rising edge of clk at which valid and ready of its stream are 1; until then it is held.
// A sample takes at least 6 cycles; its first answer comes 5 cycles after the sample was taken, if nothing holds it up.
// sQm.n has m bits before the binary point, the sign among them, and n behind it; uQm.n has no sign.
// Made by: golden
// Dense memory: the step x ← x + D·(x − e₀u) with a full matrix D, one product per lane and cycle.
module lmu_memory (
  input  wire        clk,          // clock, rising edge
  input  wire        rst,          // synchronous reset, active high; forgets all state
  input  wire        in_valid,     // a sample is offered
  output wire        in_ready,     // it is taken at this clock edge
  input  wire [3:0]  in_data,      // sample, sQ1.3 two's complement
  input  wire        in_first,     // it starts a sequence: the state counts as zero
  input  wire        in_last,      // it ends a sequence; handed on as out_last
  output wire        out_valid,    // a beat of state words is offered
  input  wire        out_ready,    // it is taken at this clock edge
  output wire [13:0] out_data,     // 2 state word(s), sQ2.5 each, the first in the lowest bits
  output wire        out_index,    // state of the first word, 0 to 1
  output wire        out_channel,  // channel of the sample
  output wire        out_first,    // in_first of the sample
  output wire        out_last      // in_last of the sample
);
  wire samples_ready;
  wire [6:0] o_payload_data_0;
  wire [6:0] o_payload_data_1;

  wire advance = ~out_valid | out_ready;
  assign in_ready = samples_ready & advance;
  assign out_data = {o_payload_data_1, o_payload_data_0};
  assign out_index = 1'b0;
  assign out_channel = 1'b0;

  // Pipeline of a memory: its datapath, with the ROM and the multipliers that stall together with it.
  lmu_memory_pipeline pipeline (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .samples_valid(in_valid),
    .samples_payload_data(in_data),
    .samples_payload_first(in_first),
    .samples_payload_last(in_last),
    .samples_ready(samples_ready),
    .beats_valid(out_valid),
    .beats_payload_data_0(o_payload_data_0),
    .beats_payload_data_1(o_payload_data_1),
    .beats_payload_first(out_first),
    .beats_payload_last(out_last)
  );
endmodule

// Pipeline of a memory: its datapath, with the ROM and the multipliers that stall together with it.
module lmu_memory_pipeline (
  input  wire       clk,
  input  wire       rst,
  input  wire       advance,
  input  wire       samples_valid,
  input  wire [3:0] samples_payload_data,
  input  wire       samples_payload_first,
  input  wire       samples_payload_last,
  output wire       samples_ready,
  output wire       beats_valid,
  output wire [6:0] beats_payload_data_0,
  output wire [6:0] beats_payload_data_1,
  output wire       beats_payload_first,
  output wire       beats_payload_last
);
  wire [7:0] multipliers_0_operand;
  wire [7:0] multipliers_1_operand;
  reg [13:0] multipliers_0_product = 14'd0;
  reg [13:0] multipliers_1_product = 14'd0;
  reg [13:0] multipliers_2_product = 14'd0;
  reg [13:0] multipliers_3_product = 14'd0;

  // The datapath of the dense memory: issues one or more columns of a group of rows a cycle.
  lmu_memory_pipeline_datapath datapath (
    .clk(clk),
    .rst(rst),
    .samples_valid(samples_valid),
    .samples_payload_data(samples_payload_data),
    .samples_payload_first(samples_payload_first),
    .samples_payload_last(samples_payload_last),
    .multipliers_0_product(multipliers_0_product),
    .multipliers_1_product(multipliers_1_product),
    .multipliers_2_product(multipliers_2_product),
    .multipliers_3_product(multipliers_3_product),
    .advance(advance),
    .samples_ready(samples_ready),
    .multipliers_0_operand(multipliers_0_operand),
    .multipliers_1_operand(multipliers_1_operand),
    .beats_valid(beats_valid),
    .beats_payload_data_0(beats_payload_data_0),
    .beats_payload_data_1(beats_payload_data_1),
    .beats_payload_first(beats_payload_first),
    .beats_payload_last(beats_payload_last)
  );

  always @(posedge clk)
    if (rst) begin
      multipliers_0_product <= 14'd0;
      multipliers_1_product <= 14'd0;
      multipliers_2_product <= 14'd0;
      multipliers_3_product <= 14'd0;
    end else if (advance) begin
      multipliers_0_product <= $signed(multipliers_0_operand) * -14'sd10;
      multipliers_1_product <= $signed(multipliers_1_operand) * -14'sd10;
      multipliers_2_product <= $signed(multipliers_0_operand) * 14'sd30;
      multipliers_3_product <= $signed(multipliers_1_operand) * -14'sd30;
    end
endmodule

// The datapath of the dense memory: issues one or more columns of a group of rows a cycle.
module lmu_memory_pipeline_datapath (
  input  wire        clk,
  input  wire        rst,
  input  wire        samples_valid,
  input  wire [3:0]  samples_payload_data,
  input  wire        samples_payload_first,
  input  wire        samples_payload_last,
  input  wire [13:0] multipliers_0_product,
  input  wire [13:0] multipliers_1_product,
  input  wire [13:0] multipliers_2_product,
  input  wire [13:0] multipliers_3_product,
  input  wire        advance,
  output wire        samples_ready,
  output reg  [7:0]  multipliers_0_operand = 8'd0,
  output reg  [7:0]  multipliers_1_operand = 8'd0,
  output reg         beats_valid = 1'b0,
  output wire [6:0]  beats_payload_data_0,
  output wire [6:0]  beats_payload_data_1,
  output reg         beats_payload_first = 1'b0,
  output reg         beats_payload_last = 1'b0
);
  wire ends;
  wire clear;
  reg [13:0] words [0:1];
  reg [13:0] words_word;
  reg bank_bit = 1'b0;
  reg slot_multiply_valid = 1'b0;
  reg slot_multiply_ends_row = 1'b0;
  reg slot_multiply_bank = 1'b0;
  reg slot_multiply_clear = 1'b0;
  reg slot_multiply_first = 1'b0;
  reg slot_multiply_last = 1'b0;
  reg slot_tree_0_valid = 1'b0;
  reg slot_tree_0_ends_row = 1'b0;
  reg slot_tree_0_bank = 1'b0;
  reg slot_tree_0_clear = 1'b0;
  reg slot_tree_0_first = 1'b0;
  reg slot_tree_0_last = 1'b0;
  reg slot_accumulate_valid = 1'b0;
  reg slot_accumulate_ends_row = 1'b0;
  reg slot_accumulate_bank = 1'b0;
  reg slot_accumulate_first = 1'b0;
  reg slot_accumulate_last = 1'b0;
  reg slot_integrate_valid = 1'b0;
  reg slot_integrate_bank = 1'b0;
  reg slot_integrate_first = 1'b0;
  reg slot_integrate_last = 1'b0;
  reg slot_retire_bank = 1'b0;
  reg [14:0] products_0_1_0 = 15'd0;
  reg [12:0] row_sums_0 = 13'd0;
  reg [12:0] row_sums_1 = 13'd0;
  reg [14:0] products_1_1_0 = 15'd0;

  wire next_bank = bank_bit ^ ends;
  wire [6:0] word_0 = clear ? 7'd0 : words_word[6:0];
  wire [6:0] word_1 = clear ? 7'd0 : words_word[13:7];

  // Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
  lmu_memory_pipeline_datapath_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .valid(samples_valid),
    .first(samples_payload_first),
    .advance(advance),
    .ends(ends),
    .ready(samples_ready),
    .clear(clear)
  );
  // Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
  lmu_memory_pipeline_datapath_bank bank (
    .clk(clk),
    .rst(rst),
    .add_increments_0(row_sums_0),
    .add_increments_1(row_sums_1),
    .read_clear(slot_tree_0_clear),
    .add_valid(slot_integrate_valid),
    .advance(advance),
    .outputs_0(beats_payload_data_0),
    .outputs_1(beats_payload_data_1)
  );

  always @(posedge clk)
    if (advance & beats_valid) words[slot_retire_bank] <= {beats_payload_data_1, beats_payload_data_0};
  always @(posedge clk)
    if (advance) begin
      words_word <= words[next_bank];
      if ((advance & beats_valid) && slot_retire_bank == next_bank) words_word <= {beats_payload_data_1,
          beats_payload_data_0};
    end
  always @(posedge clk)
    if (rst) begin
      bank_bit <= 1'b0;
      multipliers_0_operand <= 8'd0;
      multipliers_1_operand <= 8'd0;
      slot_multiply_valid <= 1'b0;
      slot_multiply_ends_row <= 1'b0;
      slot_multiply_bank <= 1'b0;
      slot_multiply_clear <= 1'b0;
      slot_multiply_first <= 1'b0;
      slot_multiply_last <= 1'b0;
      slot_tree_0_valid <= 1'b0;
      slot_tree_0_ends_row <= 1'b0;
      slot_tree_0_bank <= 1'b0;
      slot_tree_0_clear <= 1'b0;
      slot_tree_0_first <= 1'b0;
      slot_tree_0_last <= 1'b0;
      slot_accumulate_valid <= 1'b0;
      slot_accumulate_ends_row <= 1'b0;
      slot_accumulate_bank <= 1'b0;
      slot_accumulate_first <= 1'b0;
      slot_accumulate_last <= 1'b0;
      slot_integrate_bank <= 1'b0;
      slot_integrate_first <= 1'b0;
      slot_integrate_last <= 1'b0;
      beats_valid <= 1'b0;
      slot_retire_bank <= 1'b0;
      beats_payload_first <= 1'b0;
      beats_payload_last <= 1'b0;
      products_0_1_0 <= 15'd0;
      products_1_1_0 <= 15'd0;
    end else if (advance) begin
      bank_bit <= next_bank;
      multipliers_0_operand <= $signed(word_0) - $signed({samples_payload_data, 2'd0});
      multipliers_1_operand <= {word_1[6], word_1};
      slot_multiply_valid <= ends;
      slot_multiply_ends_row <= 1'b1;
      slot_multiply_bank <= ~bank_bit;
      slot_multiply_clear <= clear;
      slot_multiply_first <= samples_payload_first;
      slot_multiply_last <= samples_payload_last;
      slot_tree_0_valid <= slot_multiply_valid;
      slot_tree_0_ends_row <= slot_multiply_ends_row;
      slot_tree_0_bank <= slot_multiply_bank;
      slot_tree_0_clear <= slot_multiply_clear;
      slot_tree_0_first <= slot_multiply_first;
      slot_tree_0_last <= slot_multiply_last;
      slot_accumulate_valid <= slot_tree_0_valid;
      slot_accumulate_ends_row <= slot_tree_0_ends_row;
      slot_accumulate_bank <= slot_tree_0_bank;
      slot_accumulate_first <= slot_tree_0_first;
      slot_accumulate_last <= slot_tree_0_last;
      slot_integrate_bank <= slot_accumulate_bank;
      slot_integrate_first <= slot_accumulate_first;
      slot_integrate_last <= slot_accumulate_last;
      beats_valid <= slot_integrate_valid;
      slot_retire_bank <= slot_integrate_bank;
      beats_payload_first <= slot_integrate_first;
      beats_payload_last <= slot_integrate_last;
      products_0_1_0 <= $signed(multipliers_0_product) + $signed(multipliers_1_product);
      products_1_1_0 <= $signed(multipliers_2_product) + $signed(multipliers_3_product);
    end
  always @(posedge clk)
    if (rst) slot_integrate_valid <= 1'b0;
    else if (advance) begin
      slot_integrate_valid <= slot_accumulate_valid;
      slot_integrate_valid <= slot_accumulate_valid & slot_accumulate_ends_row;
    end
  always @(posedge clk)
    if (rst) begin
      row_sums_0 <= 13'd0;
      row_sums_1 <= 13'd0;
    end else if (advance && slot_accumulate_valid) begin
      row_sums_0 <= products_0_1_0[12:0];
      row_sums_1 <= products_1_1_0[12:0];
    end
endmodule

// Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
module lmu_memory_pipeline_datapath_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [12:0] add_increments_0,
  input  wire [12:0] add_increments_1,
  input  wire        read_clear,
  input  wire        add_valid,
  input  wire        advance,
  output reg  [6:0]  outputs_0 = 7'd0,
  output reg  [6:0]  outputs_1 = 7'd0
);
  wire [17:0] fetch_data_0_accumulator;
  wire [9:0] fetch_data_0_residue;
  wire [17:0] fetch_data_1_accumulator;
  wire [9:0] fetch_data_1_residue;
  reg clear = 1'b0;
  reg store_en = 1'b0;
  reg [17:0] old_accumulator_0 = 18'd0;
  reg [18:0] base_0 = 19'd0;
  reg [17:0] store_data_0_accumulator = 18'd0;
  reg [9:0] store_data_0_residue = 10'd0;
  reg [17:0] store_data_1_accumulator = 18'd0;
  reg [9:0] store_data_1_residue = 10'd0;
  reg [17:0] old_accumulator_1 = 18'd0;
  reg [18:0] base_1 = 19'd0;

  wire [27:0] chosen = clear ? 28'd0 : {fetch_data_0_residue, fetch_data_0_accumulator};
  wire [17:0] new_accumulator_0 = $signed(old_accumulator_0) + $signed(add_increments_0);
  wire [16:0] sum_0 = $signed(base_0[16:0]) + $signed(add_increments_0);
  wire [27:0] chosen_2 = clear ? 28'd0 : {fetch_data_1_residue, fetch_data_1_accumulator};
  wire [17:0] new_accumulator_1 = $signed(old_accumulator_1) + $signed(add_increments_1);
  wire [16:0] sum_1 = $signed(base_1[16:0]) + $signed(add_increments_1);
  wire [18:0] sum = $signed(chosen[17:0]) + 19'sd512;
  wire [18:0] sum_2 = $signed(chosen_2[17:0]) + 19'sd512;

  // A memory of a single row: a register, or a constant if it has no write port.
  lmu_memory_pipeline_datapath_bank_integrators integrators (
    .clk(clk),
    .advance(advance),
    .store_en(store_en),
    .store_data_0_accumulator(store_data_0_accumulator),
    .store_data_0_residue(store_data_0_residue),
    .store_data_1_accumulator(store_data_1_accumulator),
    .store_data_1_residue(store_data_1_residue),
    .fetch_data_0_accumulator(fetch_data_0_accumulator),
    .fetch_data_0_residue(fetch_data_0_residue),
    .fetch_data_1_accumulator(fetch_data_1_accumulator),
    .fetch_data_1_residue(fetch_data_1_residue)
  );

  always @(posedge clk)
    if (rst) begin
      clear <= 1'b0;
      store_en <= 1'b0;
      old_accumulator_0 <= 18'd0;
      base_0 <= 19'd0;
      outputs_0 <= 7'd0;
      outputs_1 <= 7'd0;
      store_data_0_accumulator <= 18'd0;
      store_data_0_residue <= 10'd0;
      store_data_1_accumulator <= 18'd0;
      store_data_1_residue <= 10'd0;
      old_accumulator_1 <= 18'd0;
      base_1 <= 19'd0;
    end else if (advance) begin
      clear <= read_clear;
      store_en <= add_valid;
      old_accumulator_0 <= chosen[17:0];
      base_0 <= $signed(sum) + $signed(chosen[27:18]);
      outputs_0 <= sum_0[16:10];
      outputs_1 <= sum_1[16:10];
      store_data_0_accumulator <= new_accumulator_0;
      store_data_0_residue <= {~sum_0[9], sum_0[8:0]};
      store_data_1_accumulator <= new_accumulator_1;
      store_data_1_residue <= {~sum_1[9], sum_1[8:0]};
      old_accumulator_1 <= chosen_2[17:0];
      base_1 <= $signed(sum_2) + $signed(chosen_2[27:18]);
    end
endmodule

// A memory of a single row: a register, or a constant if it has no write port.
module lmu_memory_pipeline_datapath_bank_integrators (
  input  wire        clk,
  input  wire        advance,
  input  wire        store_en,
  input  wire [17:0] store_data_0_accumulator,
  input  wire [9:0]  store_data_0_residue,
  input  wire [17:0] store_data_1_accumulator,
  input  wire [9:0]  store_data_1_residue,
  output reg  [17:0] fetch_data_0_accumulator = 18'd0,
  output reg  [9:0]  fetch_data_0_residue = 10'd0,
  output reg  [17:0] fetch_data_1_accumulator = 18'd0,
  output reg  [9:0]  fetch_data_1_residue = 10'd0
);
  reg [17:0] row_0_accumulator = 18'd0;
  reg [9:0] row_0_residue = 10'd0;
  reg [17:0] row_1_accumulator = 18'd0;
  reg [9:0] row_1_residue = 10'd0;

  wire [55:0] chosen =
      store_en ? {store_data_1_residue, store_data_1_accumulator, store_data_0_residue,
          store_data_0_accumulator} :
      {row_1_residue, row_1_accumulator, row_0_residue, row_0_accumulator};

  always @(posedge clk)
    if (advance && store_en) begin
      row_0_accumulator <= store_data_0_accumulator;
      row_0_residue <= store_data_0_residue;
      row_1_accumulator <= store_data_1_accumulator;
      row_1_residue <= store_data_1_residue;
    end
  always @(posedge clk)
    if (advance) begin
      fetch_data_0_accumulator <= chosen[17:0];
      fetch_data_0_residue <= chosen[27:18];
      fetch_data_1_accumulator <= chosen[45:28];
      fetch_data_1_residue <= chosen[55:46];
    end
endmodule

// Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
module lmu_memory_pipeline_datapath_sequencer (
  input  wire clk,
  input  wire rst,
  input  wire valid,
  input  wire first,
  input  wire advance,
  output wire ends,
  output wire ready,
  output wire clear
);
  reg awake = 1'b0;
  reg [2:0] pause_left = 3'd0;
  reg started = 1'b0;

  assign ready = awake & (pause_left == 3'd0);
  assign ends = valid & ready;
  assign clear = first | ~started;

  always @(posedge clk)
    if (rst) awake <= 1'b0;
    else if (advance) awake <= 1'b1;
  always @(posedge clk)
    if (rst) pause_left <= 3'd0;
    else if (advance) begin
      if (ends) pause_left <= 3'd5;
      else if (pause_left != 3'd0) pause_left <= pause_left - 3'd1;
    end
  always @(posedge clk)
    if (rst) started <= 1'b0;
    else if (advance && ends) started <= 1'b1;
endmodule

// lmu_memory.core waives these warnings of Verilator's -Wall:
//   DECLFILENAME: the modules of a design stand in one file
//   PROCASSINIT: registers have the value at which an FPGA starts them
//   UNUSEDSIGNAL: rounding drops the lowest bits of its sum
//   WIDTHEXPAND: signed operands extend to the width of their result
