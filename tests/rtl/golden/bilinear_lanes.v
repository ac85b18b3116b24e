// lmu_memory: Legendre memory, tridiagonal datapath.
// order 2, theta 1.0 s, dt 0.01 s, bilinear step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.17, 2 multiplier(s), 2 channel(s)
// Made by: golden
// The bilinear step, two-ended elimination on one multiplier; further lanes work on further channels.
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
    .beat_index(out_index),
    .beat_channel(out_channel),
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
  output wire       beat_index,
  output wire       beat_channel,
  output wire       beat_first,
  output wire       beat_last
);
  wire [3:0] address;
  wire [10:0] factors_0_operand;
  wire [5:0] factors_0_coefficient;
  wire [10:0] factors_1_operand;
  wire [5:0] factors_1_coefficient;
  reg [19:0] table_ [0:11];
  initial begin
    table_[0] = 20'h28612;
    table_[1] = 20'd0;
    table_[2] = 20'h2a073;
    table_[3] = 20'd0;
    table_[4] = 20'h283e9;
    table_[5] = 20'd0;
    table_[6] = 20'h588e4;
    table_[7] = 20'd0;
    table_[8] = 20'd0;
    table_[9] = 20'd0;
    table_[10] = 20'd0;
    table_[11] = 20'hc5805;
  end
  reg [19:0] table_word;
  reg [16:0] products_0 = 17'd0;
  reg [16:0] products_1 = 17'd0;

  lmu_memory_pipeline_pipeline pipeline (
    .valid(valid),
    .entry_row(table_word[0]),
    .entry_base(table_word[3:1]),
    .entry_addend(table_word[5:4]),
    .entry_use(table_word[6]),
    .entry_minus(table_word[7]),
    .entry_halved(table_word[8]),
    .entry_store(table_word[9]),
    .entry_reduced(table_word[10]),
    .entry_retire(table_word[11]),
    .entry_ends(table_word[12]),
    .entry_coefficient(table_word[18:13]),
    .entry_shift(table_word[19]),
    .product(products_0),
    .products_1(products_1),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .sample_data(sample_data),
    .sample_first(sample_first),
    .sample_last(sample_last),
    .address(address),
    .ready(ready),
    .factors_0_operand(factors_0_operand),
    .factors_0_coefficient(factors_0_coefficient),
    .factors_1_operand(factors_1_operand),
    .factors_1_coefficient(factors_1_coefficient),
    .beat_valid(beat_valid),
    .beat_data_0(beat_data_0),
    .beat_data_1(beat_data_1),
    .beat_index(beat_index),
    .beat_channel(beat_channel),
    .beat_first(beat_first),
    .beat_last(beat_last)
  );

  always @(posedge clk)
    if (advance) table_word <= table_[address];
  always @(posedge clk)
    if (rst) begin
      products_0 <= 17'd0;
      products_1 <= 17'd0;
    end else if (advance) begin
      products_0 <= $signed(factors_0_operand) * $signed(factors_0_coefficient);
      products_1 <= $signed(factors_1_operand) * $signed(factors_1_coefficient);
    end
endmodule

module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        valid,
  input  wire        entry_row,
  input  wire [2:0]  entry_base,
  input  wire [1:0]  entry_addend,
  input  wire        entry_use,
  input  wire        entry_minus,
  input  wire        entry_halved,
  input  wire        entry_store,
  input  wire        entry_reduced,
  input  wire        entry_retire,
  input  wire        entry_ends,
  input  wire [5:0]  entry_coefficient,
  input  wire        entry_shift,
  input  wire [16:0] product,
  input  wire [16:0] products_1,
  input  wire        advance,
  input  wire [3:0]  sample_data,
  input  wire        sample_first,
  input  wire        sample_last,
  output wire [3:0]  address,
  output wire        ready,
  output wire [10:0] factors_0_operand,
  output wire [5:0]  factors_0_coefficient,
  output wire [10:0] factors_1_operand,
  output wire [5:0]  factors_1_coefficient,
  output wire        beat_valid,
  output wire [6:0]  beat_data_0,
  output wire [6:0]  beat_data_1,
  output wire        beat_index,
  output wire        beat_channel,
  output wire        beat_first,
  output wire        beat_last
);
  wire issue;
  wire starts;
  wire order_fresh;
  wire ready_2;
  wire valid_2;
  wire first;
  wire last;
  wire [6:0] words_0;
  wire [6:0] words_1;
  wire row;
  wire valid_3;
  wire first_2;
  wire last_2;
  wire [6:0] words_0_2;
  wire [6:0] words_1_2;
  wire row_2;
  reg [3:0] sample_0_data = 4'd0;
  reg sample_0_first = 1'b0;
  reg sample_0_last = 1'b0;
  reg [3:0] sample_1_data = 4'd0;
  reg sample_1_first = 1'b0;
  reg sample_1_last = 1'b0;
  reg filled = 1'b0;
  reg order_0_starts = 1'b0;
  reg order_0_fresh = 1'b0;
  reg order_0_entry_row = 1'b0;
  reg [2:0] order_0_entry_base = 3'd0;
  reg [1:0] order_0_entry_addend = 2'd0;
  reg order_0_entry_use = 1'b0;
  reg order_0_entry_minus = 1'b0;
  reg order_0_entry_halved = 1'b0;
  reg order_0_entry_store = 1'b0;
  reg order_0_entry_reduced = 1'b0;
  reg order_0_entry_retire = 1'b0;
  reg order_0_entry_ends = 1'b0;
  reg [5:0] order_0_entry_coefficient = 6'd0;
  reg order_0_entry_shift = 1'b0;
  reg order_1_starts = 1'b0;
  reg order_1_fresh = 1'b0;
  reg order_1_entry_row = 1'b0;
  reg [2:0] order_1_entry_base = 3'd0;
  reg [1:0] order_1_entry_addend = 2'd0;
  reg order_1_entry_use = 1'b0;
  reg order_1_entry_minus = 1'b0;
  reg order_1_entry_halved = 1'b0;
  reg order_1_entry_store = 1'b0;
  reg order_1_entry_reduced = 1'b0;
  reg order_1_entry_retire = 1'b0;
  reg order_1_entry_ends = 1'b0;
  reg [5:0] order_1_entry_coefficient = 6'd0;
  reg order_1_entry_shift = 1'b0;

  assign ready = ~filled | ready_2;
  assign beat_valid = valid_3 ? 1'b1 : valid_2 ? 1'b1 : 1'b0;
  wire valid_4 = valid & filled;
  wire order_starts = issue & starts;
  wire [19:0] chosen =
      issue ? {entry_shift, entry_coefficient, entry_ends, entry_retire, entry_reduced, entry_store,
          entry_halved, entry_minus, entry_use, entry_addend, entry_base, entry_row} :
      20'd0;
  wire both = valid & ready;
  assign beat_data_0 = valid_3 ? words_0_2 : valid_2 ? words_0 : 7'd0;
  assign beat_data_1 = valid_3 ? words_1_2 : valid_2 ? words_1 : 7'd0;
  assign beat_index = valid_3 ? row_2 : valid_2 ? row : 1'b0;
  assign beat_channel = valid_3 ? 1'b1 : valid_2 ? 1'b0 : 1'b0;
  assign beat_first = valid_3 ? first_2 : valid_2 ? first : 1'b0;
  assign beat_last = valid_3 ? last_2 : valid_2 ? last : 1'b0;

  // Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .valid(valid_4),
    .next_slot(address),
    .issue(issue),
    .starts(starts),
    .fresh(order_fresh),
    .ready(ready_2)
  );
  // One multiplier, a recurrence around it, and what it stores of each row for later.
  lmu_memory_pipeline_pipeline_lane_0 lane_0 (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .order_starts(order_0_starts),
    .order_fresh(order_0_fresh),
    .order_entry_row(order_0_entry_row),
    .order_entry_base(order_0_entry_base),
    .order_entry_addend(order_0_entry_addend),
    .order_entry_use(order_0_entry_use),
    .order_entry_minus(order_0_entry_minus),
    .order_entry_halved(order_0_entry_halved),
    .order_entry_store(order_0_entry_store),
    .order_entry_reduced(order_0_entry_reduced),
    .order_entry_retire(order_0_entry_retire),
    .order_entry_ends(order_0_entry_ends),
    .order_entry_coefficient(order_0_entry_coefficient),
    .order_entry_shift(order_0_entry_shift),
    .sample_data(sample_0_data),
    .sample_first(sample_0_first),
    .sample_last(sample_0_last),
    .product(product),
    .multiplies_entry_coefficient(factors_0_coefficient),
    .writes_entry_ends(valid_2),
    .writes_owner_first(first),
    .writes_owner_last(last),
    .gathered_0(words_0),
    .outputs(words_1),
    .operand(factors_0_operand),
    .row(row)
  );
  // One multiplier, a recurrence around it, and what it stores of each row for later.
  lmu_memory_pipeline_pipeline_lane_0 lane_1 (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .order_starts(order_1_starts),
    .order_fresh(order_1_fresh),
    .order_entry_row(order_1_entry_row),
    .order_entry_base(order_1_entry_base),
    .order_entry_addend(order_1_entry_addend),
    .order_entry_use(order_1_entry_use),
    .order_entry_minus(order_1_entry_minus),
    .order_entry_halved(order_1_entry_halved),
    .order_entry_store(order_1_entry_store),
    .order_entry_reduced(order_1_entry_reduced),
    .order_entry_retire(order_1_entry_retire),
    .order_entry_ends(order_1_entry_ends),
    .order_entry_coefficient(order_1_entry_coefficient),
    .order_entry_shift(order_1_entry_shift),
    .sample_data(sample_1_data),
    .sample_first(sample_1_first),
    .sample_last(sample_1_last),
    .product(products_1),
    .multiplies_entry_coefficient(factors_1_coefficient),
    .writes_entry_ends(valid_3),
    .writes_owner_first(first_2),
    .writes_owner_last(last_2),
    .gathered_0(words_0_2),
    .outputs(words_1_2),
    .operand(factors_1_operand),
    .row(row_2)
  );

  always @(posedge clk)
    if (rst) begin
      sample_0_data <= 4'd0;
      sample_0_first <= 1'b0;
      sample_0_last <= 1'b0;
    end else if (advance && both && !filled) begin
      sample_0_data <= sample_data;
      sample_0_first <= sample_first;
      sample_0_last <= sample_last;
    end
  always @(posedge clk)
    if (rst) begin
      sample_1_data <= 4'd0;
      sample_1_first <= 1'b0;
      sample_1_last <= 1'b0;
    end else if (advance && (both && (!(!filled) && filled))) begin
      sample_1_data <= sample_data;
      sample_1_first <= sample_first;
      sample_1_last <= sample_last;
    end
  always @(posedge clk)
    if (rst) filled <= 1'b0;
    else if (advance && both) filled <= filled ? 1'b0 : filled + 1'b1;
  always @(posedge clk)
    if (rst) begin
      order_0_starts <= 1'b0;
      order_0_fresh <= 1'b0;
      order_0_entry_row <= 1'b0;
      order_0_entry_base <= 3'd0;
      order_0_entry_addend <= 2'd0;
      order_0_entry_use <= 1'b0;
      order_0_entry_minus <= 1'b0;
      order_0_entry_halved <= 1'b0;
      order_0_entry_store <= 1'b0;
      order_0_entry_reduced <= 1'b0;
      order_0_entry_retire <= 1'b0;
      order_0_entry_ends <= 1'b0;
      order_0_entry_coefficient <= 6'd0;
      order_0_entry_shift <= 1'b0;
      order_1_starts <= 1'b0;
      order_1_fresh <= 1'b0;
      order_1_entry_row <= 1'b0;
      order_1_entry_base <= 3'd0;
      order_1_entry_addend <= 2'd0;
      order_1_entry_use <= 1'b0;
      order_1_entry_minus <= 1'b0;
      order_1_entry_halved <= 1'b0;
      order_1_entry_store <= 1'b0;
      order_1_entry_reduced <= 1'b0;
      order_1_entry_retire <= 1'b0;
      order_1_entry_ends <= 1'b0;
      order_1_entry_coefficient <= 6'd0;
      order_1_entry_shift <= 1'b0;
    end else if (advance) begin
      order_0_starts <= order_starts;
      order_0_fresh <= order_fresh;
      order_0_entry_row <= chosen[0];
      order_0_entry_base <= chosen[3:1];
      order_0_entry_addend <= chosen[5:4];
      order_0_entry_use <= chosen[6];
      order_0_entry_minus <= chosen[7];
      order_0_entry_halved <= chosen[8];
      order_0_entry_store <= chosen[9];
      order_0_entry_reduced <= chosen[10];
      order_0_entry_retire <= chosen[11];
      order_0_entry_ends <= chosen[12];
      order_0_entry_coefficient <= chosen[18:13];
      order_0_entry_shift <= chosen[19];
      order_1_starts <= order_0_starts;
      order_1_fresh <= order_0_fresh;
      order_1_entry_row <= order_0_entry_row;
      order_1_entry_base <= order_0_entry_base;
      order_1_entry_addend <= order_0_entry_addend;
      order_1_entry_use <= order_0_entry_use;
      order_1_entry_minus <= order_0_entry_minus;
      order_1_entry_halved <= order_0_entry_halved;
      order_1_entry_store <= order_0_entry_store;
      order_1_entry_reduced <= order_0_entry_reduced;
      order_1_entry_retire <= order_0_entry_retire;
      order_1_entry_ends <= order_0_entry_ends;
      order_1_entry_coefficient <= order_0_entry_coefficient;
      order_1_entry_shift <= order_0_entry_shift;
    end
endmodule

// One multiplier, a recurrence around it, and what it stores of each row for later.
module lmu_memory_pipeline_pipeline_lane_0 (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  input  wire        order_starts,
  input  wire        order_fresh,
  input  wire        order_entry_row,
  input  wire [2:0]  order_entry_base,
  input  wire [1:0]  order_entry_addend,
  input  wire        order_entry_use,
  input  wire        order_entry_minus,
  input  wire        order_entry_halved,
  input  wire        order_entry_store,
  input  wire        order_entry_reduced,
  input  wire        order_entry_retire,
  input  wire        order_entry_ends,
  input  wire [5:0]  order_entry_coefficient,
  input  wire        order_entry_shift,
  input  wire [3:0]  sample_data,
  input  wire        sample_first,
  input  wire        sample_last,
  input  wire [16:0] product,
  output reg  [5:0]  multiplies_entry_coefficient = 6'd0,
  output reg         writes_entry_ends = 1'b0,
  output reg         writes_owner_first = 1'b0,
  output reg         writes_owner_last = 1'b0,
  output reg  [6:0]  gathered_0 = 7'd0,
  output wire [6:0]  outputs,
  output reg  [10:0] operand = 11'd0,
  output wire        row
);
  reg [6:0] words [0:1];
  initial begin
    words[0] = 7'd0;
    words[1] = 7'd0;
  end
  reg [6:0] read_word_data;
  reg [10:0] stored [0:1];
  initial begin
    stored[0] = 11'd0;
    stored[1] = 11'd0;
  end
  reg [10:0] read_stored_data;
  reg [3:0] sample = 4'd0;
  reg signal_fresh = 1'b0;
  reg signal_first = 1'b0;
  reg signal_last = 1'b0;
  reg bases_entry_row = 1'b0;
  reg [2:0] bases_entry_base = 3'd0;
  reg [1:0] bases_entry_addend = 2'd0;
  reg bases_entry_use = 1'b0;
  reg bases_entry_minus = 1'b0;
  reg bases_entry_halved = 1'b0;
  reg bases_entry_store = 1'b0;
  reg bases_entry_reduced = 1'b0;
  reg bases_entry_retire = 1'b0;
  reg bases_entry_ends = 1'b0;
  reg [5:0] bases_entry_coefficient = 6'd0;
  reg bases_entry_shift = 1'b0;
  reg bases_owner_fresh = 1'b0;
  reg bases_owner_first = 1'b0;
  reg bases_owner_last = 1'b0;
  reg operates_entry_row = 1'b0;
  reg operates_entry_use = 1'b0;
  reg operates_entry_minus = 1'b0;
  reg operates_entry_halved = 1'b0;
  reg operates_entry_store = 1'b0;
  reg operates_entry_reduced = 1'b0;
  reg operates_entry_retire = 1'b0;
  reg operates_entry_ends = 1'b0;
  reg [5:0] operates_entry_coefficient = 6'd0;
  reg operates_entry_shift = 1'b0;
  reg operates_owner_fresh = 1'b0;
  reg operates_owner_first = 1'b0;
  reg operates_owner_last = 1'b0;
  reg multiplies_entry_row = 1'b0;
  reg multiplies_entry_store = 1'b0;
  reg multiplies_entry_reduced = 1'b0;
  reg multiplies_entry_retire = 1'b0;
  reg multiplies_entry_ends = 1'b0;
  reg multiplies_entry_shift = 1'b0;
  reg multiplies_owner_first = 1'b0;
  reg multiplies_owner_last = 1'b0;
  reg rounds_entry_row = 1'b0;
  reg rounds_entry_store = 1'b0;
  reg rounds_entry_reduced = 1'b0;
  reg rounds_entry_retire = 1'b0;
  reg rounds_entry_ends = 1'b0;
  reg rounds_entry_shift = 1'b0;
  reg rounds_owner_first = 1'b0;
  reg rounds_owner_last = 1'b0;
  reg writes_entry_row = 1'b0;
  reg writes_entry_store = 1'b0;
  reg writes_entry_retire = 1'b0;
  reg [11:0] begun = 12'd0;
  reg [10:0] before_ = 11'd0;
  reg [10:0] kept = 11'd0;

  wire [6:0] chosen = bases_owner_fresh ? 7'd0 : read_word_data;
  wire [10:0] value =
      bases_entry_base == 3'd1 ? {chosen[6], chosen, 3'd0} :
      bases_entry_base == 3'd2 ? read_stored_data :
      bases_entry_base == 3'd3 ? before_ :
      bases_entry_base == 3'd4 ? 11'd1 :
      11'd0;
  wire [10:0] addend =
      bases_entry_addend == 2'd1 ? {{2{sample[3]}}, sample, 5'd0} :
      bases_entry_addend == 2'd2 ? operand :
      bases_entry_addend == 2'd3 ? operand :
      11'd0;
  wire minus =
      bases_entry_addend == 2'd1 ? 1'b1 :
      bases_entry_addend == 2'd3 ? 1'b1 :
      1'b0;
  wire [16:0] shifted = $signed({{10{product[16]}}, product[16:10]}) >>> rounds_entry_shift;
  wire [11:0] inverse = ~shifted[12:1];
  wire [11:0] chosen_2 =
      operates_entry_use ? (operates_entry_minus ? inverse : shifted[12:1]) :
      12'd0;
  wire [11:0] total = (begun + chosen_2) + {11'd0, operates_entry_use & (shifted[0] ^ operates_entry_minus)};
  wire [15:0] increment = product[15:0] << rounds_entry_shift;
  assign row = writes_entry_row - 1'b1;
  wire now_fresh = order_starts ? order_fresh | sample_first : signal_fresh;
  wire now_first = order_starts ? sample_first : signal_first;
  wire now_last = order_starts ? sample_last : signal_last;
  wire [11:0] difference = $signed(value) - $signed(addend);
  wire [11:0] sum = $signed(value) + $signed(addend);

  // Add an increment to `lanes` accumulators per cycle and narrow them to state words.
  lmu_memory_pipeline_pipeline_lane_0_bank bank (
    .fetch(operates_entry_row),
    .increment(increment),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .fetch_fresh(operates_owner_fresh),
    .apply_slot(rounds_entry_row),
    .apply(rounds_entry_retire),
    .outputs(outputs)
  );

  always @(posedge clk)
    if (advance & writes_entry_retire) words[writes_entry_row] <= outputs;
  always @(posedge clk)
    if (advance) begin
      read_word_data <= words[order_entry_row];
      if ((advance & writes_entry_retire) && writes_entry_row == order_entry_row) read_word_data <= outputs;
    end
  always @(posedge clk)
    if (advance & writes_entry_store) stored[writes_entry_row] <= kept;
  always @(posedge clk)
    if (advance) begin
      read_stored_data <= stored[order_entry_row];
      if ((advance & writes_entry_store) && writes_entry_row == order_entry_row) read_stored_data <= kept;
    end
  always @(posedge clk)
    if (rst) sample <= 4'd0;
    else if (advance && order_starts) sample <= sample_data;
  always @(posedge clk)
    if (rst) begin
      signal_fresh <= 1'b0;
      signal_first <= 1'b0;
      signal_last <= 1'b0;
      bases_entry_row <= 1'b0;
      bases_entry_base <= 3'd0;
      bases_entry_addend <= 2'd0;
      bases_entry_use <= 1'b0;
      bases_entry_minus <= 1'b0;
      bases_entry_halved <= 1'b0;
      bases_entry_store <= 1'b0;
      bases_entry_reduced <= 1'b0;
      bases_entry_retire <= 1'b0;
      bases_entry_ends <= 1'b0;
      bases_entry_coefficient <= 6'd0;
      bases_entry_shift <= 1'b0;
      bases_owner_fresh <= 1'b0;
      bases_owner_first <= 1'b0;
      bases_owner_last <= 1'b0;
      operates_entry_row <= 1'b0;
      operates_entry_use <= 1'b0;
      operates_entry_minus <= 1'b0;
      operates_entry_halved <= 1'b0;
      operates_entry_store <= 1'b0;
      operates_entry_reduced <= 1'b0;
      operates_entry_retire <= 1'b0;
      operates_entry_ends <= 1'b0;
      operates_entry_coefficient <= 6'd0;
      operates_entry_shift <= 1'b0;
      operates_owner_fresh <= 1'b0;
      operates_owner_first <= 1'b0;
      operates_owner_last <= 1'b0;
      multiplies_entry_row <= 1'b0;
      multiplies_entry_store <= 1'b0;
      multiplies_entry_reduced <= 1'b0;
      multiplies_entry_retire <= 1'b0;
      multiplies_entry_ends <= 1'b0;
      multiplies_entry_coefficient <= 6'd0;
      multiplies_entry_shift <= 1'b0;
      multiplies_owner_first <= 1'b0;
      multiplies_owner_last <= 1'b0;
      rounds_entry_row <= 1'b0;
      rounds_entry_store <= 1'b0;
      rounds_entry_reduced <= 1'b0;
      rounds_entry_retire <= 1'b0;
      rounds_entry_ends <= 1'b0;
      rounds_entry_shift <= 1'b0;
      rounds_owner_first <= 1'b0;
      rounds_owner_last <= 1'b0;
      writes_entry_row <= 1'b0;
      writes_entry_store <= 1'b0;
      writes_entry_retire <= 1'b0;
      writes_entry_ends <= 1'b0;
      writes_owner_first <= 1'b0;
      writes_owner_last <= 1'b0;
      begun <= 12'd0;
      operand <= 11'd0;
      before_ <= 11'd0;
      kept <= 11'd0;
    end else if (advance) begin
      signal_fresh <= now_fresh;
      signal_first <= now_first;
      signal_last <= now_last;
      bases_entry_row <= order_entry_row;
      bases_entry_base <= order_entry_base;
      bases_entry_addend <= order_entry_addend;
      bases_entry_use <= order_entry_use;
      bases_entry_minus <= order_entry_minus;
      bases_entry_halved <= order_entry_halved;
      bases_entry_store <= order_entry_store;
      bases_entry_reduced <= order_entry_reduced;
      bases_entry_retire <= order_entry_retire;
      bases_entry_ends <= order_entry_ends;
      bases_entry_coefficient <= order_entry_coefficient;
      bases_entry_shift <= order_entry_shift;
      bases_owner_fresh <= now_fresh;
      bases_owner_first <= now_first;
      bases_owner_last <= now_last;
      operates_entry_row <= bases_entry_row;
      operates_entry_use <= bases_entry_use;
      operates_entry_minus <= bases_entry_minus;
      operates_entry_halved <= bases_entry_halved;
      operates_entry_store <= bases_entry_store;
      operates_entry_reduced <= bases_entry_reduced;
      operates_entry_retire <= bases_entry_retire;
      operates_entry_ends <= bases_entry_ends;
      operates_entry_coefficient <= bases_entry_coefficient;
      operates_entry_shift <= bases_entry_shift;
      operates_owner_fresh <= bases_owner_fresh;
      operates_owner_first <= bases_owner_first;
      operates_owner_last <= bases_owner_last;
      multiplies_entry_row <= operates_entry_row;
      multiplies_entry_store <= operates_entry_store;
      multiplies_entry_reduced <= operates_entry_reduced;
      multiplies_entry_retire <= operates_entry_retire;
      multiplies_entry_ends <= operates_entry_ends;
      multiplies_entry_coefficient <= operates_entry_coefficient;
      multiplies_entry_shift <= operates_entry_shift;
      multiplies_owner_first <= operates_owner_first;
      multiplies_owner_last <= operates_owner_last;
      rounds_entry_row <= multiplies_entry_row;
      rounds_entry_store <= multiplies_entry_store;
      rounds_entry_reduced <= multiplies_entry_reduced;
      rounds_entry_retire <= multiplies_entry_retire;
      rounds_entry_ends <= multiplies_entry_ends;
      rounds_entry_shift <= multiplies_entry_shift;
      rounds_owner_first <= multiplies_owner_first;
      rounds_owner_last <= multiplies_owner_last;
      writes_entry_row <= rounds_entry_row;
      writes_entry_store <= rounds_entry_store;
      writes_entry_retire <= rounds_entry_retire;
      writes_entry_ends <= rounds_entry_ends;
      writes_owner_first <= rounds_owner_first;
      writes_owner_last <= rounds_owner_last;
      begun <= minus ? difference : sum;
      operand <= operates_entry_halved ? total[11:1] : total[10:0];
      before_ <= operand;
      kept <= (before_ + (rounds_entry_reduced ? inverse[10:0] : 11'd0)) + {10'd0, rounds_entry_reduced &
          ~shifted[0]};
    end
  always @(posedge clk)
    if (rst) gathered_0 <= 7'd0;
    else if (advance && writes_entry_retire) gathered_0 <= outputs;
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_lane_0_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire        fetch,
  input  wire [15:0] increment,
  input  wire        advance,
  input  wire        fetch_fresh,
  input  wire        apply_slot,
  input  wire        apply,
  output reg  [6:0]  outputs = 7'd0
);
  reg [31:0] store [0:1];
  initial begin
    store[0] = 32'd0;
    store[1] = 32'd0;
  end
  reg [31:0] read_data;
  reg fresh = 1'b0;
  reg write_addr = 1'b0;
  reg write_en = 1'b0;
  reg [19:0] accumulator_0 = 20'd0;
  reg [18:0] base_0 = 19'd0;
  reg [31:0] write_data = 32'd0;

  wire [16:0] sum = $signed(increment) + 17'sd1;
  wire [19:0] sum_0 = $signed(accumulator_0) + $signed(sum[16:1]);
  wire [18:0] value_0 = $signed(base_0) + $signed(sum[16:1]);
  wire [31:0] chosen = fresh ? 32'd0 : read_data;
  wire [18:0] sum_2 = $signed(chosen[18:0]) + $signed(chosen[31:20]);

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
      write_addr <= 1'b0;
      write_en <= 1'b0;
      accumulator_0 <= 20'd0;
      base_0 <= 19'd0;
      outputs <= 7'd0;
      write_data <= 32'd0;
    end else if (advance) begin
      fresh <= fetch_fresh;
      write_addr <= apply_slot;
      write_en <= apply;
      accumulator_0 <= chosen[19:0];
      base_0 <= sum_2 + 19'h800;
      outputs <= value_0[18:12];
      write_data <= {~value_0[11], value_0[10:0], sum_0};
    end
endmodule

// Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
module lmu_memory_pipeline_pipeline_sequencer (
  input  wire       clk,
  input  wire       rst,
  input  wire       advance,
  input  wire       valid,
  output wire [3:0] next_slot,
  output wire       issue,
  output wire       starts,
  output wire       fresh,
  output wire       ready
);
  reg awake = 1'b0;
  reg [3:0] slot = 4'd0;
  reg held_fresh = 1'b0;
  reg started = 1'b0;
  reg [1:0] waiting = 2'd0;

  assign starts = slot == 4'd0;
  assign ready = starts & (waiting == 2'd0) & awake;
  assign issue = starts ? valid & ready : 1'b1;
  wire ends = issue & (slot == 4'hb);
  assign fresh = starts ? ~started : held_fresh;
  assign next_slot = ends ? 4'd0 : slot + {3'd0, issue};

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
