// lmu_memory: Legendre memory, chain datapath.
// order 2, theta 1.0 s, dt 0.01 s, euler step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 1 multiplier(s), 2 channel(s)
// Made by: golden
// Forward Euler or Adams–Bashforth 2 on the chain, `lanes` states a cycle, a divisor of the order.
module lmu_memory (
  input  wire        clk,              // clock, rising edge
  input  wire        rst,              // synchronous reset, active high; forgets all state
  input  wire        in_valid,         // a sample is offered
  output wire        in_ready,         // it is taken at this clock edge
  input  wire [3:0]  in_data,          // sample, sQ1.3 two's complement
  input  wire        in_first,         // it starts a sequence: the state counts as zero
  input  wire        in_last,          // it ends a sequence; handed on as out_last
  output wire        out_valid,        // a beat of state words is offered
  input  wire        out_ready,        // it is taken at this clock edge
  output wire [6:0]  out_data,         // 1 state word(s), sQ2.5 each, the first in the lowest bits
  output wire        out_index,        // state of the first word, 0 to 1
  output wire        out_channel,      // channel of the sample
  output wire        out_first,        // in_first of the sample
  output wire        out_last,         // in_last of the sample
  output wire        readout_valid,    // the readouts of a sample are offered
  input  wire        readout_ready,    // they are taken at this clock edge
  output wire [13:0] readout_data,     // 2 readout(s), sQ2.5 each, the first in the lowest bits
  output wire        readout_channel,  // channel of the sample
  output wire        readout_first,    // in_first of the sample
  output wire        readout_last      // in_last of the sample
);
  wire ready;
  wire beat_valid;
  wire valid;
  wire [6:0] readout_data_0;
  wire [6:0] readout_data_1;
  reg taken = 1'b0;
  reg taken_2 = 1'b0;

  assign out_valid = beat_valid & ~taken;
  assign readout_valid = valid & ~taken_2;
  wire readouts_go = ~readout_valid | readout_ready;
  wire advance = (~out_valid | out_ready) & readouts_go;
  assign in_ready = ready & advance;
  wire inverse = ~advance;
  assign readout_data = {readout_data_1, readout_data_0};

  lmu_memory_pipeline pipeline (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .valid(in_valid),
    .sample_data(in_data),
    .sample_first(in_first),
    .sample_last(in_last),
    .ready(ready),
    .beat_valid(beat_valid),
    .beat_data(out_data),
    .beat_index(out_index),
    .beat_channel(out_channel),
    .beat_first(out_first),
    .beat_last(out_last)
  );
  // All readouts of a sample, round(Σ coefficient·word · 2^−fraction), from its beats.
  lmu_memory_readouts readouts (
    .beat_valid(beat_valid),
    .tag_channel(out_channel),
    .tag_first(out_first),
    .tag_last(out_last),
    .beat_data(out_data),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .valid(valid),
    .readout_data_0(readout_data_0),
    .readout_data_1(readout_data_1),
    .readout_channel(readout_channel),
    .readout_first(readout_first),
    .readout_last(readout_last)
  );

  always @(posedge clk)
    if (rst) begin
      taken <= 1'b0;
      taken_2 <= 1'b0;
    end else begin
      taken <= inverse & (taken | (out_valid & out_ready));
      taken_2 <= inverse & (taken_2 | (readout_valid & readout_ready));
    end
endmodule

// All readouts of a sample, round(Σ coefficient·word · 2^−fraction), from its beats.
module lmu_memory_readouts (
  input  wire       clk,
  input  wire       rst,
  input  wire       beat_valid,
  input  wire       tag_channel,
  input  wire       tag_first,
  input  wire       tag_last,
  input  wire [6:0] beat_data,
  input  wire       advance,
  output reg        valid = 1'b0,
  output reg  [6:0] readout_data_0 = 7'd0,
  output reg  [6:0] readout_data_1 = 7'd0,
  output reg        readout_channel = 1'b0,
  output reg        readout_first = 1'b0,
  output reg        readout_last = 1'b0
);
  reg [11:0] coefficients [0:1];
  initial begin
    coefficients[0] = 12'h410;
    coefficients[1] = 12'h400;
  end
  reg [11:0] coefficients_word;
  reg ends = 1'b0;
  reg [10:0] products_0 = 11'd0;
  reg [10:0] products_1 = 11'd0;
  reg before_valid = 1'b0;
  reg before_starts = 1'b0;
  reg before_ends = 1'b0;
  reg before_channel = 1'b0;
  reg before_first = 1'b0;
  reg before_last = 1'b0;
  reg ended_valid = 1'b0;
  reg ended_ends = 1'b0;
  reg ended_channel = 1'b0;
  reg ended_first = 1'b0;
  reg ended_last = 1'b0;
  reg [10:0] sum_0_0 = 11'd0;
  reg [10:0] sum_1_0 = 11'd0;

  wire tag_starts = ~ends;
  wire [10:0] sum = sum_0_0 + 11'd8;
  wire [10:0] sum_2 = sum_1_0 + 11'd8;
  wire next_group = beat_valid ? (ends ? 1'b0 : ends + 1'b1) : ends;

  always @(posedge clk)
    if (advance) coefficients_word <= coefficients[next_group];
  always @(posedge clk)
    if (rst) begin
      ends <= 1'b0;
      products_0 <= 11'd0;
      products_1 <= 11'd0;
      before_valid <= 1'b0;
      before_starts <= 1'b0;
      before_ends <= 1'b0;
      before_channel <= 1'b0;
      before_first <= 1'b0;
      before_last <= 1'b0;
      ended_valid <= 1'b0;
      ended_ends <= 1'b0;
      ended_channel <= 1'b0;
      ended_first <= 1'b0;
      ended_last <= 1'b0;
      valid <= 1'b0;
      readout_data_0 <= 7'd0;
      readout_data_1 <= 7'd0;
      readout_channel <= 1'b0;
      readout_first <= 1'b0;
      readout_last <= 1'b0;
    end else if (advance) begin
      ends <= next_group;
      products_0 <= $signed(beat_data) * $signed(coefficients_word[5:0]);
      products_1 <= $signed(beat_data) * $signed(coefficients_word[11:6]);
      before_valid <= beat_valid;
      before_starts <= tag_starts;
      before_ends <= ends;
      before_channel <= tag_channel;
      before_first <= tag_first;
      before_last <= tag_last;
      ended_valid <= before_valid;
      ended_ends <= before_ends;
      ended_channel <= before_channel;
      ended_first <= before_first;
      ended_last <= before_last;
      valid <= ended_valid & ended_ends;
      readout_data_0 <= sum[10:4];
      readout_data_1 <= sum_2[10:4];
      readout_channel <= ended_channel;
      readout_first <= ended_first;
      readout_last <= ended_last;
    end
  always @(posedge clk)
    if (rst) begin
      sum_0_0 <= 11'd0;
      sum_1_0 <= 11'd0;
    end else if (advance && before_valid) begin
      sum_0_0 <= (before_starts ? 11'd0 : sum_0_0) + products_0;
      sum_1_0 <= (before_starts ? 11'd0 : sum_1_0) + products_1;
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
  output wire [6:0] beat_data,
  output wire       beat_index,
  output wire       beat_channel,
  output wire       beat_first,
  output wire       beat_last
);
  wire address;
  wire [7:0] factors_operand;
  wire [5:0] factors_coefficient;
  reg [6:0] table_ [0:1];
  initial begin
    table_[0] = 7'h2c;
    table_[1] = 7'h61;
  end
  reg [6:0] table_word;
  reg [13:0] products = 14'd0;

  // issue → operand registers → products → sums and words; the whole pipeline advances or stands still.
  lmu_memory_pipeline_pipeline pipeline (
    .valid(valid),
    .first(sample_first),
    .sample_data(sample_data),
    .sample_last(sample_last),
    .products(products),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .entry_coefficient(table_word[5:0]),
    .entry_alignment_shift(table_word[6]),
    .ready(ready),
    .next_slot(address),
    .factors_operand(factors_operand),
    .factors_coefficient(factors_coefficient),
    .retired_valid(beat_valid),
    .retired_slot(beat_index),
    .retired_channel(beat_channel),
    .retired_first(beat_first),
    .retired_last(beat_last),
    .words(beat_data)
  );

  always @(posedge clk)
    if (advance) table_word <= table_[address];
  always @(posedge clk)
    if (rst) products <= 14'd0;
    else if (advance) products <= $signed(factors_operand) * $signed(factors_coefficient);
endmodule

// issue → operand registers → products → sums and words; the whole pipeline advances or stands still.
module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        valid,
  input  wire        first,
  input  wire [3:0]  sample_data,
  input  wire        sample_last,
  input  wire [13:0] products,
  input  wire        advance,
  input  wire [5:0]  entry_coefficient,
  input  wire        entry_alignment_shift,
  output wire        ready,
  output wire        next_slot,
  output reg  [7:0]  factors_operand = 8'd0,
  output reg  [5:0]  factors_coefficient = 6'd0,
  output reg         retired_valid = 1'b0,
  output reg         retired_slot = 1'b0,
  output reg         retired_channel = 1'b0,
  output reg         retired_first = 1'b0,
  output reg         retired_last = 1'b0,
  output wire [6:0]  words
);
  wire slot;
  wire channel;
  wire next_channel;
  wire issue;
  wire starts;
  wire fresh;
  reg [6:0] words_2 [0:3];
  initial begin
    words_2[0] = 7'd0;
    words_2[1] = 7'd0;
    words_2[2] = 7'd0;
    words_2[3] = 7'd0;
  end
  reg [6:0] read_data;
  reg factors_alignment_shift = 1'b0;
  reg [7:0] value = 8'd0;
  reg [7:0] ahead = 8'd0;
  reg lifted_alignment_shift = 1'b0;
  reg first_2 = 1'b0;
  reg value_2 = 1'b0;
  reg signal_valid = 1'b0;
  reg signal_slot = 1'b0;
  reg signal_channel = 1'b0;
  reg signal_first = 1'b0;
  reg signal_last = 1'b0;
  reg apply = 1'b0;
  reg signal_slot_2 = 1'b0;
  reg signal_channel_2 = 1'b0;
  reg signal_first_2 = 1'b0;
  reg signal_last_2 = 1'b0;
  reg [7:0] partial = 8'd0;
  reg [7:0] total_0 = 8'd0;
  reg [7:0] total_1 = 8'd0;

  wire [7:0] sum = $signed(fresh ? 8'd0 : !channel ? total_0 : channel ? total_1 : 8'd0) +
      $signed({sample_data, 2'd0});
  wire [7:0] following_0 = (starts ? sum : value) - {fresh ? 7'd0 : read_data, 1'b0};
  wire [1:0] fetch = {channel, 1'b0} + {1'b0, slot};
  wire [13:0] increment = products << lifted_alignment_shift;
  wire [1:0] apply_slot = {signal_channel_2, 1'b0} + {1'b0, signal_slot_2};
  wire [7:0] sum_2 = $signed(~retired_slot ? 8'd0 : partial) + $signed(words);
  wire [7:0] difference = $signed(fresh ? 8'd0 : !channel ? total_0 : channel ? total_1 : 8'd0) -
      $signed({sample_data, 2'd0});
  wire [7:0] difference_2 = $signed(fresh ? 8'd0 : !channel ? total_0 : channel ? total_1 : 8'd0) -
      $signed({sample_data, 2'd0});

  // Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .valid(valid),
    .first(first),
    .slot(slot),
    .next_slot(next_slot),
    .channel(channel),
    .next_channel(next_channel),
    .issue(issue),
    .starts(starts),
    .fresh(fresh),
    .ready(ready)
  );
  // Add an increment to `lanes` accumulators per cycle and narrow them to state words.
  lmu_memory_pipeline_pipeline_bank bank (
    .fetch(fetch),
    .increment(increment),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .fetch_fresh(fresh),
    .apply_slot(apply_slot),
    .apply(apply),
    .outputs(words)
  );

  always @(posedge clk)
    if (advance & retired_valid) words_2[{retired_channel, 1'b0} + {1'b0, retired_slot}] <= words;
  always @(posedge clk)
    if (advance) begin
      read_data <= words_2[{next_channel, 1'b0} + {1'b0, next_slot}];
      if ((advance & retired_valid) && ({retired_channel, 1'b0} + {1'b0, retired_slot}) == ({next_channel,
          1'b0} + {1'b0, next_slot})) read_data <= words;
    end
  always @(posedge clk)
    if (rst) begin
      factors_operand <= 8'd0;
      factors_coefficient <= 6'd0;
      factors_alignment_shift <= 1'b0;
      lifted_alignment_shift <= 1'b0;
      signal_valid <= 1'b0;
      signal_slot <= 1'b0;
      signal_channel <= 1'b0;
      signal_first <= 1'b0;
      signal_last <= 1'b0;
      apply <= 1'b0;
      signal_slot_2 <= 1'b0;
      signal_channel_2 <= 1'b0;
      signal_first_2 <= 1'b0;
      signal_last_2 <= 1'b0;
      retired_valid <= 1'b0;
      retired_slot <= 1'b0;
      retired_channel <= 1'b0;
      retired_first <= 1'b0;
      retired_last <= 1'b0;
    end else if (advance) begin
      factors_operand <= starts ? difference : ahead;
      factors_coefficient <= entry_coefficient;
      factors_alignment_shift <= entry_alignment_shift;
      lifted_alignment_shift <= factors_alignment_shift;
      signal_valid <= issue;
      signal_slot <= slot;
      signal_channel <= channel;
      signal_first <= starts ? first : first_2;
      signal_last <= starts ? sample_last : value_2;
      apply <= signal_valid;
      signal_slot_2 <= signal_slot;
      signal_channel_2 <= signal_channel;
      signal_first_2 <= signal_first;
      signal_last_2 <= signal_last;
      retired_valid <= apply;
      retired_slot <= signal_slot_2;
      retired_channel <= signal_channel_2;
      retired_first <= signal_first_2;
      retired_last <= signal_last_2;
    end
  always @(posedge clk)
    if (rst) begin
      value <= 8'd0;
      ahead <= 8'd0;
    end else if (advance && issue) begin
      value <= starts ? difference_2 : ahead;
      ahead <= following_0;
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
    else if (advance && retired_valid) partial <= sum_2;
  always @(posedge clk)
    if (rst) total_0 <= 8'd0;
    else if (advance && retired_valid && retired_slot && !retired_channel) total_0 <= sum_2;
  always @(posedge clk)
    if (rst) total_1 <= 8'd0;
    else if (advance && (retired_valid && (retired_slot && (!(!retired_channel) && retired_channel)))) total_1
        <= sum_2;
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [1:0]  fetch,
  input  wire [13:0] increment,
  input  wire        advance,
  input  wire        fetch_fresh,
  input  wire [1:0]  apply_slot,
  input  wire        apply,
  output reg  [6:0]  outputs = 7'd0
);
  reg [29:0] store [0:3];
  initial begin
    store[0] = 30'd0;
    store[1] = 30'd0;
    store[2] = 30'd0;
    store[3] = 30'd0;
  end
  reg [29:0] read_data;
  reg fresh = 1'b0;
  reg [1:0] write_addr = 2'd0;
  reg write_en = 1'b0;
  reg [18:0] accumulator_0 = 19'd0;
  reg [17:0] base_0 = 18'd0;
  reg [29:0] write_data = 30'd0;

  wire [18:0] sum_0 = $signed(accumulator_0) + $signed(increment);
  wire [17:0] value_0 = $signed(base_0) + $signed(increment);
  wire [29:0] chosen = fresh ? 30'd0 : read_data;
  wire [17:0] sum = $signed(chosen[17:0]) + $signed(chosen[29:19]);

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
      accumulator_0 <= 19'd0;
      base_0 <= 18'd0;
      outputs <= 7'd0;
      write_data <= 30'd0;
    end else if (advance) begin
      fresh <= fetch_fresh;
      write_addr <= apply_slot;
      write_en <= apply;
      accumulator_0 <= chosen[18:0];
      base_0 <= sum + 18'h400;
      outputs <= value_0[17:11];
      write_data <= {~value_0[10], value_0[9:0], sum_0};
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
  output reg  channel = 1'b0,
  output wire next_channel,
  output wire issue,
  output wire starts,
  output wire fresh,
  output wire ready
);
  reg awake = 1'b0;
  reg held_fresh = 1'b0;
  reg [1:0] started = 2'd0;
  reg waiting = 1'b0;

  assign starts = ~slot;
  assign ready = starts & ~waiting & awake;
  assign issue = starts ? valid & ready : 1'b1;
  wire ends = issue & slot;
  assign next_channel = ends ? (channel ? 1'b0 : channel + 1'b1) : channel;
  assign next_slot = ends ? 1'b0 : slot + issue;
  assign fresh = starts ? first | ~started[channel] : held_fresh;
  wire both = issue & starts;

  always @(posedge clk)
    if (rst) begin
      awake <= 1'b0;
      slot <= 1'b0;
      channel <= 1'b0;
    end else if (advance) begin
      awake <= 1'b1;
      slot <= next_slot;
      channel <= next_channel;
    end
  always @(posedge clk)
    if (rst) held_fresh <= 1'b0;
    else if (advance && both) held_fresh <= fresh;
  always @(posedge clk)
    if (rst) started <= 2'd0;
    else if (advance) begin
      if (both) begin
        if (!channel) started[0] <= 1'b1;
        else if (channel) started[1] <= 1'b1;
      end
    end
  always @(posedge clk)
    if (rst) waiting <= 1'b0;
    else if (advance) begin
      if (ends) waiting <= 1'b1;
      else if (waiting) waiting <= waiting - 1'b1;
    end
endmodule
