// lmu_memory: Legendre memory, dense datapath.
// order 2, theta 1.0 s, dt 0.01 s, zoh step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.15, 4 multiplier(s), 1 channel(s)
// Made by: golden
// Any one-step rule as x += D·(x − e₀u), `lanes` products a cycle.
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
  wire ready;
  wire [6:0] beat_data_0;
  wire [6:0] beat_data_1;

  wire advance = ~out_valid | out_ready;
  assign in_ready = ready & advance;
  assign out_data = {beat_data_1, beat_data_0};
  assign out_index = 1'b0;
  assign out_channel = 1'b0;

  lmu_memory_pipeline pipeline (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .valid(in_valid),
    .sample_data(in_data),
    .sample_first(in_first),
    .sample_last(in_last),
    .ready(ready),
    .beat_valid(out_valid),
    .beat_data_0(beat_data_0),
    .beat_data_1(beat_data_1),
    .beat_first(out_first),
    .beat_last(out_last)
  );
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
  output wire       beat_first,
  output wire       beat_last
);
  wire [7:0] factors_0_operand;
  wire [7:0] factors_1_operand;
  reg [23:0] table_ [0:0];
  initial begin
    table_[0] = 24'h89edb6;
  end
  reg [23:0] entry;
  reg [12:0] products_0 = 13'd0;
  reg [12:0] products_1 = 13'd0;
  reg [12:0] products_2 = 13'd0;
  reg [12:0] products_3 = 13'd0;

  // issue → operand and coefficients → products → row sums → words; advances or stands still as a whole.
  lmu_memory_pipeline_pipeline pipeline (
    .valid(valid),
    .first(sample_first),
    .sample_data(sample_data),
    .sample_last(sample_last),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .products_0(products_0),
    .products_1(products_1),
    .products_2(products_2),
    .products_3(products_3),
    .ready(ready),
    .factors_0_operand(factors_0_operand),
    .factors_1_operand(factors_1_operand),
    .retired_valid(beat_valid),
    .retired_first(beat_first),
    .retired_last(beat_last),
    .words_0(beat_data_0),
    .words_1(beat_data_1)
  );

  always @(posedge clk)
    if (advance) entry <= table_[0];
  always @(posedge clk)
    if (rst) begin
      products_0 <= 13'd0;
      products_1 <= 13'd0;
      products_2 <= 13'd0;
      products_3 <= 13'd0;
    end else if (advance) begin
      products_0 <= $signed(factors_0_operand) * $signed(entry[5:0]);
      products_1 <= $signed(factors_1_operand) * $signed(entry[11:6]);
      products_2 <= $signed(factors_0_operand) * $signed(entry[17:12]);
      products_3 <= $signed(factors_1_operand) * $signed(entry[23:18]);
    end
endmodule

// issue → operand and coefficients → products → row sums → words; advances or stands still as a whole.
module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        valid,
  input  wire        first,
  input  wire [3:0]  sample_data,
  input  wire        sample_last,
  input  wire        advance,
  input  wire [12:0] products_0,
  input  wire [12:0] products_1,
  input  wire [12:0] products_2,
  input  wire [12:0] products_3,
  output wire        ready,
  output reg  [7:0]  factors_0_operand = 8'd0,
  output reg  [7:0]  factors_1_operand = 8'd0,
  output reg         retired_valid = 1'b0,
  output reg         retired_first = 1'b0,
  output reg         retired_last = 1'b0,
  output wire [6:0]  words_0,
  output wire [6:0]  words_1
);
  wire issue;
  wire fresh;
  reg [13:0] words [0:1];
  initial begin
    words[0] = 14'd0;
    words[1] = 14'd0;
  end
  reg [13:0] words_word;
  reg bank_bit = 1'b0;
  reg issued_valid = 1'b0;
  reg issued_starts_row = 1'b0;
  reg issued_ends_row = 1'b0;
  reg issued_bank = 1'b0;
  reg issued_fresh = 1'b0;
  reg issued_first = 1'b0;
  reg issued_last = 1'b0;
  reg multiplied_0_valid = 1'b0;
  reg multiplied_0_starts_row = 1'b0;
  reg multiplied_0_ends_row = 1'b0;
  reg multiplied_0_bank = 1'b0;
  reg multiplied_0_fresh = 1'b0;
  reg multiplied_0_first = 1'b0;
  reg multiplied_0_last = 1'b0;
  reg multiplied_1_valid = 1'b0;
  reg multiplied_1_starts_row = 1'b0;
  reg multiplied_1_ends_row = 1'b0;
  reg multiplied_1_bank = 1'b0;
  reg multiplied_1_first = 1'b0;
  reg multiplied_1_last = 1'b0;
  reg apply = 1'b0;
  reg signal_bank = 1'b0;
  reg signal_first = 1'b0;
  reg signal_last = 1'b0;
  reg retired_bank = 1'b0;
  reg [12:0] stage = 13'd0;
  reg [12:0] sums_0 = 13'd0;
  reg [12:0] sums_1 = 13'd0;
  reg [12:0] stage_2 = 13'd0;

  wire next_bank = bank_bit ^ issue;
  wire [6:0] chosen = fresh ? 7'd0 : words_word[13:7];

  // Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .valid(valid),
    .first(first),
    .issue(issue),
    .fresh(fresh),
    .ready(ready)
  );
  // Add an increment to `lanes` accumulators per cycle and narrow them to state words.
  lmu_memory_pipeline_pipeline_bank bank (
    .increment_0(sums_0),
    .increment_1(sums_1),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .fetch_fresh(multiplied_0_fresh),
    .apply(apply),
    .outputs_0(words_0),
    .outputs_1(words_1)
  );

  always @(posedge clk)
    if (advance & retired_valid) words[retired_bank] <= {words_1, words_0};
  always @(posedge clk)
    if (advance) begin
      words_word <= words[next_bank];
      if ((advance & retired_valid) && retired_bank == next_bank) words_word <= {words_1, words_0};
    end
  always @(posedge clk)
    if (rst) begin
      bank_bit <= 1'b0;
      factors_0_operand <= 8'd0;
      factors_1_operand <= 8'd0;
      issued_valid <= 1'b0;
      issued_starts_row <= 1'b0;
      issued_ends_row <= 1'b0;
      issued_bank <= 1'b0;
      issued_fresh <= 1'b0;
      issued_first <= 1'b0;
      issued_last <= 1'b0;
      multiplied_0_valid <= 1'b0;
      multiplied_0_starts_row <= 1'b0;
      multiplied_0_ends_row <= 1'b0;
      multiplied_0_bank <= 1'b0;
      multiplied_0_fresh <= 1'b0;
      multiplied_0_first <= 1'b0;
      multiplied_0_last <= 1'b0;
      multiplied_1_valid <= 1'b0;
      multiplied_1_starts_row <= 1'b0;
      multiplied_1_ends_row <= 1'b0;
      multiplied_1_bank <= 1'b0;
      multiplied_1_first <= 1'b0;
      multiplied_1_last <= 1'b0;
      signal_bank <= 1'b0;
      signal_first <= 1'b0;
      signal_last <= 1'b0;
      retired_valid <= 1'b0;
      retired_bank <= 1'b0;
      retired_first <= 1'b0;
      retired_last <= 1'b0;
      stage <= 13'd0;
      stage_2 <= 13'd0;
    end else if (advance) begin
      bank_bit <= next_bank;
      factors_0_operand <= $signed(fresh ? 7'd0 : words_word[6:0]) - $signed({sample_data, 2'd0});
      factors_1_operand <= {chosen[6], chosen};
      issued_valid <= issue;
      issued_starts_row <= 1'b1;
      issued_ends_row <= 1'b1;
      issued_bank <= ~bank_bit;
      issued_fresh <= fresh;
      issued_first <= first;
      issued_last <= sample_last;
      multiplied_0_valid <= issued_valid;
      multiplied_0_starts_row <= issued_starts_row;
      multiplied_0_ends_row <= issued_ends_row;
      multiplied_0_bank <= issued_bank;
      multiplied_0_fresh <= issued_fresh;
      multiplied_0_first <= issued_first;
      multiplied_0_last <= issued_last;
      multiplied_1_valid <= multiplied_0_valid;
      multiplied_1_starts_row <= multiplied_0_starts_row;
      multiplied_1_ends_row <= multiplied_0_ends_row;
      multiplied_1_bank <= multiplied_0_bank;
      multiplied_1_first <= multiplied_0_first;
      multiplied_1_last <= multiplied_0_last;
      signal_bank <= multiplied_1_bank;
      signal_first <= multiplied_1_first;
      signal_last <= multiplied_1_last;
      retired_valid <= apply;
      retired_bank <= signal_bank;
      retired_first <= signal_first;
      retired_last <= signal_last;
      stage <= products_0 + products_1;
      stage_2 <= products_2 + products_3;
    end
  always @(posedge clk)
    if (rst) apply <= 1'b0;
    else if (advance) begin
      apply <= multiplied_1_valid;
      apply <= multiplied_1_valid & multiplied_1_ends_row;
    end
  always @(posedge clk)
    if (rst) begin
      sums_0 <= 13'd0;
      sums_1 <= 13'd0;
    end else if (advance && multiplied_1_valid) begin
      sums_0 <= (multiplied_1_starts_row ? 13'd0 : sums_0) + stage;
      sums_1 <= (multiplied_1_starts_row ? 13'd0 : sums_1) + stage_2;
    end
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [12:0] increment_0,
  input  wire [12:0] increment_1,
  input  wire        advance,
  input  wire        fetch_fresh,
  input  wire        apply,
  output reg  [6:0]  outputs_0 = 7'd0,
  output reg  [6:0]  outputs_1 = 7'd0
);
  reg [55:0] store [0:0];
  initial begin
    store[0] = 56'd0;
  end
  reg [55:0] store_word;
  reg fresh = 1'b0;
  reg write_en = 1'b0;
  reg [17:0] accumulator_0 = 18'd0;
  reg [16:0] base_0 = 17'd0;
  reg [27:0] write_data_0 = 28'd0;
  reg [27:0] write_data_1 = 28'd0;
  reg [17:0] accumulator_1 = 18'd0;
  reg [16:0] base_1 = 17'd0;

  wire [17:0] sum_0 = $signed(accumulator_0) + $signed(increment_0);
  wire [16:0] value_0 = $signed(base_0) + $signed(increment_0);
  wire [17:0] sum_1 = $signed(accumulator_1) + $signed(increment_1);
  wire [16:0] value_1 = $signed(base_1) + $signed(increment_1);
  wire [27:0] chosen = fresh ? 28'd0 : store_word[27:0];
  wire [27:0] chosen_2 = fresh ? 28'd0 : store_word[55:28];
  wire [16:0] sum = $signed(chosen[16:0]) + $signed(chosen[27:18]);
  wire [16:0] sum_2 = $signed(chosen_2[16:0]) + $signed(chosen_2[27:18]);

  always @(posedge clk)
    if (advance & write_en) store[0] <= {write_data_1, write_data_0};
  always @(posedge clk)
    if (advance) begin
      store_word <= store[0];
      if (advance & write_en) store_word <= {write_data_1, write_data_0};
    end
  always @(posedge clk)
    if (rst) begin
      fresh <= 1'b0;
      write_en <= 1'b0;
      accumulator_0 <= 18'd0;
      base_0 <= 17'd0;
      outputs_0 <= 7'd0;
      outputs_1 <= 7'd0;
      write_data_0 <= 28'd0;
      write_data_1 <= 28'd0;
      accumulator_1 <= 18'd0;
      base_1 <= 17'd0;
    end else if (advance) begin
      fresh <= fetch_fresh;
      write_en <= apply;
      accumulator_0 <= chosen[17:0];
      base_0 <= sum + 17'h200;
      outputs_0 <= value_0[16:10];
      outputs_1 <= value_1[16:10];
      write_data_0 <= {~value_0[9], value_0[8:0], sum_0};
      write_data_1 <= {~value_1[9], value_1[8:0], sum_1};
      accumulator_1 <= chosen_2[17:0];
      base_1 <= sum_2 + 17'h200;
    end
endmodule

// Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
module lmu_memory_pipeline_pipeline_sequencer (
  input  wire clk,
  input  wire rst,
  input  wire advance,
  input  wire valid,
  input  wire first,
  output wire issue,
  output wire fresh,
  output wire ready
);
  reg awake = 1'b0;
  reg started = 1'b0;
  reg [2:0] waiting = 3'd0;

  assign ready = (waiting == 3'd0) & awake;
  assign issue = valid & ready;
  assign fresh = first | ~started;

  always @(posedge clk)
    if (rst) awake <= 1'b0;
    else if (advance) awake <= 1'b1;
  always @(posedge clk)
    if (rst) started <= 1'b0;
    else if (advance && issue) started <= 1'b1;
  always @(posedge clk)
    if (rst) waiting <= 3'd0;
    else if (advance) begin
      if (issue) waiting <= 3'd5;
      else if (waiting != 3'd0) waiting <= waiting - 3'd1;
    end
endmodule
