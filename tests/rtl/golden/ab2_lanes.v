// lmu_memory: Legendre memory, chain datapath.
// order 4, theta 1.0 s, dt 0.01 s, ab2 step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 2 multiplier(s), 1 channel(s)
// A word moves at each rising edge of clk at which valid and ready of its stream are 1; until then it is held.
// A sample takes at least 5 cycles; its first answer comes 3 cycles after the sample was taken, if nothing holds it up.
// sQm.n has m bits before the binary point, the sign among them, and n behind it; uQm.n has no sign.
// Made by: golden
// Chain memory: forward Euler or Adams–Bashforth 2 by a recurrence over the states, one state per lane and cycle.
module lmu_memory (
  input  wire        clk,               // clock, rising edge
  input  wire        rst,               // synchronous reset, active high; forgets all state
  input  wire        in_valid,          // a sample is offered
  output wire        in_ready,          // it is taken at this clock edge
  input  wire [7:0]  in_data,           // sample, sQ1.3 two's complement; what exceeds 4 bits is saturated
  input  wire        in_first,          // it starts a sequence: the state counts as zero
  input  wire        in_last,           // it ends a sequence; handed on as out_last
  output wire        out_valid,         // a beat of state words is offered
  input  wire        out_ready,         // it is taken at this clock edge
  output wire [13:0] out_data,          // 2 state word(s), sQ2.5 each, the first in the lowest bits
  output wire [1:0]  out_index,         // state of the first word, 0 to 3
  output wire        out_channel,       // channel of the sample
  output wire        out_first,         // in_first of the sample
  output wire        out_last,          // in_last of the sample
  output reg         saturated = 1'b0,  // a sample was out of range since reset or clear_status
  input  wire        clear_status       // clears saturated at this clock edge
);
  wire samples_ready;
  wire [6:0] o_payload_data_0;
  wire [6:0] o_payload_data_1;
  wire out_index_2;

  wire [3:0] samples_payload_data =
      $signed(in_data) > 8'sd7 ? 4'd7 :
      $signed(in_data) < -8'sd8 ? 4'd8 :
      in_data[3:0];
  wire advance = ~out_valid | out_ready;
  assign in_ready = samples_ready & advance;
  wire exceeds = in_valid & in_ready & ({{4{samples_payload_data[3]}}, samples_payload_data} != in_data);
  assign out_data = {o_payload_data_1, o_payload_data_0};
  assign out_index = {out_index_2, 1'b0};
  assign out_channel = 1'b0;

  // Pipeline of a memory: its datapath, with the ROM and the multipliers that stall together with it.
  lmu_memory_pipeline pipeline (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .samples_valid(in_valid),
    .samples_payload_data(samples_payload_data),
    .samples_payload_first(in_first),
    .samples_payload_last(in_last),
    .samples_ready(samples_ready),
    .beats_valid(out_valid),
    .beats_payload_data_0(o_payload_data_0),
    .beats_payload_data_1(o_payload_data_1),
    .beats_payload_index(out_index_2),
    .beats_payload_first(out_first),
    .beats_payload_last(out_last)
  );

  always @(posedge clk)
    if (rst) saturated <= 1'b0;
    else begin
      if (clear_status) saturated <= 1'b0;
      if (exceeds) saturated <= 1'b1;
    end
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
  output wire       beats_payload_index,
  output wire       beats_payload_first,
  output wire       beats_payload_last
);
  wire rom_read_addr;
  wire [7:0] multipliers_0_operand;
  wire [5:0] multipliers_0_coefficient;
  wire [7:0] multipliers_1_operand;
  wire [5:0] multipliers_1_coefficient;
  reg [15:0] rom [0:1];
  reg [15:0] rom_word;
  reg [13:0] multipliers_0_product = 14'd0;
  reg [13:0] multipliers_1_product = 14'd0;

  initial begin
    rom[0] = 16'h612c;
    rom[1] = 16'heea6;
  end

  // The datapath of the chain memory: issues a group of states a cycle, one state in each lane.
  lmu_memory_pipeline_datapath datapath (
    .clk(clk),
    .rst(rst),
    .samples_valid(samples_valid),
    .samples_payload_data(samples_payload_data),
    .samples_payload_first(samples_payload_first),
    .samples_payload_last(samples_payload_last),
    .multipliers_0_product(multipliers_0_product),
    .multipliers_1_product(multipliers_1_product),
    .rom_data_0_coefficient(rom_word[5:0]),
    .rom_data_0_alignment_shift(rom_word[7:6]),
    .rom_data_1_coefficient(rom_word[13:8]),
    .rom_data_1_alignment_shift(rom_word[15:14]),
    .advance(advance),
    .samples_ready(samples_ready),
    .rom_address(rom_read_addr),
    .multipliers_0_operand(multipliers_0_operand),
    .multipliers_0_coefficient(multipliers_0_coefficient),
    .multipliers_1_operand(multipliers_1_operand),
    .multipliers_1_coefficient(multipliers_1_coefficient),
    .beats_valid(beats_valid),
    .beats_payload_data_0(beats_payload_data_0),
    .beats_payload_data_1(beats_payload_data_1),
    .beats_payload_index(beats_payload_index),
    .beats_payload_first(beats_payload_first),
    .beats_payload_last(beats_payload_last)
  );

  always @(posedge clk)
    if (advance) rom_word <= rom[rom_read_addr];
  always @(posedge clk)
    if (rst) begin
      multipliers_0_product <= 14'd0;
      multipliers_1_product <= 14'd0;
    end else if (advance) begin
      multipliers_0_product <= $signed(multipliers_0_operand) * $signed(multipliers_0_coefficient);
      multipliers_1_product <= $signed(multipliers_1_operand) * $signed(multipliers_1_coefficient);
    end
endmodule

// The datapath of the chain memory: issues a group of states a cycle, one state in each lane.
module lmu_memory_pipeline_datapath (
  input  wire        clk,
  input  wire        rst,
  input  wire        samples_valid,
  input  wire [3:0]  samples_payload_data,
  input  wire        samples_payload_first,
  input  wire        samples_payload_last,
  input  wire [13:0] multipliers_0_product,
  input  wire [13:0] multipliers_1_product,
  input  wire [5:0]  rom_data_0_coefficient,
  input  wire [1:0]  rom_data_0_alignment_shift,
  input  wire [5:0]  rom_data_1_coefficient,
  input  wire [1:0]  rom_data_1_alignment_shift,
  input  wire        advance,
  output wire        samples_ready,
  output wire        rom_address,
  output reg  [7:0]  multipliers_0_operand = 8'd0,
  output reg  [5:0]  multipliers_0_coefficient = 6'd0,
  output reg  [7:0]  multipliers_1_operand = 8'd0,
  output reg  [5:0]  multipliers_1_coefficient = 6'd0,
  output reg         beats_valid = 1'b0,
  output wire [6:0]  beats_payload_data_0,
  output wire [6:0]  beats_payload_data_1,
  output reg         beats_payload_index = 1'b0,
  output reg         beats_payload_first = 1'b0,
  output reg         beats_payload_last = 1'b0
);
  wire group_issue_number;
  wire group_issue_valid;
  wire starts;
  wire clear;
  reg [13:0] words [0:1];
  reg [13:0] words_word;
  reg group_multiply_valid = 1'b0;
  reg group_multiply_number = 1'b0;
  reg group_multiply_first = 1'b0;
  reg group_multiply_last = 1'b0;
  reg group_integrate_valid = 1'b0;
  reg group_integrate_number = 1'b0;
  reg group_integrate_first = 1'b0;
  reg group_integrate_last = 1'b0;
  reg held_first = 1'b0;
  reg held_last = 1'b0;
  reg [7:0] held_previous = 8'd0;
  reg [7:0] held_current = 8'd0;
  reg [1:0] coefficients_0_alignment_shift = 2'd0;
  reg [1:0] coefficients_1_alignment_shift = 2'd0;
  reg [1:0] alignment_shift_0 = 2'd0;
  reg [1:0] alignment_shift_1 = 2'd0;
  reg [7:0] partial_total = 8'd0;
  reg [7:0] total_0 = 8'd0;

  wire inverse = ~starts;
  wire [7:0] total = clear ? 8'd0 : total_0;
  wire [6:0] word_0 = clear ? 7'd0 : words_word[6:0];
  wire [7:0] sum = $signed(total) + $signed({samples_payload_data, 2'd0});
  wire [7:0] s_before = inverse ? held_previous : sum;
  wire [7:0] s_1 = s_before - {word_0, 1'b0};
  wire [6:0] word_1 = clear ? 7'd0 : words_word[13:7];
  wire [7:0] difference = $signed(total) - $signed({samples_payload_data, 2'd0});
  wire [7:0] s_0 = inverse ? held_current : difference;
  wire [7:0] s_2 = s_0 - {word_1, 1'b0};
  wire [7:0] sum_2 = $signed(beats_payload_data_0) + $signed(beats_payload_data_1);
  wire group_issue_first = inverse ? held_first : samples_payload_first;
  wire group_issue_last = inverse ? held_last : samples_payload_last;
  wire [7:0] new_total = beats_payload_index ? partial_total + sum_2 : sum_2;
  wire [14:0] add_increments_0 = {multipliers_0_product[13], multipliers_0_product} << alignment_shift_0;
  wire [14:0] add_increments_1 = {multipliers_1_product[13], multipliers_1_product} << alignment_shift_1;

  // Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
  lmu_memory_pipeline_datapath_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .valid(samples_valid),
    .first(samples_payload_first),
    .advance(advance),
    .slot(group_issue_number),
    .next_slot(rom_address),
    .issue(group_issue_valid),
    .starts(starts),
    .clear(clear),
    .ready(samples_ready)
  );
  // Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
  lmu_memory_pipeline_datapath_bank bank (
    .clk(clk),
    .rst(rst),
    .read_address(group_issue_number),
    .add_increments_0(add_increments_0),
    .add_increments_1(add_increments_1),
    .read_clear(clear),
    .add_address(group_integrate_number),
    .add_valid(group_integrate_valid),
    .advance(advance),
    .outputs_0(beats_payload_data_0),
    .outputs_1(beats_payload_data_1)
  );

  always @(posedge clk)
    if (advance & beats_valid) words[beats_payload_index] <= {beats_payload_data_1, beats_payload_data_0};
  always @(posedge clk)
    if (advance) begin
      words_word <= words[rom_address];
      if ((advance & beats_valid) && beats_payload_index == rom_address) words_word <= {beats_payload_data_1,
          beats_payload_data_0};
    end
  always @(posedge clk)
    if (rst) begin
      group_multiply_valid <= 1'b0;
      group_multiply_number <= 1'b0;
      group_multiply_first <= 1'b0;
      group_multiply_last <= 1'b0;
      group_integrate_valid <= 1'b0;
      group_integrate_number <= 1'b0;
      group_integrate_first <= 1'b0;
      group_integrate_last <= 1'b0;
      beats_valid <= 1'b0;
      beats_payload_index <= 1'b0;
      beats_payload_first <= 1'b0;
      beats_payload_last <= 1'b0;
      multipliers_0_operand <= 8'd0;
      multipliers_1_operand <= 8'd0;
      multipliers_0_coefficient <= 6'd0;
      coefficients_0_alignment_shift <= 2'd0;
      multipliers_1_coefficient <= 6'd0;
      coefficients_1_alignment_shift <= 2'd0;
      alignment_shift_0 <= 2'd0;
      alignment_shift_1 <= 2'd0;
    end else if (advance) begin
      group_multiply_valid <= group_issue_valid;
      group_multiply_number <= group_issue_number;
      group_multiply_first <= group_issue_first;
      group_multiply_last <= group_issue_last;
      group_integrate_valid <= group_multiply_valid;
      group_integrate_number <= group_multiply_number;
      group_integrate_first <= group_multiply_first;
      group_integrate_last <= group_multiply_last;
      beats_valid <= group_integrate_valid;
      beats_payload_index <= group_integrate_number;
      beats_payload_first <= group_integrate_first;
      beats_payload_last <= group_integrate_last;
      multipliers_0_operand <= s_0;
      multipliers_1_operand <= s_1;
      multipliers_0_coefficient <= rom_data_0_coefficient;
      coefficients_0_alignment_shift <= rom_data_0_alignment_shift;
      multipliers_1_coefficient <= rom_data_1_coefficient;
      coefficients_1_alignment_shift <= rom_data_1_alignment_shift;
      alignment_shift_0 <= coefficients_0_alignment_shift;
      alignment_shift_1 <= coefficients_1_alignment_shift;
    end
  always @(posedge clk)
    if (rst) begin
      held_first <= 1'b0;
      held_last <= 1'b0;
    end else if (advance && !inverse && group_issue_valid) begin
      held_first <= samples_payload_first;
      held_last <= samples_payload_last;
    end
  always @(posedge clk)
    if (rst) begin
      held_previous <= 8'd0;
      held_current <= 8'd0;
    end else if (advance && group_issue_valid) begin
      held_previous <= s_1;
      held_current <= s_2;
    end
  always @(posedge clk)
    if (rst) partial_total <= 8'd0;
    else if (advance && beats_valid) partial_total <= new_total;
  always @(posedge clk)
    if (rst) total_0 <= 8'd0;
    else if (advance && (beats_valid & beats_payload_index)) total_0 <= new_total;
endmodule

// Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
module lmu_memory_pipeline_datapath_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire        read_address,
  input  wire [14:0] add_increments_0,
  input  wire [14:0] add_increments_1,
  input  wire        read_clear,
  input  wire        add_address,
  input  wire        add_valid,
  input  wire        advance,
  output reg  [6:0]  outputs_0 = 7'd0,
  output reg  [6:0]  outputs_1 = 7'd0
);
  reg [61:0] integrators [0:1];
  reg [61:0] integrators_word;
  reg clear = 1'b0;
  reg store_addr = 1'b0;
  reg store_en = 1'b0;
  reg [18:0] old_accumulator_0 = 19'd0;
  reg [20:0] base_0 = 21'd0;
  reg [18:0] store_data_0_accumulator = 19'd0;
  reg [11:0] store_data_0_residue = 12'd0;
  reg [18:0] store_data_1_accumulator = 19'd0;
  reg [11:0] store_data_1_residue = 12'd0;
  reg [18:0] old_accumulator_1 = 19'd0;
  reg [20:0] base_1 = 21'd0;

  wire [30:0] chosen = clear ? 31'd0 : integrators_word[30:0];
  wire [18:0] new_accumulator_0 = $signed(old_accumulator_0) + $signed(add_increments_0);
  wire [17:0] sum = $signed(add_increments_0) + $signed({add_increments_0, 1'b0});
  wire [18:0] sum_0 = $signed(base_0[18:0]) + $signed(sum);
  wire [30:0] chosen_2 = clear ? 31'd0 : integrators_word[61:31];
  wire [18:0] new_accumulator_1 = $signed(old_accumulator_1) + $signed(add_increments_1);
  wire [17:0] sum_2 = $signed(add_increments_1) + $signed({add_increments_1, 1'b0});
  wire [18:0] sum_1 = $signed(base_1[18:0]) + $signed(sum_2);
  wire [20:0] sum_3 = $signed({chosen[18:0], 1'b0}) + 21'sd2048;
  wire [20:0] sum_4 = $signed({chosen_2[18:0], 1'b0}) + 21'sd2048;

  always @(posedge clk)
    if (advance & store_en) integrators[store_addr] <= {store_data_1_residue, store_data_1_accumulator,
        store_data_0_residue, store_data_0_accumulator};
  always @(posedge clk)
    if (advance) begin
      integrators_word <= integrators[read_address];
      if ((advance & store_en) && store_addr == read_address) integrators_word <= {store_data_1_residue,
          store_data_1_accumulator, store_data_0_residue, store_data_0_accumulator};
    end
  always @(posedge clk)
    if (rst) begin
      clear <= 1'b0;
      store_addr <= 1'b0;
      store_en <= 1'b0;
      old_accumulator_0 <= 19'd0;
      base_0 <= 21'd0;
      outputs_0 <= 7'd0;
      outputs_1 <= 7'd0;
      store_data_0_accumulator <= 19'd0;
      store_data_0_residue <= 12'd0;
      store_data_1_accumulator <= 19'd0;
      store_data_1_residue <= 12'd0;
      old_accumulator_1 <= 19'd0;
      base_1 <= 21'd0;
    end else if (advance) begin
      clear <= read_clear;
      store_addr <= add_address;
      store_en <= add_valid;
      old_accumulator_0 <= chosen[18:0];
      base_0 <= $signed(sum_3) + $signed(chosen[30:19]);
      outputs_0 <= sum_0[18:12];
      outputs_1 <= sum_1[18:12];
      store_data_0_accumulator <= new_accumulator_0;
      store_data_0_residue <= {~sum_0[11], sum_0[10:0]};
      store_data_1_accumulator <= new_accumulator_1;
      store_data_1_residue <= {~sum_1[11], sum_1[10:0]};
      old_accumulator_1 <= chosen_2[18:0];
      base_1 <= $signed(sum_4) + $signed(chosen_2[30:19]);
    end
endmodule

// Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
module lmu_memory_pipeline_datapath_sequencer (
  input  wire clk,
  input  wire rst,
  input  wire valid,
  input  wire first,
  input  wire advance,
  output reg  slot = 1'b0,
  output wire next_slot,
  output wire issue,
  output wire starts,
  output wire clear,
  output wire ready
);
  reg awake = 1'b0;
  reg [1:0] pause_left = 2'd0;
  reg started = 1'b0;
  reg held_clear = 1'b0;

  assign starts = ~slot;
  assign ready = starts & awake & (pause_left == 2'd0);
  assign issue = starts ? valid & ready : 1'b1;
  wire inverse = ~starts;
  assign clear = inverse ? held_clear : first | ~started;
  wire ends = issue & slot;
  assign next_slot = ends ? 1'b0 : slot + issue;

  always @(posedge clk)
    if (rst) begin
      awake <= 1'b0;
      slot <= 1'b0;
    end else if (advance) begin
      awake <= 1'b1;
      slot <= next_slot;
    end
  always @(posedge clk)
    if (rst) pause_left <= 2'd0;
    else if (advance) begin
      if (ends) pause_left <= 2'd3;
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
