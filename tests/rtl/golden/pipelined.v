// lmu_memory: Legendre memory, chain datapath.
// order 4, theta 1.0 s, dt 0.01 s, ab2 step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 1 multiplier(s), 4 channel(s)
// A word moves at each rising edge of clk at which valid and ready of its stream are 1; until then it is held.
// A sample takes at least 4 cycles; its first answer comes 8 cycles after the sample was taken, if nothing holds it up.
// sQm.n has m bits before the binary point, the sign among them, and n behind it; uQm.n has no sign.
// Made by: golden
// Chain memory for a fast clock: the same recurrence with a register behind every memory, product and sum.
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
  output wire [1:0] out_index,    // state of the first word, 0 to 3
  output wire [1:0] out_channel,  // channel of the sample
  output wire       out_first,    // in_first of the sample
  output wire       out_last      // in_last of the sample
);
  wire samples_ready;

  wire advance = ~out_valid | out_ready;
  assign in_ready = samples_ready & advance;

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
    .beats_payload_channel(out_channel),
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
  output wire [1:0] beats_payload_channel,
  output wire       beats_payload_first,
  output wire       beats_payload_last
);
  wire [1:0] rom_read_addr;
  wire [7:0] operand;
  wire [5:0] coefficient;
  wire [13:0] product;
  reg [7:0] rom [0:3];
  reg [7:0] rom_word;

  initial begin
    rom[0] = 8'h2c;
    rom[1] = 8'h61;
    rom[2] = 8'ha6;
    rom[3] = 8'hee;
  end

  // The datapath of the pipelined chain memory: issues a group of states a cycle, one state in each lane.
  lmu_memory_pipeline_datapath datapath (
    .clk(clk),
    .rst(rst),
    .samples_valid(samples_valid),
    .samples_payload_data(samples_payload_data),
    .samples_payload_first(samples_payload_first),
    .samples_payload_last(samples_payload_last),
    .rom_data_coefficient(rom_word[5:0]),
    .rom_data_alignment_shift(rom_word[7:6]),
    .multipliers_0_product(product),
    .advance(advance),
    .samples_ready(samples_ready),
    .rom_address(rom_read_addr),
    .multipliers_0_operand(operand),
    .multipliers_0_coefficient(coefficient),
    .beats_valid(beats_valid),
    .beats_payload_data(beats_payload_data),
    .beats_payload_index(beats_payload_index),
    .beats_payload_channel(beats_payload_channel),
    .beats_payload_first(beats_payload_first),
    .beats_payload_last(beats_payload_last)
  );
  // Multiplier with registers at its inputs, inside and at its output, as hard multipliers have them.
  lmu_memory_pipeline_multiplier_0 multiplier_0 (
    .clk(clk),
    .operand(operand),
    .coefficient(coefficient),
    .advance(advance),
    .product(product)
  );

  always @(posedge clk)
    if (advance) rom_word <= rom[rom_read_addr];
endmodule

// Multiplier with registers at its inputs, inside and at its output, as hard multipliers have them.
module lmu_memory_pipeline_multiplier_0 (
  input  wire        clk,
  input  wire [7:0]  operand,
  input  wire [5:0]  coefficient,
  input  wire        advance,
  output wire [13:0] product
);
`ifdef LMU_HW_ECP5
  wire [35:0] result;
  wire signed [17:0] a = $signed(operand);
  wire signed [17:0] b = $signed(coefficient);
  MULT18X18D #(.REG_INPUTA_CLK("CLK0"), .REG_INPUTB_CLK("CLK0"), .REG_PIPELINE_CLK("CLK0"),
      .REG_OUTPUT_CLK("CLK0")) multiplier (
    .CLK0(clk), .CE0(advance), .RST0(1'b0),
    .SIGNEDA(1'b1), .SIGNEDB(1'b1), .SOURCEA(1'b0), .SOURCEB(1'b0),
    .A0(a[0]), .A1(a[1]), .A2(a[2]), .A3(a[3]), .A4(a[4]), .A5(a[5]), .A6(a[6]), .A7(a[7]), .A8(a[8]),
        .A9(a[9]), .A10(a[10]), .A11(a[11]), .A12(a[12]), .A13(a[13]), .A14(a[14]), .A15(a[15]), .A16(a[16]),
        .A17(a[17]),
    .B0(b[0]), .B1(b[1]), .B2(b[2]), .B3(b[3]), .B4(b[4]), .B5(b[5]), .B6(b[6]), .B7(b[7]), .B8(b[8]),
        .B9(b[9]), .B10(b[10]), .B11(b[11]), .B12(b[12]), .B13(b[13]), .B14(b[14]), .B15(b[15]), .B16(b[16]),
        .B17(b[17]),
    .P0(result[0]), .P1(result[1]), .P2(result[2]), .P3(result[3]), .P4(result[4]), .P5(result[5]),
        .P6(result[6]), .P7(result[7]), .P8(result[8]), .P9(result[9]), .P10(result[10]), .P11(result[11]),
        .P12(result[12]), .P13(result[13]), .P14(result[14]), .P15(result[15]), .P16(result[16]),
        .P17(result[17]), .P18(result[18]), .P19(result[19]), .P20(result[20]), .P21(result[21]),
        .P22(result[22]), .P23(result[23]), .P24(result[24]), .P25(result[25]), .P26(result[26]),
        .P27(result[27]), .P28(result[28]), .P29(result[29]), .P30(result[30]), .P31(result[31]),
        .P32(result[32]), .P33(result[33]), .P34(result[34]), .P35(result[35])
  );
  assign product = result[13:0];
`else
  reg [7:0] held_operand = 8'd0;
  reg [5:0] held_coefficient = 6'd0;
  reg [13:0] inner_product = 14'd0;
  reg [13:0] outer_product = 14'd0;

  assign product = outer_product;

  always @(posedge clk)
    if (advance) begin
      held_operand <= operand;
      held_coefficient <= coefficient;
      inner_product <= $signed(held_operand) * $signed(held_coefficient);
      outer_product <= inner_product;
    end
`endif
endmodule

// The datapath of the pipelined chain memory: issues a group of states a cycle, one state in each lane.
module lmu_memory_pipeline_datapath (
  input  wire        clk,
  input  wire        rst,
  input  wire        samples_valid,
  input  wire [3:0]  samples_payload_data,
  input  wire        samples_payload_first,
  input  wire        samples_payload_last,
  input  wire [5:0]  rom_data_coefficient,
  input  wire [1:0]  rom_data_alignment_shift,
  input  wire [13:0] multipliers_0_product,
  input  wire        advance,
  output wire        samples_ready,
  output wire [1:0]  rom_address,
  output wire [7:0]  multipliers_0_operand,
  output reg  [5:0]  multipliers_0_coefficient = 6'd0,
  output reg         beats_valid = 1'b0,
  output wire [6:0]  beats_payload_data,
  output reg  [1:0]  beats_payload_index = 2'd0,
  output reg  [1:0]  beats_payload_channel = 2'd0,
  output reg         beats_payload_first = 1'b0,
  output reg         beats_payload_last = 1'b0
);
  wire [1:0] next_slot;
  wire [1:0] group_issue_channel;
  wire [1:0] next_channel;
  wire group_issue_valid;
  wire starts;
  wire group_issue_clear;
  reg [6:0] words [0:15];
  reg [6:0] words_read_data;
  reg group_prefix_valid = 1'b0;
  reg [1:0] group_prefix_number = 2'd0;
  reg [1:0] group_prefix_channel = 2'd0;
  reg group_prefix_clear = 1'b0;
  reg group_prefix_first = 1'b0;
  reg group_prefix_last = 1'b0;
  reg group_chain_valid = 1'b0;
  reg [1:0] group_chain_number = 2'd0;
  reg [1:0] group_chain_channel = 2'd0;
  reg group_chain_clear = 1'b0;
  reg group_chain_first = 1'b0;
  reg group_chain_last = 1'b0;
  reg group_multiply_valid = 1'b0;
  reg [1:0] group_multiply_number = 2'd0;
  reg [1:0] group_multiply_channel = 2'd0;
  reg group_multiply_clear = 1'b0;
  reg group_multiply_first = 1'b0;
  reg group_multiply_last = 1'b0;
  reg group_product_valid = 1'b0;
  reg [1:0] group_product_number = 2'd0;
  reg [1:0] group_product_channel = 2'd0;
  reg group_product_clear = 1'b0;
  reg group_product_first = 1'b0;
  reg group_product_last = 1'b0;
  reg group_align_valid = 1'b0;
  reg [1:0] group_align_number = 2'd0;
  reg [1:0] group_align_channel = 2'd0;
  reg group_align_first = 1'b0;
  reg group_align_last = 1'b0;
  reg group_weigh_valid = 1'b0;
  reg [1:0] group_weigh_number = 2'd0;
  reg [1:0] group_weigh_channel = 2'd0;
  reg group_weigh_first = 1'b0;
  reg group_weigh_last = 1'b0;
  reg group_add_valid = 1'b0;
  reg [1:0] group_add_number = 2'd0;
  reg [1:0] group_add_channel = 2'd0;
  reg group_add_first = 1'b0;
  reg group_add_last = 1'b0;
  reg held_first = 1'b0;
  reg held_last = 1'b0;
  reg [6:0] word_row = 7'd0;
  reg [7:0] aligned_sample = 8'd0;
  reg starts_2 = 1'b0;
  reg [7:0] offset_0 = 8'd0;
  reg [7:0] offset_1 = 8'd0;
  reg [7:0] base_previous = 8'd0;
  reg [7:0] base_current = 8'd0;
  reg [7:0] total = 8'd0;
  reg [1:0] coefficients_alignment_shift = 2'd0;
  reg [1:0] alignment_shift_0_1 = 2'd0;
  reg [1:0] alignment_shift_0_2 = 2'd0;
  reg [1:0] alignment_shift_0_3 = 2'd0;
  reg [14:0] increment_0 = 15'd0;
  reg [7:0] partial_total = 8'd0;
  reg [7:0] total_0 = 8'd0;
  reg [7:0] total_1 = 8'd0;
  reg [7:0] total_2 = 8'd0;
  reg [7:0] total_3 = 8'd0;

  wire inverse = ~starts;
  wire [7:0] offered = starts_2 ? aligned_sample : 8'd0;
  assign multipliers_0_operand = base_current + offset_0;
  wire [7:0] s_1 = base_previous + offset_1;
  wire total_is_new = beats_valid & (beats_payload_index == 2'd3);
  wire [7:0] new_total = $signed(partial_total) + $signed(beats_payload_data);
  wire group_issue_first = inverse ? held_first : samples_payload_first;
  wire group_issue_last = inverse ? held_last : samples_payload_last;

  // Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
  lmu_memory_pipeline_datapath_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .valid(samples_valid),
    .first(samples_payload_first),
    .advance(advance),
    .slot(rom_address),
    .next_slot(next_slot),
    .channel(group_issue_channel),
    .next_channel(next_channel),
    .issue(group_issue_valid),
    .starts(starts),
    .clear(group_issue_clear),
    .ready(samples_ready)
  );
  // Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
  lmu_memory_pipeline_datapath_bank bank (
    .clk(clk),
    .rst(rst),
    .read_address({group_product_channel, group_product_number}),
    .read_clear(group_product_clear),
    .add_valid(group_weigh_valid),
    .add_address({group_weigh_channel, group_weigh_number}),
    .add_increments(increment_0),
    .advance(advance),
    .outputs(beats_payload_data)
  );

  always @(posedge clk)
    if (advance & beats_valid) words[{beats_payload_channel, beats_payload_index}] <= beats_payload_data;
  always @(posedge clk)
    if (advance) words_read_data <= words[{next_channel, next_slot}];
  always @(posedge clk)
    if (rst) begin
      group_prefix_valid <= 1'b0;
      group_prefix_number <= 2'd0;
      group_prefix_channel <= 2'd0;
      group_prefix_clear <= 1'b0;
      group_prefix_first <= 1'b0;
      group_prefix_last <= 1'b0;
      group_chain_valid <= 1'b0;
      group_chain_number <= 2'd0;
      group_chain_channel <= 2'd0;
      group_chain_clear <= 1'b0;
      group_chain_first <= 1'b0;
      group_chain_last <= 1'b0;
      group_multiply_valid <= 1'b0;
      group_multiply_number <= 2'd0;
      group_multiply_channel <= 2'd0;
      group_multiply_clear <= 1'b0;
      group_multiply_first <= 1'b0;
      group_multiply_last <= 1'b0;
      group_product_valid <= 1'b0;
      group_product_number <= 2'd0;
      group_product_channel <= 2'd0;
      group_product_clear <= 1'b0;
      group_product_first <= 1'b0;
      group_product_last <= 1'b0;
      group_align_valid <= 1'b0;
      group_align_number <= 2'd0;
      group_align_channel <= 2'd0;
      group_align_first <= 1'b0;
      group_align_last <= 1'b0;
      group_weigh_valid <= 1'b0;
      group_weigh_number <= 2'd0;
      group_weigh_channel <= 2'd0;
      group_weigh_first <= 1'b0;
      group_weigh_last <= 1'b0;
      group_add_valid <= 1'b0;
      group_add_number <= 2'd0;
      group_add_channel <= 2'd0;
      group_add_first <= 1'b0;
      group_add_last <= 1'b0;
      beats_valid <= 1'b0;
      beats_payload_index <= 2'd0;
      beats_payload_channel <= 2'd0;
      beats_payload_first <= 1'b0;
      beats_payload_last <= 1'b0;
      aligned_sample <= 8'd0;
      starts_2 <= 1'b0;
      offset_0 <= 8'd0;
      offset_1 <= 8'd0;
      multipliers_0_coefficient <= 6'd0;
      coefficients_alignment_shift <= 2'd0;
      alignment_shift_0_1 <= 2'd0;
      alignment_shift_0_2 <= 2'd0;
      alignment_shift_0_3 <= 2'd0;
      increment_0 <= 15'd0;
    end else if (advance) begin
      group_prefix_valid <= group_issue_valid;
      group_prefix_number <= rom_address;
      group_prefix_channel <= group_issue_channel;
      group_prefix_clear <= group_issue_clear;
      group_prefix_first <= group_issue_first;
      group_prefix_last <= group_issue_last;
      group_chain_valid <= group_prefix_valid;
      group_chain_number <= group_prefix_number;
      group_chain_channel <= group_prefix_channel;
      group_chain_clear <= group_prefix_clear;
      group_chain_first <= group_prefix_first;
      group_chain_last <= group_prefix_last;
      group_multiply_valid <= group_chain_valid;
      group_multiply_number <= group_chain_number;
      group_multiply_channel <= group_chain_channel;
      group_multiply_clear <= group_chain_clear;
      group_multiply_first <= group_chain_first;
      group_multiply_last <= group_chain_last;
      group_product_valid <= group_multiply_valid;
      group_product_number <= group_multiply_number;
      group_product_channel <= group_multiply_channel;
      group_product_clear <= group_multiply_clear;
      group_product_first <= group_multiply_first;
      group_product_last <= group_multiply_last;
      group_align_valid <= group_product_valid;
      group_align_number <= group_product_number;
      group_align_channel <= group_product_channel;
      group_align_first <= group_product_first;
      group_align_last <= group_product_last;
      group_weigh_valid <= group_align_valid;
      group_weigh_number <= group_align_number;
      group_weigh_channel <= group_align_channel;
      group_weigh_first <= group_align_first;
      group_weigh_last <= group_align_last;
      group_add_valid <= group_weigh_valid;
      group_add_number <= group_weigh_number;
      group_add_channel <= group_weigh_channel;
      group_add_first <= group_weigh_first;
      group_add_last <= group_weigh_last;
      beats_valid <= group_add_valid;
      beats_payload_index <= group_add_number;
      beats_payload_channel <= group_add_channel;
      beats_payload_first <= group_add_first;
      beats_payload_last <= group_add_last;
      aligned_sample <= {{2{samples_payload_data[3]}}, samples_payload_data, 2'd0};
      starts_2 <= starts;
      offset_0 <= -offered;
      offset_1 <= offered - {word_row, 1'b0};
      multipliers_0_coefficient <= rom_data_coefficient;
      coefficients_alignment_shift <= rom_data_alignment_shift;
      alignment_shift_0_1 <= coefficients_alignment_shift;
      alignment_shift_0_2 <= alignment_shift_0_1;
      alignment_shift_0_3 <= alignment_shift_0_2;
      increment_0 <= {multipliers_0_product[13], multipliers_0_product} << alignment_shift_0_3;
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
      word_row <= 7'd0;
      total <= 8'd0;
    end else if (advance) begin
      word_row <= words_read_data;
      total <= group_issue_channel == 2'd0 ? total_0 : group_issue_channel == 2'd1 ? total_1 :
          group_issue_channel == 2'd2 ? total_2 : group_issue_channel == 2'd3 ? total_3 : 8'd0;
      if (group_issue_clear) begin
        word_row <= 7'd0;
        total <= 8'd0;
      end
    end
  always @(posedge clk)
    if (rst) begin
      base_previous <= 8'd0;
      base_current <= 8'd0;
    end else if (advance) begin
      if (group_chain_valid) begin
        base_previous <= multipliers_0_operand;
        base_current <= s_1;
      end
      if (group_prefix_valid & starts_2) begin
        base_previous <= total;
        base_current <= total;
      end
    end
  always @(posedge clk)
    if (rst) partial_total <= 8'd0;
    else if (advance) begin
      if (beats_valid) partial_total <= new_total;
      if (total_is_new) partial_total <= 8'd0;
    end
  always @(posedge clk)
    if (rst) total_0 <= 8'd0;
    else if (advance && (total_is_new && (beats_payload_channel == 2'd0))) total_0 <= new_total;
  always @(posedge clk)
    if (rst) total_1 <= 8'd0;
    else if (advance && (total_is_new && (beats_payload_channel == 2'd1))) total_1 <= new_total;
  always @(posedge clk)
    if (rst) total_2 <= 8'd0;
    else if (advance && (total_is_new && (beats_payload_channel == 2'd2))) total_2 <= new_total;
  always @(posedge clk)
    if (rst) total_3 <= 8'd0;
    else if (advance && (total_is_new && (beats_payload_channel == 2'd3))) total_3 <= new_total;
endmodule

// Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
module lmu_memory_pipeline_datapath_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [3:0]  read_address,
  input  wire        read_clear,
  input  wire        add_valid,
  input  wire [3:0]  add_address,
  input  wire [14:0] add_increments,
  input  wire        advance,
  output reg  [6:0]  outputs = 7'd0
);
  reg [30:0] integrators [0:15];
  reg [30:0] integrators_word;
  reg clear = 1'b0;
  reg added_valid = 1'b0;
  reg [3:0] added_address = 4'd0;
  reg [3:0] store_addr = 4'd0;
  reg store_en = 1'b0;
  reg [18:0] fetched_accumulator_0 = 19'd0;
  reg [11:0] dropped_0 = 12'd0;
  reg [18:0] old_accumulator_0 = 19'd0;
  reg [20:0] base_0 = 21'd0;
  reg [14:0] step_0 = 15'd0;
  reg [16:0] weighted_0 = 17'd0;
  reg [18:0] store_data_accumulator = 19'd0;
  reg [11:0] store_data_residue = 12'd0;

  wire [19:0] sum_0 = $signed({base_0[18:0], 1'b1}) + $signed({weighted_0, 1'b0});
  wire [17:0] sum = $signed({add_increments, 1'b1}) + $signed({add_increments, 2'd0});
  wire [19:0] sum_2 = $signed({old_accumulator_0, 1'b1}) + $signed({step_0, 1'b0});

  always @(posedge clk)
    if (advance & store_en) integrators[store_addr] <= {store_data_residue, store_data_accumulator};
  always @(posedge clk)
    if (advance) integrators_word <= integrators[read_address];
  always @(posedge clk)
    if (rst) begin
      clear <= 1'b0;
      added_valid <= 1'b0;
      added_address <= 4'd0;
      store_addr <= 4'd0;
      store_en <= 1'b0;
      old_accumulator_0 <= 19'd0;
      base_0 <= 21'd0;
      step_0 <= 15'd0;
      weighted_0 <= 17'd0;
      outputs <= 7'd0;
      store_data_accumulator <= 19'd0;
      store_data_residue <= 12'd0;
    end else if (advance) begin
      clear <= read_clear;
      added_valid <= add_valid;
      added_address <= add_address;
      store_addr <= added_address;
      store_en <= added_valid;
      old_accumulator_0 <= fetched_accumulator_0;
      base_0 <= $signed({fetched_accumulator_0, 1'b0}) + $signed({1'b0, dropped_0});
      step_0 <= add_increments;
      weighted_0 <= sum[17:1];
      outputs <= sum_0[19:13];
      store_data_accumulator <= sum_2[19:1];
      store_data_residue <= {~sum_0[12], sum_0[11:1]};
    end
  always @(posedge clk)
    if (rst) fetched_accumulator_0 <= 19'd0;
    else if (advance) begin
      fetched_accumulator_0 <= integrators_word[18:0];
      if (clear) fetched_accumulator_0 <= 19'd0;
    end
  always @(posedge clk)
    if (rst) dropped_0 <= 12'd0;
    else if (advance) begin
      dropped_0 <= 12'h800;
      dropped_0 <= {~integrators_word[30], integrators_word[29:19]};
      if (clear) dropped_0 <= 12'h800;
    end
endmodule

// Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
module lmu_memory_pipeline_datapath_sequencer (
  input  wire       clk,
  input  wire       rst,
  input  wire       valid,
  input  wire       first,
  input  wire       advance,
  output reg  [1:0] slot = 2'd0,
  output wire [1:0] next_slot,
  output reg  [1:0] channel = 2'd0,
  output wire [1:0] next_channel,
  output wire       issue,
  output wire       starts,
  output wire       clear,
  output wire       ready
);
  reg awake = 1'b0;
  reg [3:0] started = 4'd0;
  reg held_clear = 1'b0;

  assign starts = slot == 2'd0;
  assign ready = starts & awake;
  assign issue = starts ? valid & ready : 1'b1;
  wire inverse = ~starts;
  assign clear = inverse ? held_clear : first | ~started[channel];
  wire ends = issue & (slot == 2'd3);
  assign next_slot = ends ? 2'd0 : slot + {1'b0, issue};
  assign next_channel = ends ? channel + 2'd1 : channel;

  always @(posedge clk)
    if (rst) begin
      awake <= 1'b0;
      slot <= 2'd0;
      channel <= 2'd0;
    end else if (advance) begin
      awake <= 1'b1;
      slot <= next_slot;
      channel <= next_channel;
    end
  always @(posedge clk)
    if (rst) started <= 4'd0;
    else if (advance && (issue & starts)) begin
      case (channel)
        2'd0: started[0] <= 1'b1;
        2'd1: started[1] <= 1'b1;
        2'd2: started[2] <= 1'b1;
        2'd3: started[3] <= 1'b1;
        default: ;
      endcase
    end
  always @(posedge clk)
    if (rst) held_clear <= 1'b0;
    else if (advance && !inverse && issue) held_clear <= clear;
endmodule

// lmu_memory.core waives these warnings of Verilator's -Wall:
//   DECLFILENAME: the modules of a design stand in one file
//   PROCASSINIT: registers have the value at which an FPGA starts them
//   UNUSEDSIGNAL: rounding drops the lowest bits of its sum
//   WIDTHEXPAND: signed operands extend to the width of their result
