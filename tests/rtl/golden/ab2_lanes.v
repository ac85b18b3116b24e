// lmu_memory: Legendre memory, chain datapath.
// order 4, theta 1.0 s, dt 0.01 s, ab2 step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 2 multiplier(s), 1 channel(s)
// Made by: golden
// Forward Euler or Adams–Bashforth 2 on the chain, `lanes` states a cycle, a divisor of the order.
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
  wire ready;
  wire [6:0] beat_data_0;
  wire [6:0] beat_data_1;
  wire out_index_2;

  wire [3:0] sample_data =
      $signed(in_data) > 8'sd7 ? 4'd7 :
      $signed(in_data) < -8'sd8 ? 4'd8 :
      in_data[3:0];
  wire advance = ~out_valid | out_ready;
  assign in_ready = ready & advance;
  assign out_data = {beat_data_1, beat_data_0};
  assign out_index = {out_index_2, 1'b0};
  assign out_channel = 1'b0;

  lmu_memory_pipeline pipeline (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .valid(in_valid),
    .sample_data(sample_data),
    .sample_first(in_first),
    .sample_last(in_last),
    .ready(ready),
    .beat_valid(out_valid),
    .beat_data_0(beat_data_0),
    .beat_data_1(beat_data_1),
    .beat_index(out_index_2),
    .beat_first(out_first),
    .beat_last(out_last)
  );

  always @(posedge clk)
    if (rst) saturated <= 1'b0;
    else begin
      if (clear_status) saturated <= 1'b0;
      if (in_valid & in_ready & ({{4{sample_data[3]}}, sample_data} != in_data)) saturated <= 1'b1;
    end
endmodule

module lmu_memory_pipeline (
  input  wire       clk,
  input  wire       rst,
  input  wire       advance,
  input  wire       valid,
  input  wire [3:0] sample_data,
  input  wire       sample_first,
  input  wire       sample_last,
  output wire       ready,
  output wire       beat_valid,
  output wire [6:0] beat_data_0,
  output wire [6:0] beat_data_1,
  output wire       beat_index,
  output wire       beat_first,
  output wire       beat_last
);
  wire address;
  wire [7:0] factors_0_operand;
  wire [5:0] factors_0_coefficient;
  wire [7:0] factors_1_operand;
  wire [5:0] factors_1_coefficient;
  reg [15:0] table_ [0:1];
  initial begin
    table_[0] = 16'h612c;
    table_[1] = 16'heea6;
  end
  reg [15:0] table_word;
  reg [13:0] products_0 = 14'd0;
  reg [13:0] products_1 = 14'd0;

  // issue → operand registers → products → sums and words; the whole pipeline advances or stands still.
  lmu_memory_pipeline_pipeline pipeline (
    .valid(valid),
    .first(sample_first),
    .sample_data(sample_data),
    .sample_last(sample_last),
    .products_0(products_0),
    .products_1(products_1),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .entry_0_coefficient(table_word[5:0]),
    .entry_0_alignment_shift(table_word[7:6]),
    .entry_1_coefficient(table_word[13:8]),
    .entry_1_alignment_shift(table_word[15:14]),
    .ready(ready),
    .next_slot(address),
    .factors_0_operand(factors_0_operand),
    .factors_0_coefficient(factors_0_coefficient),
    .factors_1_operand(factors_1_operand),
    .factors_1_coefficient(factors_1_coefficient),
    .retired_valid(beat_valid),
    .retired_slot(beat_index),
    .retired_first(beat_first),
    .retired_last(beat_last),
    .words_0(beat_data_0),
    .words_1(beat_data_1)
  );

  always @(posedge clk)
    if (advance) table_word <= table_[address];
  always @(posedge clk)
    if (rst) begin
      products_0 <= 14'd0;
      products_1 <= 14'd0;
    end else if (advance) begin
      products_0 <= $signed(factors_0_operand) * $signed(factors_0_coefficient);
      products_1 <= $signed(factors_1_operand) * $signed(factors_1_coefficient);
    end
endmodule

// issue → operand registers → products → sums and words; the whole pipeline advances or stands still.
module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        valid,
  input  wire        first,
  input  wire [3:0]  sample_data,
  input  wire        sample_last,
  input  wire [13:0] products_0,
  input  wire [13:0] products_1,
  input  wire        advance,
  input  wire [5:0]  entry_0_coefficient,
  input  wire [1:0]  entry_0_alignment_shift,
  input  wire [5:0]  entry_1_coefficient,
  input  wire [1:0]  entry_1_alignment_shift,
  output wire        ready,
  output wire        next_slot,
  output reg  [7:0]  factors_0_operand = 8'd0,
  output reg  [5:0]  factors_0_coefficient = 6'd0,
  output reg  [7:0]  factors_1_operand = 8'd0,
  output reg  [5:0]  factors_1_coefficient = 6'd0,
  output reg         retired_valid = 1'b0,
  output reg         retired_slot = 1'b0,
  output reg         retired_first = 1'b0,
  output reg         retired_last = 1'b0,
  output wire [6:0]  words_0,
  output wire [6:0]  words_1
);
  wire fetch;
  wire issue;
  wire starts;
  wire fresh;
  reg [13:0] words [0:1];
  initial begin
    words[0] = 14'd0;
    words[1] = 14'd0;
  end
  reg [13:0] words_word;
  reg [1:0] factors_0_alignment_shift = 2'd0;
  reg [1:0] factors_1_alignment_shift = 2'd0;
  reg [7:0] value = 8'd0;
  reg [7:0] ahead = 8'd0;
  reg [1:0] lifted_0_alignment_shift = 2'd0;
  reg [1:0] lifted_1_alignment_shift = 2'd0;
  reg first_2 = 1'b0;
  reg value_2 = 1'b0;
  reg signal_valid = 1'b0;
  reg signal_slot = 1'b0;
  reg signal_first = 1'b0;
  reg signal_last = 1'b0;
  reg apply = 1'b0;
  reg apply_slot = 1'b0;
  reg signal_first_2 = 1'b0;
  reg signal_last_2 = 1'b0;
  reg [7:0] partial = 8'd0;
  reg [7:0] total_0 = 8'd0;

  wire [7:0] chosen = fresh ? 8'd0 : total_0;
  wire [7:0] sum = $signed(chosen) + $signed({sample_data, 2'd0});
  wire [7:0] following_0 = (starts ? sum : value) - {fresh ? 7'd0 : words_word[6:0], 1'b0};
  wire [7:0] difference = $signed(chosen) - $signed({sample_data, 2'd0});
  wire [7:0] chosen_2 = starts ? difference : ahead;
  wire [7:0] following_1 = chosen_2 - {fresh ? 7'd0 : words_word[13:7], 1'b0};
  wire [14:0] increment_0 = {products_0[13], products_0} << lifted_0_alignment_shift;
  wire [14:0] increment_1 = {products_1[13], products_1} << lifted_1_alignment_shift;
  wire [7:0] sum_2 = $signed(~retired_slot ? 8'd0 : partial) + $signed(words_0);
  wire [7:0] sum_3 = $signed(sum_2) + $signed(words_1);

  // Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .valid(valid),
    .first(first),
    .slot(fetch),
    .next_slot(next_slot),
    .issue(issue),
    .starts(starts),
    .fresh(fresh),
    .ready(ready)
  );
  // Add an increment to `lanes` accumulators per cycle and narrow them to state words.
  lmu_memory_pipeline_pipeline_bank bank (
    .fetch(fetch),
    .increment_0(increment_0),
    .increment_1(increment_1),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .fetch_fresh(fresh),
    .apply_slot(apply_slot),
    .apply(apply),
    .outputs_0(words_0),
    .outputs_1(words_1)
  );

  always @(posedge clk)
    if (advance & retired_valid) words[retired_slot] <= {words_1, words_0};
  always @(posedge clk)
    if (advance) begin
      words_word <= words[next_slot];
      if ((advance & retired_valid) && retired_slot == next_slot) words_word <= {words_1, words_0};
    end
  always @(posedge clk)
    if (rst) begin
      factors_0_operand <= 8'd0;
      factors_1_operand <= 8'd0;
      factors_0_coefficient <= 6'd0;
      factors_0_alignment_shift <= 2'd0;
      factors_1_coefficient <= 6'd0;
      factors_1_alignment_shift <= 2'd0;
      lifted_0_alignment_shift <= 2'd0;
      lifted_1_alignment_shift <= 2'd0;
      signal_valid <= 1'b0;
      signal_slot <= 1'b0;
      signal_first <= 1'b0;
      signal_last <= 1'b0;
      apply <= 1'b0;
      apply_slot <= 1'b0;
      signal_first_2 <= 1'b0;
      signal_last_2 <= 1'b0;
      retired_valid <= 1'b0;
      retired_slot <= 1'b0;
      retired_first <= 1'b0;
      retired_last <= 1'b0;
    end else if (advance) begin
      factors_0_operand <= chosen_2;
      factors_1_operand <= following_0;
      factors_0_coefficient <= entry_0_coefficient;
      factors_0_alignment_shift <= entry_0_alignment_shift;
      factors_1_coefficient <= entry_1_coefficient;
      factors_1_alignment_shift <= entry_1_alignment_shift;
      lifted_0_alignment_shift <= factors_0_alignment_shift;
      lifted_1_alignment_shift <= factors_1_alignment_shift;
      signal_valid <= issue;
      signal_slot <= fetch;
      signal_first <= starts ? first : first_2;
      signal_last <= starts ? sample_last : value_2;
      apply <= signal_valid;
      apply_slot <= signal_slot;
      signal_first_2 <= signal_first;
      signal_last_2 <= signal_last;
      retired_valid <= apply;
      retired_slot <= apply_slot;
      retired_first <= signal_first_2;
      retired_last <= signal_last_2;
    end
  always @(posedge clk)
    if (rst) begin
      value <= 8'd0;
      ahead <= 8'd0;
    end else if (advance && issue) begin
      value <= following_0;
      ahead <= following_1;
    end
  always @(posedge clk)
    if (rst) begin
      first_2 <= 1'b0;
      value_2 <= 1'b0;
    end else if (advance && (starts & issue)) begin
      first_2 <= first;
      value_2 <= sample_last;
    end
  always @(posedge clk)
    if (rst) partial <= 8'd0;
    else if (advance && retired_valid) partial <= sum_3;
  always @(posedge clk)
    if (rst) total_0 <= 8'd0;
    else if (advance && retired_valid && retired_slot) total_0 <= sum_3;
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire        fetch,
  input  wire [14:0] increment_0,
  input  wire [14:0] increment_1,
  input  wire        advance,
  input  wire        fetch_fresh,
  input  wire        apply_slot,
  input  wire        apply,
  output reg  [6:0]  outputs_0 = 7'd0,
  output reg  [6:0]  outputs_1 = 7'd0
);
  reg [61:0] store [0:1];
  initial begin
    store[0] = 62'd0;
    store[1] = 62'd0;
  end
  reg [61:0] store_word;
  reg fresh = 1'b0;
  reg write_addr = 1'b0;
  reg write_en = 1'b0;
  reg [18:0] accumulator_0 = 19'd0;
  reg [18:0] base_0 = 19'd0;
  reg [30:0] write_data_0 = 31'd0;
  reg [30:0] write_data_1 = 31'd0;
  reg [18:0] accumulator_1 = 19'd0;
  reg [18:0] base_1 = 19'd0;

  wire [18:0] sum_0 = $signed(accumulator_0) + $signed(increment_0);
  wire [17:0] sum = $signed(increment_0) + $signed({increment_0, 1'b0});
  wire [18:0] value_0 = $signed(base_0) + $signed(sum);
  wire [18:0] sum_1 = $signed(accumulator_1) + $signed(increment_1);
  wire [17:0] sum_2 = $signed(increment_1) + $signed({increment_1, 1'b0});
  wire [18:0] value_1 = $signed(base_1) + $signed(sum_2);
  wire [30:0] chosen = fresh ? 31'd0 : store_word[30:0];
  wire [30:0] chosen_2 = fresh ? 31'd0 : store_word[61:31];
  wire [18:0] sum_3 = $signed({chosen[17:0], 1'b0}) + $signed(chosen[30:19]);
  wire [18:0] sum_4 = $signed({chosen_2[17:0], 1'b0}) + $signed(chosen_2[30:19]);

  always @(posedge clk)
    if (advance & write_en) store[write_addr] <= {write_data_1, write_data_0};
  always @(posedge clk)
    if (advance) begin
      store_word <= store[fetch];
      if ((advance & write_en) && write_addr == fetch) store_word <= {write_data_1, write_data_0};
    end
  always @(posedge clk)
    if (rst) begin
      fresh <= 1'b0;
      write_addr <= 1'b0;
      write_en <= 1'b0;
      accumulator_0 <= 19'd0;
      base_0 <= 19'd0;
      outputs_0 <= 7'd0;
      outputs_1 <= 7'd0;
      write_data_0 <= 31'd0;
      write_data_1 <= 31'd0;
      accumulator_1 <= 19'd0;
      base_1 <= 19'd0;
    end else if (advance) begin
      fresh <= fetch_fresh;
      write_addr <= apply_slot;
      write_en <= apply;
      accumulator_0 <= chosen[18:0];
      base_0 <= sum_3 + 19'h800;
      outputs_0 <= value_0[18:12];
      outputs_1 <= value_1[18:12];
      write_data_0 <= {~value_0[11], value_0[10:0], sum_0};
      write_data_1 <= {~value_1[11], value_1[10:0], sum_1};
      accumulator_1 <= chosen_2[18:0];
      base_1 <= sum_4 + 19'h800;
    end
endmodule

// Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
module lmu_memory_pipeline_pipeline_sequencer (
  input  wire clk,
  input  wire rst,
  input  wire advance,
  input  wire valid,
  input  wire first,
  output reg  slot = 1'b0,
  output wire next_slot,
  output wire issue,
  output wire starts,
  output wire fresh,
  output wire ready
);
  reg awake = 1'b0;
  reg held_fresh = 1'b0;
  reg started = 1'b0;
  reg [1:0] waiting = 2'd0;

  assign starts = ~slot;
  assign ready = starts & (waiting == 2'd0) & awake;
  assign issue = starts ? valid & ready : 1'b1;
  wire ends = issue & slot;
  assign next_slot = ends ? 1'b0 : slot + issue;
  assign fresh = starts ? first | ~started : held_fresh;

  always @(posedge clk)
    if (rst) begin
      awake <= 1'b0;
      slot <= 1'b0;
    end else if (advance) begin
      awake <= 1'b1;
      slot <= next_slot;
    end
  always @(posedge clk)
    if (rst) begin
      held_fresh <= 1'b0;
      started <= 1'b0;
    end else if (advance && (issue & starts)) begin
      held_fresh <= fresh;
      started <= 1'b1;
    end
  always @(posedge clk)
    if (rst) waiting <= 2'd0;
    else if (advance) begin
      if (ends) waiting <= 2'd3;
      else if (waiting != 2'd0) waiting <= waiting - 2'd1;
    end
endmodule
