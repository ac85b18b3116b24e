// lmu_memory: Legendre memory, dense datapath.
// order 3, theta 1.0 s, dt 0.01 s, zoh step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.14, 1 multiplier(s), 1 channel(s)
// A word moves at each rising edge of clk at which valid and ready of its stream are 1; until then it is held.
// A sample takes at least 11 cycles; its first answer comes 6 cycles after the sample was taken, if nothing holds it up.
// sQm.n has m bits before the binary point, the sign among them, and n behind it; uQm.n has no sign.
// Made by: golden
// Dense memory: the step x ← x + D·(x − e₀u) with a full matrix D, one product per lane and cycle.
module lmu_memory (
  input  wire       clk,          // clock, rising edge
  input  wire       rst,          // synchronous reset, active high; forgets all state
  input  wire       in_valid,     // a sample is offered
  output wire       in_ready,     // it is taken at this clock edge
  input  wire [3:0] in_data,      // sample, sQ1.3 two's complement
  input  wire       in_first,     // it starts a sequence: the state counts as zero
  input  wire       in_last,      // it ends a sequence; handed on as out_last
  output wire       out_valid,    // a beat of state words is offered
  input  wire       out_ready,    // it is taken at this clock edge
  output wire [6:0] out_data,     // 1 state word(s), sQ2.5 each, the first in the lowest bits
  output wire [1:0] out_index,    // state of the first word, 0 to 2
  output wire       out_channel,  // channel of the sample
  output wire       out_first,    // in_first of the sample
  output wire       out_last      // in_last of the sample
);
  wire samples_ready;

  wire advance = ~out_valid | out_ready;
  assign in_ready = samples_ready & advance;
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
    .beats_payload_data(out_data),
    .beats_payload_index(out_index),
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
  output wire [6:0] beats_payload_data,
  output wire [1:0] beats_payload_index,
  output wire       beats_payload_first,
  output wire       beats_payload_last
);
  wire [3:0] rom_read_addr;
  wire [7:0] multipliers_0_operand;
  reg [5:0] rom [0:8];
  reg [5:0] rom_data;
  reg [13:0] multipliers_0_product = 14'd0;

  initial begin
    rom[0] = 6'h3b;
    rom[1] = 6'h3b;
    rom[2] = 6'h3b;
    rom[3] = 6'hf;
    rom[4] = 6'h30;
    rom[5] = 6'h31;
    rom[6] = 6'h28;
    rom[7] = 6'h19;
    rom[8] = 6'h27;
  end

  // The datapath of the dense memory: issues one or more columns of a group of rows a cycle.
  lmu_memory_pipeline_datapath datapath (
    .clk(clk),
    .rst(rst),
    .samples_valid(samples_valid),
    .samples_payload_data(samples_payload_data),
    .samples_payload_first(samples_payload_first),
    .samples_payload_last(samples_payload_last),
    .advance(advance),
    .multipliers_0_product(multipliers_0_product[12:0]),
    .samples_ready(samples_ready),
    .rom_address(rom_read_addr),
    .multipliers_0_operand(multipliers_0_operand),
    .beats_valid(beats_valid),
    .beats_payload_data(beats_payload_data),
    .beats_payload_index(beats_payload_index),
    .beats_payload_first(beats_payload_first),
    .beats_payload_last(beats_payload_last)
  );

  always @(posedge clk)
    if (advance) rom_data <= rom[rom_read_addr];
  always @(posedge clk)
    if (rst) multipliers_0_product <= 14'd0;
    else if (advance) multipliers_0_product <= $signed(multipliers_0_operand) * $signed(rom_data);
endmodule

// The datapath of the dense memory: issues one or more columns of a group of rows a cycle.
module lmu_memory_pipeline_datapath (
  input  wire        clk,
  input  wire        rst,
  input  wire        samples_valid,
  input  wire [3:0]  samples_payload_data,
  input  wire        samples_payload_first,
  input  wire        samples_payload_last,
  input  wire        advance,
  input  wire [12:0] multipliers_0_product,
  output wire        samples_ready,
  output wire [3:0]  rom_address,
  output reg  [7:0]  multipliers_0_operand = 8'd0,
  output reg         beats_valid = 1'b0,
  output wire [6:0]  beats_payload_data,
  output reg  [1:0]  beats_payload_index = 2'd0,
  output reg         beats_payload_first = 1'b0,
  output reg         beats_payload_last = 1'b0
);
  wire ends;
  wire issue;
  wire starts;
  wire clear;
  reg [6:0] words [0:5];
  reg [6:0] words_read_data;
  reg [1:0] step = 2'd0;
  reg [1:0] group = 2'd0;
  reg bank_bit = 1'b0;
  reg [1:0] column_group = 2'd0;
  reg [3:0] held_sample_data = 4'd0;
  reg held_sample_first = 1'b0;
  reg held_sample_last = 1'b0;
  reg slot_multiply_valid = 1'b0;
  reg slot_multiply_starts_row = 1'b0;
  reg slot_multiply_ends_row = 1'b0;
  reg [1:0] slot_multiply_group = 2'd0;
  reg slot_multiply_bank = 1'b0;
  reg slot_multiply_clear = 1'b0;
  reg slot_multiply_first = 1'b0;
  reg slot_multiply_last = 1'b0;
  reg slot_accumulate_valid = 1'b0;
  reg slot_accumulate_starts_row = 1'b0;
  reg slot_accumulate_ends_row = 1'b0;
  reg [1:0] slot_accumulate_group = 2'd0;
  reg slot_accumulate_bank = 1'b0;
  reg slot_accumulate_first = 1'b0;
  reg slot_accumulate_last = 1'b0;
  reg slot_integrate_valid = 1'b0;
  reg [1:0] slot_integrate_group = 2'd0;
  reg slot_integrate_bank = 1'b0;
  reg slot_integrate_first = 1'b0;
  reg slot_integrate_last = 1'b0;
  reg slot_retire_bank = 1'b0;
  reg [12:0] row_sums = 13'd0;

  wire row_ends = step == 2'd2;
  wire next_bank = bank_bit ^ ends;
  wire inverse = ~starts;
  wire [6:0] word_0 = clear ? 7'd0 : words_read_data;
  wire is_equal = step == 2'd0;
  wire [3:0] sample_data = inverse ? held_sample_data : samples_payload_data;
  wire [3:0] entered = is_equal ? sample_data : 4'd0;
  wire [1:0] next_column_group =
      issue ? (row_ends ? 2'd0 : column_group == 2'd2 ? 2'd0 : column_group + 2'd1) :
      column_group;
  wire sample_first = inverse ? held_sample_first : samples_payload_first;
  wire sample_last = inverse ? held_sample_last : samples_payload_last;

  // Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
  lmu_memory_pipeline_datapath_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .valid(samples_valid),
    .first(samples_payload_first),
    .advance(advance),
    .ends(ends),
    .slot(rom_address),
    .issue(issue),
    .starts(starts),
    .clear(clear),
    .ready(samples_ready)
  );
  // Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
  lmu_memory_pipeline_datapath_bank bank (
    .clk(clk),
    .rst(rst),
    .read_address(slot_multiply_group),
    .add_increments(row_sums),
    .read_clear(slot_multiply_clear),
    .add_address(slot_integrate_group),
    .add_valid(slot_integrate_valid),
    .advance(advance),
    .outputs(beats_payload_data)
  );

  always @(posedge clk)
    if (advance & beats_valid) words[{beats_payload_index, slot_retire_bank}] <= beats_payload_data;
  always @(posedge clk)
    if (advance) begin
      words_read_data <= words[{next_column_group, next_bank}];
      if ((advance & beats_valid) && {beats_payload_index, slot_retire_bank} == {next_column_group,
          next_bank}) words_read_data <= beats_payload_data;
    end
  always @(posedge clk)
    if (rst) step <= 2'd0;
    else if (advance && issue) step <= row_ends ? 2'd0 : step + 2'd1;
  always @(posedge clk)
    if (rst) group <= 2'd0;
    else if (advance && issue && row_ends) group <= group == 2'd2 ? 2'd0 : group + 2'd1;
  always @(posedge clk)
    if (rst) begin
      bank_bit <= 1'b0;
      column_group <= 2'd0;
      multipliers_0_operand <= 8'd0;
      slot_multiply_valid <= 1'b0;
      slot_multiply_starts_row <= 1'b0;
      slot_multiply_ends_row <= 1'b0;
      slot_multiply_group <= 2'd0;
      slot_multiply_bank <= 1'b0;
      slot_multiply_clear <= 1'b0;
      slot_multiply_first <= 1'b0;
      slot_multiply_last <= 1'b0;
      slot_accumulate_valid <= 1'b0;
      slot_accumulate_starts_row <= 1'b0;
      slot_accumulate_ends_row <= 1'b0;
      slot_accumulate_group <= 2'd0;
      slot_accumulate_bank <= 1'b0;
      slot_accumulate_first <= 1'b0;
      slot_accumulate_last <= 1'b0;
      slot_integrate_group <= 2'd0;
      slot_integrate_bank <= 1'b0;
      slot_integrate_first <= 1'b0;
      slot_integrate_last <= 1'b0;
      beats_valid <= 1'b0;
      beats_payload_index <= 2'd0;
      slot_retire_bank <= 1'b0;
      beats_payload_first <= 1'b0;
      beats_payload_last <= 1'b0;
    end else if (advance) begin
      bank_bit <= next_bank;
      column_group <= next_column_group;
      multipliers_0_operand <= $signed(word_0) - $signed({entered, 2'd0});
      slot_multiply_valid <= issue;
      slot_multiply_starts_row <= is_equal;
      slot_multiply_ends_row <= row_ends;
      slot_multiply_group <= group;
      slot_multiply_bank <= ~bank_bit;
      slot_multiply_clear <= clear;
      slot_multiply_first <= sample_first;
      slot_multiply_last <= sample_last;
      slot_accumulate_valid <= slot_multiply_valid;
      slot_accumulate_starts_row <= slot_multiply_starts_row;
      slot_accumulate_ends_row <= slot_multiply_ends_row;
      slot_accumulate_group <= slot_multiply_group;
      slot_accumulate_bank <= slot_multiply_bank;
      slot_accumulate_first <= slot_multiply_first;
      slot_accumulate_last <= slot_multiply_last;
      slot_integrate_group <= slot_accumulate_group;
      slot_integrate_bank <= slot_accumulate_bank;
      slot_integrate_first <= slot_accumulate_first;
      slot_integrate_last <= slot_accumulate_last;
      beats_valid <= slot_integrate_valid;
      beats_payload_index <= slot_integrate_group;
      slot_retire_bank <= slot_integrate_bank;
      beats_payload_first <= slot_integrate_first;
      beats_payload_last <= slot_integrate_last;
    end
  always @(posedge clk)
    if (rst) begin
      held_sample_data <= 4'd0;
      held_sample_first <= 1'b0;
      held_sample_last <= 1'b0;
    end else if (advance && !inverse && issue) begin
      held_sample_data <= samples_payload_data;
      held_sample_first <= samples_payload_first;
      held_sample_last <= samples_payload_last;
    end
  always @(posedge clk)
    if (rst) slot_integrate_valid <= 1'b0;
    else if (advance) begin
      slot_integrate_valid <= slot_accumulate_valid;
      slot_integrate_valid <= slot_accumulate_valid & slot_accumulate_ends_row;
    end
  always @(posedge clk)
    if (rst) row_sums <= 13'd0;
    else if (advance && slot_accumulate_valid) row_sums <= (slot_accumulate_starts_row ? 13'd0 : row_sums) +
        multipliers_0_product;
endmodule

// Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
module lmu_memory_pipeline_datapath_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [1:0]  read_address,
  input  wire [12:0] add_increments,
  input  wire        read_clear,
  input  wire [1:0]  add_address,
  input  wire        add_valid,
  input  wire        advance,
  output reg  [6:0]  outputs = 7'd0
);
  reg [25:0] integrators [0:2];
  reg [25:0] integrators_word;
  reg clear = 1'b0;
  reg [1:0] store_addr = 2'd0;
  reg store_en = 1'b0;
  reg [16:0] old_accumulator_0 = 17'd0;
  reg [17:0] base_0 = 18'd0;
  reg [16:0] store_data_accumulator = 17'd0;
  reg [8:0] store_data_residue = 9'd0;

  wire [25:0] chosen = clear ? 26'd0 : integrators_word;
  wire [16:0] new_accumulator_0 = $signed(old_accumulator_0) + $signed(add_increments);
  wire [15:0] sum_0 = $signed(base_0[15:0]) + $signed(add_increments);
  wire [17:0] sum = $signed(chosen[16:0]) + 18'sd256;

  always @(posedge clk)
    if (advance & store_en) integrators[store_addr] <= {store_data_residue, store_data_accumulator};
  always @(posedge clk)
    if (advance) begin
      integrators_word <= integrators[read_address];
      if ((advance & store_en) && store_addr == read_address) integrators_word <= {store_data_residue,
          store_data_accumulator};
    end
  always @(posedge clk)
    if (rst) begin
      clear <= 1'b0;
      store_addr <= 2'd0;
      store_en <= 1'b0;
      old_accumulator_0 <= 17'd0;
      base_0 <= 18'd0;
      outputs <= 7'd0;
      store_data_accumulator <= 17'd0;
      store_data_residue <= 9'd0;
    end else if (advance) begin
      clear <= read_clear;
      store_addr <= add_address;
      store_en <= add_valid;
      old_accumulator_0 <= chosen[16:0];
      base_0 <= $signed(sum) + $signed(chosen[25:17]);
      outputs <= sum_0[15:9];
      store_data_accumulator <= new_accumulator_0;
      store_data_residue <= {~sum_0[8], sum_0[7:0]};
    end
endmodule

// Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
module lmu_memory_pipeline_datapath_sequencer (
  input  wire       clk,
  input  wire       rst,
  input  wire       valid,
  input  wire       first,
  input  wire       advance,
  output wire       ends,
  output reg  [3:0] slot = 4'd0,
  output wire       issue,
  output wire       starts,
  output wire       clear,
  output wire       ready
);
  reg awake = 1'b0;
  reg [1:0] pause_left = 2'd0;
  reg started = 1'b0;
  reg held_clear = 1'b0;

  assign starts = slot == 4'd0;
  assign ready = starts & awake & (pause_left == 2'd0);
  assign issue = starts ? valid & ready : 1'b1;
  assign ends = issue & (slot == 4'd8);
  wire inverse = ~starts;
  assign clear = inverse ? held_clear : first | ~started;
  wire [3:0] next_slot = ends ? 4'd0 : slot + {3'd0, issue};

  always @(posedge clk)
    if (rst) begin
      awake <= 1'b0;
      slot <= 4'd0;
    end else if (advance) begin
      awake <= 1'b1;
      slot <= next_slot;
    end
  always @(posedge clk)
    if (rst) pause_left <= 2'd0;
    else if (advance) begin
      if (ends) pause_left <= 2'd2;
      else if (pause_left != 2'd0) pause_left <= pause_left - 2'd1;
    end
  always @(posedge clk)
    if (rst) started <= 1'b0;
    else if (advance && (issue & starts)) started <= 1'b1;
  always @(posedge clk)
    if (rst) held_clear <= 1'b0;
    else if (advance && !inverse && issue) held_clear <= clear;
endmodule

// lmu_memory.core waives these warnings of Verilator's -Wall:
//   DECLFILENAME: the modules of a design stand in one file
//   PROCASSINIT: registers have the value at which an FPGA starts them
//   UNUSEDSIGNAL: rounding drops the lowest bits of its sum
//   WIDTHEXPAND: signed operands extend to the width of their result
