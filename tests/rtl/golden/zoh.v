// lmu_memory: Legendre memory, dense datapath.
// order 3, theta 1.0 s, dt 0.01 s, zoh step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.14, 1 multiplier(s), 1 channel(s)
// Made by: golden
// Any one-step rule as x += D·(x − e₀u), `lanes` products a cycle.
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
  wire ready;

  wire advance = ~out_valid | out_ready;
  assign in_ready = ready & advance;
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
    .beat_data(out_data),
    .beat_index(out_index),
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
  output wire [6:0] beat_data,
  output wire [1:0] beat_index,
  output wire       beat_first,
  output wire       beat_last
);
  wire [3:0] address;
  wire [7:0] factors_operand;
  reg [5:0] table_ [0:8];
  initial begin
    table_[0] = 6'h3b;
    table_[1] = 6'h3b;
    table_[2] = 6'h3b;
    table_[3] = 6'hf;
    table_[4] = 6'h30;
    table_[5] = 6'h31;
    table_[6] = 6'h28;
    table_[7] = 6'h19;
    table_[8] = 6'h27;
  end
  reg [5:0] entry;
  reg [12:0] products = 13'd0;

  // issue → operand and coefficients → products → row sums → words; advances or stands still as a whole.
  lmu_memory_pipeline_pipeline pipeline (
    .valid(valid),
    .first(sample_first),
    .sample_data(sample_data),
    .sample_last(sample_last),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .products(products),
    .ready(ready),
    .address(address),
    .factors_operand(factors_operand),
    .retired_valid(beat_valid),
    .retired_group(beat_index),
    .retired_first(beat_first),
    .retired_last(beat_last),
    .words(beat_data)
  );

  always @(posedge clk)
    if (advance) entry <= table_[address];
  always @(posedge clk)
    if (rst) products <= 13'd0;
    else if (advance) products <= $signed(factors_operand) * $signed(entry);
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
  input  wire [12:0] products,
  output wire        ready,
  output wire [3:0]  address,
  output reg  [7:0]  factors_operand = 8'd0,
  output reg         retired_valid = 1'b0,
  output reg  [1:0]  retired_group = 2'd0,
  output reg         retired_first = 1'b0,
  output reg         retired_last = 1'b0,
  output wire [6:0]  words
);
  wire issue;
  wire starts;
  wire fresh;
  wire ends;
  reg [6:0] words_2 [0:5];
  initial begin
    words_2[0] = 7'd0;
    words_2[1] = 7'd0;
    words_2[2] = 7'd0;
    words_2[3] = 7'd0;
    words_2[4] = 7'd0;
    words_2[5] = 7'd0;
  end
  reg [6:0] read_data;
  reg [1:0] value = 2'd0;
  reg [1:0] column = 2'd0;
  reg bank_bit = 1'b0;
  reg [3:0] held_data = 4'd0;
  reg held_first = 1'b0;
  reg held_last = 1'b0;
  reg issued_valid = 1'b0;
  reg issued_starts_row = 1'b0;
  reg issued_ends_row = 1'b0;
  reg [1:0] issued_group = 2'd0;
  reg issued_bank = 1'b0;
  reg issued_fresh = 1'b0;
  reg issued_first = 1'b0;
  reg issued_last = 1'b0;
  reg multiplied_0_valid = 1'b0;
  reg multiplied_0_starts_row = 1'b0;
  reg multiplied_0_ends_row = 1'b0;
  reg [1:0] multiplied_0_group = 2'd0;
  reg multiplied_0_bank = 1'b0;
  reg multiplied_0_first = 1'b0;
  reg multiplied_0_last = 1'b0;
  reg apply = 1'b0;
  reg [1:0] apply_slot = 2'd0;
  reg signal_bank = 1'b0;
  reg signal_first = 1'b0;
  reg signal_last = 1'b0;
  reg retired_bank = 1'b0;
  reg [12:0] sums = 13'd0;

  wire row_ends = column == 2'd2;
  wire next_bank = bank_bit ^ ends;
  wire [1:0] next_column = issue ? (row_ends ? 2'd0 : column + 2'd1) : column;
  wire [5:0] chosen =
      starts ? {sample_last, first, sample_data} :
      {held_last, held_first, held_data};
  wire is_equal = column == 2'd0;

  // Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .valid(valid),
    .first(first),
    .slot(address),
    .issue(issue),
    .starts(starts),
    .fresh(fresh),
    .ends(ends),
    .ready(ready)
  );
  // Add an increment to `lanes` accumulators per cycle and narrow them to state words.
  lmu_memory_pipeline_pipeline_bank bank (
    .fetch(issued_group),
    .increment(sums),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .fetch_fresh(issued_fresh),
    .apply_slot(apply_slot),
    .apply(apply),
    .outputs(words)
  );

  always @(posedge clk)
    if (advance & retired_valid) words_2[{retired_group, retired_bank}] <= words;
  always @(posedge clk)
    if (advance) begin
      read_data <= words_2[{next_column, next_bank}];
      if ((advance & retired_valid) && {retired_group, retired_bank} == {next_column, next_bank}) read_data <=
          words;
    end
  always @(posedge clk)
    if (rst) begin
      value <= 2'd0;
      column <= 2'd0;
      bank_bit <= 1'b0;
      factors_operand <= 8'd0;
      issued_valid <= 1'b0;
      issued_starts_row <= 1'b0;
      issued_ends_row <= 1'b0;
      issued_group <= 2'd0;
      issued_bank <= 1'b0;
      issued_fresh <= 1'b0;
      issued_first <= 1'b0;
      issued_last <= 1'b0;
      multiplied_0_valid <= 1'b0;
      multiplied_0_starts_row <= 1'b0;
      multiplied_0_ends_row <= 1'b0;
      multiplied_0_group <= 2'd0;
      multiplied_0_bank <= 1'b0;
      multiplied_0_first <= 1'b0;
      multiplied_0_last <= 1'b0;
      apply_slot <= 2'd0;
      signal_bank <= 1'b0;
      signal_first <= 1'b0;
      signal_last <= 1'b0;
      retired_valid <= 1'b0;
      retired_group <= 2'd0;
      retired_bank <= 1'b0;
      retired_first <= 1'b0;
      retired_last <= 1'b0;
    end else if (advance) begin
      value <= issue ? (row_ends ? (value == 2'd2 ? 2'd0 : value + 2'd1) : value) : value;
      column <= next_column;
      bank_bit <= next_bank;
      factors_operand <= $signed(fresh ? 7'd0 : read_data) - $signed({is_equal ? chosen[3:0] : 4'd0, 2'd0});
      issued_valid <= issue;
      issued_starts_row <= is_equal;
      issued_ends_row <= row_ends;
      issued_group <= value;
      issued_bank <= ~bank_bit;
      issued_fresh <= fresh;
      issued_first <= chosen[4];
      issued_last <= chosen[5];
      multiplied_0_valid <= issued_valid;
      multiplied_0_starts_row <= issued_starts_row;
      multiplied_0_ends_row <= issued_ends_row;
      multiplied_0_group <= issued_group;
      multiplied_0_bank <= issued_bank;
      multiplied_0_first <= issued_first;
      multiplied_0_last <= issued_last;
      apply_slot <= multiplied_0_group;
      signal_bank <= multiplied_0_bank;
      signal_first <= multiplied_0_first;
      signal_last <= multiplied_0_last;
      retired_valid <= apply;
      retired_group <= apply_slot;
      retired_bank <= signal_bank;
      retired_first <= signal_first;
      retired_last <= signal_last;
    end
  always @(posedge clk)
    if (rst) begin
      held_data <= 4'd0;
      held_first <= 1'b0;
      held_last <= 1'b0;
    end else if (advance && (starts & issue)) begin
      held_data <= sample_data;
      held_first <= first;
      held_last <= sample_last;
    end
  always @(posedge clk)
    if (rst) apply <= 1'b0;
    else if (advance) begin
      apply <= multiplied_0_valid;
      apply <= multiplied_0_valid & multiplied_0_ends_row;
    end
  always @(posedge clk)
    if (rst) sums <= 13'd0;
    else if (advance && multiplied_0_valid) sums <= (multiplied_0_starts_row ? 13'd0 : sums) + products;
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [1:0]  fetch,
  input  wire [12:0] increment,
  input  wire        advance,
  input  wire        fetch_fresh,
  input  wire [1:0]  apply_slot,
  input  wire        apply,
  output reg  [6:0]  outputs = 7'd0
);
  reg [25:0] store [0:2];
  initial begin
    store[0] = 26'd0;
    store[1] = 26'd0;
    store[2] = 26'd0;
  end
  reg [25:0] read_data;
  reg fresh = 1'b0;
  reg [1:0] write_addr = 2'd0;
  reg write_en = 1'b0;
  reg [16:0] accumulator_0 = 17'd0;
  reg [15:0] base_0 = 16'd0;
  reg [25:0] write_data = 26'd0;

  wire [16:0] sum_0 = $signed(accumulator_0) + $signed(increment);
  wire [15:0] value_0 = $signed(base_0) + $signed(increment);
  wire [25:0] chosen = fresh ? 26'd0 : read_data;
  wire [15:0] sum = $signed(chosen[15:0]) + $signed(chosen[25:17]);

  always @(posedge clk)
    if (advance & write_en) store[write_addr] <= write_data;
  always @(posedge clk)
    if (advance) begin
      read_data <= store[fetch];
      if ((advance & write_en) && write_addr == fetch) read_data <= write_data;
    end
  always @(posedge clk)
    if (rst) begin
      fresh <= 1'b0;
      write_addr <= 2'd0;
      write_en <= 1'b0;
      accumulator_0 <= 17'd0;
      base_0 <= 16'd0;
      outputs <= 7'd0;
      write_data <= 26'd0;
    end else if (advance) begin
      fresh <= fetch_fresh;
      write_addr <= apply_slot;
      write_en <= apply;
      accumulator_0 <= chosen[16:0];
      base_0 <= sum + 16'h100;
      outputs <= value_0[15:9];
      write_data <= {~value_0[8], value_0[7:0], sum_0};
    end
endmodule

// Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
module lmu_memory_pipeline_pipeline_sequencer (
  input  wire       clk,
  input  wire       rst,
  input  wire       advance,
  input  wire       valid,
  input  wire       first,
  output reg  [3:0] slot = 4'd0,
  output wire       issue,
  output wire       starts,
  output wire       fresh,
  output wire       ends,
  output wire       ready
);
  reg awake = 1'b0;
  reg held_fresh = 1'b0;
  reg started = 1'b0;
  reg [1:0] waiting = 2'd0;

  assign starts = slot == 4'd0;
  assign ready = starts & (waiting == 2'd0) & awake;
  assign issue = starts ? valid & ready : 1'b1;
  assign ends = issue & (slot == 4'd8);
  assign fresh = starts ? first | ~started : held_fresh;
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
      if (ends) waiting <= 2'd2;
      else if (waiting != 2'd0) waiting <= waiting - 2'd1;
    end
endmodule
