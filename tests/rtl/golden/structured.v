// lmu_memory: Legendre memory, structured datapath.
// order 4, theta 1.0 s, dt 0.01 s, zoh step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 1 multiplier(s), 1 channel(s)
// Made by: golden
// The zero-order hold with fewer products than its matrix has entries, `lanes` channels in step.
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
  wire [5:0] factors_coefficient;
  reg [22:0] table_ [0:15];
  initial begin
    table_[0] = 23'h15838c;
    table_[1] = 23'h160185;
    table_[2] = 23'h160186;
    table_[3] = 23'h16e187;
    table_[4] = 23'h2f078c;
    table_[5] = 23'h310585;
    table_[6] = 23'h308586;
    table_[7] = 23'h31e587;
    table_[8] = 23'h538b8c;
    table_[9] = 23'h4d0985;
    table_[10] = 23'h530986;
    table_[11] = 23'h546987;
    table_[12] = 23'h688f8c;
    table_[13] = 23'h778d85;
    table_[14] = 23'h688d86;
    table_[15] = 23'h776d87;
  end
  reg [22:0] table_word;
  reg [13:0] products = 14'd0;

  lmu_memory_pipeline_pipeline pipeline (
    .valid(valid),
    .entry_operand(table_word[1:0]),
    .entry_state(table_word[2]),
    .entry_input(table_word[3]),
    .entry_carry(table_word[5:4]),
    .entry_adds(table_word[6]),
    .entry_carry_state(table_word[7]),
    .entry_carry_input(table_word[8]),
    .entry_opens(table_word[9]),
    .entry_row(table_word[11:10]),
    .entry_store(table_word[12]),
    .entry_retire(table_word[13]),
    .entry_ends(table_word[14]),
    .entry_coefficient(table_word[20:15]),
    .entry_shift(table_word[22:21]),
    .product(products),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .sample_data(sample_data),
    .sample_first(sample_first),
    .sample_last(sample_last),
    .address(address),
    .ready(ready),
    .factors_operand(factors_operand),
    .factors_coefficient(factors_coefficient),
    .beat_valid(beat_valid),
    .beat_data(beat_data),
    .beat_index(beat_index),
    .beat_first(beat_first),
    .beat_last(beat_last)
  );

  always @(posedge clk)
    if (advance) table_word <= table_[address];
  always @(posedge clk)
    if (rst) products <= 14'd0;
    else if (advance) products <= $signed(factors_operand) * $signed(factors_coefficient);
endmodule

module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        valid,
  input  wire [1:0]  entry_operand,
  input  wire        entry_state,
  input  wire        entry_input,
  input  wire [1:0]  entry_carry,
  input  wire        entry_adds,
  input  wire        entry_carry_state,
  input  wire        entry_carry_input,
  input  wire        entry_opens,
  input  wire [1:0]  entry_row,
  input  wire        entry_store,
  input  wire        entry_retire,
  input  wire        entry_ends,
  input  wire [5:0]  entry_coefficient,
  input  wire [1:0]  entry_shift,
  input  wire [13:0] product,
  input  wire        advance,
  input  wire [3:0]  sample_data,
  input  wire        sample_first,
  input  wire        sample_last,
  output wire [3:0]  address,
  output wire        ready,
  output wire [7:0]  factors_operand,
  output wire [5:0]  factors_coefficient,
  output wire        beat_valid,
  output wire [6:0]  beat_data,
  output wire [1:0]  beat_index,
  output wire        beat_first,
  output wire        beat_last
);
  wire issue;
  wire starts;
  wire order_fresh;
  wire ends;
  wire [1:0] row;
  wire valid_2;
  wire first;
  wire last;
  wire [6:0] words;
  reg [3:0] sample_0_data = 4'd0;
  reg sample_0_first = 1'b0;
  reg sample_0_last = 1'b0;
  reg bank = 1'b0;
  reg order_0_starts = 1'b0;
  reg order_0_fresh = 1'b0;
  reg order_0_bank = 1'b0;
  reg [1:0] order_0_entry_operand = 2'd0;
  reg order_0_entry_state = 1'b0;
  reg order_0_entry_input = 1'b0;
  reg [1:0] order_0_entry_carry = 2'd0;
  reg order_0_entry_adds = 1'b0;
  reg order_0_entry_carry_state = 1'b0;
  reg order_0_entry_carry_input = 1'b0;
  reg order_0_entry_opens = 1'b0;
  reg [1:0] order_0_entry_row = 2'd0;
  reg order_0_entry_store = 1'b0;
  reg order_0_entry_retire = 1'b0;
  reg order_0_entry_ends = 1'b0;
  reg [5:0] order_0_entry_coefficient = 6'd0;
  reg [1:0] order_0_entry_shift = 2'd0;

  assign beat_valid = valid_2 ? 1'b1 : 1'b0;
  wire order_starts = issue & starts;
  wire [22:0] chosen =
      issue ? {entry_shift, entry_coefficient, entry_ends, entry_retire, entry_store, entry_row, entry_opens,
          entry_carry_input, entry_carry_state, entry_adds, entry_carry, entry_input, entry_state,
          entry_operand} :
      23'd0;
  assign beat_data = valid_2 ? words : 7'd0;
  assign beat_index = valid_2 ? row : 2'd0;
  assign beat_first = valid_2 ? first : 1'b0;
  assign beat_last = valid_2 ? last : 1'b0;

  // Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .valid(valid),
    .next_slot(address),
    .issue(issue),
    .starts(starts),
    .fresh(order_fresh),
    .ends(ends),
    .ready(ready)
  );
  // One multiplier, an accumulator, and the words between.
  lmu_memory_pipeline_pipeline_lane_0 lane_0 (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .order_starts(order_0_starts),
    .order_fresh(order_0_fresh),
    .order_bank(order_0_bank),
    .order_entry_operand(order_0_entry_operand),
    .order_entry_state(order_0_entry_state),
    .order_entry_input(order_0_entry_input),
    .order_entry_carry(order_0_entry_carry),
    .order_entry_adds(order_0_entry_adds),
    .order_entry_carry_state(order_0_entry_carry_state),
    .order_entry_carry_input(order_0_entry_carry_input),
    .order_entry_opens(order_0_entry_opens),
    .order_entry_row(order_0_entry_row),
    .order_entry_store(order_0_entry_store),
    .order_entry_retire(order_0_entry_retire),
    .order_entry_ends(order_0_entry_ends),
    .order_entry_coefficient(order_0_entry_coefficient),
    .order_entry_shift(order_0_entry_shift),
    .sample_data(sample_0_data),
    .sample_first(sample_0_first),
    .sample_last(sample_0_last),
    .product(product),
    .multiplies_entry_coefficient(factors_coefficient),
    .retires_entry_row(row),
    .retires_entry_ends(valid_2),
    .retires_owner_first(first),
    .retires_owner_last(last),
    .operand(factors_operand),
    .words(words)
  );

  always @(posedge clk)
    if (rst) begin
      sample_0_data <= 4'd0;
      sample_0_first <= 1'b0;
      sample_0_last <= 1'b0;
    end else if (advance && (valid & ready)) begin
      sample_0_data <= sample_data;
      sample_0_first <= sample_first;
      sample_0_last <= sample_last;
    end
  always @(posedge clk)
    if (rst) begin
      bank <= 1'b0;
      order_0_starts <= 1'b0;
      order_0_fresh <= 1'b0;
      order_0_bank <= 1'b0;
      order_0_entry_operand <= 2'd0;
      order_0_entry_state <= 1'b0;
      order_0_entry_input <= 1'b0;
      order_0_entry_carry <= 2'd0;
      order_0_entry_adds <= 1'b0;
      order_0_entry_carry_state <= 1'b0;
      order_0_entry_carry_input <= 1'b0;
      order_0_entry_opens <= 1'b0;
      order_0_entry_row <= 2'd0;
      order_0_entry_store <= 1'b0;
      order_0_entry_retire <= 1'b0;
      order_0_entry_ends <= 1'b0;
      order_0_entry_coefficient <= 6'd0;
      order_0_entry_shift <= 2'd0;
    end else if (advance) begin
      bank <= bank ^ ends;
      order_0_starts <= order_starts;
      order_0_fresh <= order_fresh;
      order_0_bank <= bank;
      order_0_entry_operand <= chosen[1:0];
      order_0_entry_state <= chosen[2];
      order_0_entry_input <= chosen[3];
      order_0_entry_carry <= chosen[5:4];
      order_0_entry_adds <= chosen[6];
      order_0_entry_carry_state <= chosen[7];
      order_0_entry_carry_input <= chosen[8];
      order_0_entry_opens <= chosen[9];
      order_0_entry_row <= chosen[11:10];
      order_0_entry_store <= chosen[12];
      order_0_entry_retire <= chosen[13];
      order_0_entry_ends <= chosen[14];
      order_0_entry_coefficient <= chosen[20:15];
      order_0_entry_shift <= chosen[22:21];
    end
endmodule

// One multiplier, an accumulator, and the words between.
module lmu_memory_pipeline_pipeline_lane_0 (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  input  wire        order_starts,
  input  wire        order_fresh,
  input  wire        order_bank,
  input  wire [1:0]  order_entry_operand,
  input  wire        order_entry_state,
  input  wire        order_entry_input,
  input  wire [1:0]  order_entry_carry,
  input  wire        order_entry_adds,
  input  wire        order_entry_carry_state,
  input  wire        order_entry_carry_input,
  input  wire        order_entry_opens,
  input  wire [1:0]  order_entry_row,
  input  wire        order_entry_store,
  input  wire        order_entry_retire,
  input  wire        order_entry_ends,
  input  wire [5:0]  order_entry_coefficient,
  input  wire [1:0]  order_entry_shift,
  input  wire [3:0]  sample_data,
  input  wire        sample_first,
  input  wire        sample_last,
  input  wire [13:0] product,
  output reg  [5:0]  multiplies_entry_coefficient = 6'd0,
  output reg  [1:0]  retires_entry_row = 2'd0,
  output reg         retires_entry_ends = 1'b0,
  output reg         retires_owner_first = 1'b0,
  output reg         retires_owner_last = 1'b0,
  output reg  [7:0]  operand = 8'd0,
  output wire [6:0]  words
);
  reg [6:0] words_2 [0:7];
  initial begin
    words_2[0] = 7'd0;
    words_2[1] = 7'd0;
    words_2[2] = 7'd0;
    words_2[3] = 7'd0;
    words_2[4] = 7'd0;
    words_2[5] = 7'd0;
    words_2[6] = 7'd0;
    words_2[7] = 7'd0;
  end
  reg [6:0] read_word_data;
  reg [6:0] read_word_data_2;
  reg [7:0] between [0:0];
  initial begin
    between[0] = 8'd0;
  end
  reg [7:0] read_between_data;
  reg [7:0] read_between_data_2;
  reg [3:0] sample = 4'd0;
  reg [3:0] like = 4'd0;
  reg [3:0] of_carry = 4'd0;
  reg signal_bank = 1'b0;
  reg signal_fresh = 1'b0;
  reg signal_first = 1'b0;
  reg signal_last = 1'b0;
  reg factors_entry_state = 1'b0;
  reg factors_entry_input = 1'b0;
  reg [1:0] factors_entry_carry = 2'd0;
  reg factors_entry_adds = 1'b0;
  reg factors_entry_carry_state = 1'b0;
  reg factors_entry_carry_input = 1'b0;
  reg factors_entry_opens = 1'b0;
  reg [1:0] factors_entry_row = 2'd0;
  reg factors_entry_store = 1'b0;
  reg factors_entry_retire = 1'b0;
  reg factors_entry_ends = 1'b0;
  reg [5:0] factors_entry_coefficient = 6'd0;
  reg [1:0] factors_entry_shift = 2'd0;
  reg factors_owner_bank = 1'b0;
  reg factors_owner_fresh = 1'b0;
  reg factors_owner_first = 1'b0;
  reg factors_owner_last = 1'b0;
  reg [1:0] multiplies_entry_carry = 2'd0;
  reg multiplies_entry_adds = 1'b0;
  reg multiplies_entry_carry_state = 1'b0;
  reg multiplies_entry_carry_input = 1'b0;
  reg multiplies_entry_opens = 1'b0;
  reg [1:0] multiplies_entry_row = 2'd0;
  reg multiplies_entry_store = 1'b0;
  reg multiplies_entry_retire = 1'b0;
  reg multiplies_entry_ends = 1'b0;
  reg [1:0] multiplies_entry_shift = 2'd0;
  reg multiplies_owner_bank = 1'b0;
  reg multiplies_owner_fresh = 1'b0;
  reg multiplies_owner_first = 1'b0;
  reg multiplies_owner_last = 1'b0;
  reg sums_entry_adds = 1'b0;
  reg sums_entry_carry_state = 1'b0;
  reg sums_entry_carry_input = 1'b0;
  reg sums_entry_opens = 1'b0;
  reg [1:0] sums_entry_row = 2'd0;
  reg sums_entry_store = 1'b0;
  reg sums_entry_retire = 1'b0;
  reg sums_entry_ends = 1'b0;
  reg [1:0] sums_entry_shift = 2'd0;
  reg sums_owner_bank = 1'b0;
  reg sums_owner_fresh = 1'b0;
  reg sums_owner_first = 1'b0;
  reg sums_owner_last = 1'b0;
  reg [1:0] rounds_entry_row = 2'd0;
  reg rounds_entry_store = 1'b0;
  reg rounds_entry_retire = 1'b0;
  reg rounds_entry_ends = 1'b0;
  reg [1:0] rounds_entry_shift = 2'd0;
  reg rounds_owner_bank = 1'b0;
  reg rounds_owner_first = 1'b0;
  reg rounds_owner_last = 1'b0;
  reg [1:0] writes_entry_row = 2'd0;
  reg writes_entry_store = 1'b0;
  reg writes_entry_retire = 1'b0;
  reg writes_entry_ends = 1'b0;
  reg writes_owner_bank = 1'b0;
  reg writes_owner_first = 1'b0;
  reg writes_owner_last = 1'b0;
  reg retires_entry_retire = 1'b0;
  reg retires_owner_bank = 1'b0;
  reg [15:0] total = 16'd0;
  reg [7:0] carry = 8'd0;
  reg [7:0] value = 8'd0;
  reg [15:0] increment = 16'd0;

  wire [16:0] shifted = $signed({total, 1'b0}) >>> rounds_entry_shift;
  wire now_bank = order_starts ? order_bank : signal_bank;
  wire now_fresh = order_starts ? order_fresh | sample_first : signal_fresh;
  wire now_first = order_starts ? sample_first : signal_first;
  wire now_last = order_starts ? sample_last : signal_last;
  wire [7:0] difference = $signed(factors_owner_fresh ? 7'd0 : read_word_data_2) -
      $signed({factors_entry_input ? sample : 4'd0, 2'd0});
  wire [7:0] difference_2 = $signed(sums_owner_fresh ? 7'd0 : read_word_data) -
      $signed({sums_entry_carry_input ? of_carry : 4'd0, 2'd0});
  wire [15:0] shifted_2 = total << rounds_entry_shift;

  // Add an increment to `lanes` accumulators per cycle and narrow them to state words.
  lmu_memory_pipeline_pipeline_lane_0_bank bank (
    .fetch(sums_entry_row),
    .increment(increment),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .fetch_fresh(sums_owner_fresh),
    .apply_slot(writes_entry_row),
    .apply(writes_entry_retire),
    .outputs(words)
  );

  always @(posedge clk)
    if (advance & retires_entry_retire) words_2[{retires_entry_row, ~retires_owner_bank}] <= words;
  always @(posedge clk)
    if (advance) begin
      read_word_data <= words_2[{multiplies_entry_carry, multiplies_owner_bank}];
      if ((advance & retires_entry_retire) && {retires_entry_row, ~retires_owner_bank} ==
          {multiplies_entry_carry, multiplies_owner_bank}) read_word_data <= words;
    end
  always @(posedge clk)
    if (advance) begin
      read_word_data_2 <= words_2[{order_entry_operand, now_bank}];
      if ((advance & retires_entry_retire) && {retires_entry_row, ~retires_owner_bank} ==
          {order_entry_operand, now_bank}) read_word_data_2 <= words;
    end
  always @(posedge clk)
    if (advance & writes_entry_store) between[0] <= value;
  always @(posedge clk)
    if (advance) begin
      read_between_data <= between[0];
      if (advance & writes_entry_store) read_between_data <= value;
    end
  always @(posedge clk)
    if (advance) begin
      read_between_data_2 <= between[0];
      if (advance & writes_entry_store) read_between_data_2 <= value;
    end
  always @(posedge clk)
    if (rst) sample <= 4'd0;
    else if (advance && order_starts) sample <= sample_data;
  always @(posedge clk)
    if (rst) begin
      like <= 4'd0;
      of_carry <= 4'd0;
      signal_bank <= 1'b0;
      signal_fresh <= 1'b0;
      signal_first <= 1'b0;
      signal_last <= 1'b0;
      factors_entry_state <= 1'b0;
      factors_entry_input <= 1'b0;
      factors_entry_carry <= 2'd0;
      factors_entry_adds <= 1'b0;
      factors_entry_carry_state <= 1'b0;
      factors_entry_carry_input <= 1'b0;
      factors_entry_opens <= 1'b0;
      factors_entry_row <= 2'd0;
      factors_entry_store <= 1'b0;
      factors_entry_retire <= 1'b0;
      factors_entry_ends <= 1'b0;
      factors_entry_coefficient <= 6'd0;
      factors_entry_shift <= 2'd0;
      factors_owner_bank <= 1'b0;
      factors_owner_fresh <= 1'b0;
      factors_owner_first <= 1'b0;
      factors_owner_last <= 1'b0;
      multiplies_entry_carry <= 2'd0;
      multiplies_entry_adds <= 1'b0;
      multiplies_entry_carry_state <= 1'b0;
      multiplies_entry_carry_input <= 1'b0;
      multiplies_entry_opens <= 1'b0;
      multiplies_entry_row <= 2'd0;
      multiplies_entry_store <= 1'b0;
      multiplies_entry_retire <= 1'b0;
      multiplies_entry_ends <= 1'b0;
      multiplies_entry_coefficient <= 6'd0;
      multiplies_entry_shift <= 2'd0;
      multiplies_owner_bank <= 1'b0;
      multiplies_owner_fresh <= 1'b0;
      multiplies_owner_first <= 1'b0;
      multiplies_owner_last <= 1'b0;
      sums_entry_adds <= 1'b0;
      sums_entry_carry_state <= 1'b0;
      sums_entry_carry_input <= 1'b0;
      sums_entry_opens <= 1'b0;
      sums_entry_row <= 2'd0;
      sums_entry_store <= 1'b0;
      sums_entry_retire <= 1'b0;
      sums_entry_ends <= 1'b0;
      sums_entry_shift <= 2'd0;
      sums_owner_bank <= 1'b0;
      sums_owner_fresh <= 1'b0;
      sums_owner_first <= 1'b0;
      sums_owner_last <= 1'b0;
      rounds_entry_row <= 2'd0;
      rounds_entry_store <= 1'b0;
      rounds_entry_retire <= 1'b0;
      rounds_entry_ends <= 1'b0;
      rounds_entry_shift <= 2'd0;
      rounds_owner_bank <= 1'b0;
      rounds_owner_first <= 1'b0;
      rounds_owner_last <= 1'b0;
      writes_entry_row <= 2'd0;
      writes_entry_store <= 1'b0;
      writes_entry_retire <= 1'b0;
      writes_entry_ends <= 1'b0;
      writes_owner_bank <= 1'b0;
      writes_owner_first <= 1'b0;
      writes_owner_last <= 1'b0;
      retires_entry_row <= 2'd0;
      retires_entry_retire <= 1'b0;
      retires_entry_ends <= 1'b0;
      retires_owner_bank <= 1'b0;
      retires_owner_first <= 1'b0;
      retires_owner_last <= 1'b0;
      operand <= 8'd0;
      total <= 16'd0;
      carry <= 8'd0;
      value <= 8'd0;
      increment <= 16'd0;
    end else if (advance) begin
      like <= sample;
      of_carry <= like;
      signal_bank <= now_bank;
      signal_fresh <= now_fresh;
      signal_first <= now_first;
      signal_last <= now_last;
      factors_entry_state <= order_entry_state;
      factors_entry_input <= order_entry_input;
      factors_entry_carry <= order_entry_carry;
      factors_entry_adds <= order_entry_adds;
      factors_entry_carry_state <= order_entry_carry_state;
      factors_entry_carry_input <= order_entry_carry_input;
      factors_entry_opens <= order_entry_opens;
      factors_entry_row <= order_entry_row;
      factors_entry_store <= order_entry_store;
      factors_entry_retire <= order_entry_retire;
      factors_entry_ends <= order_entry_ends;
      factors_entry_coefficient <= order_entry_coefficient;
      factors_entry_shift <= order_entry_shift;
      factors_owner_bank <= now_bank;
      factors_owner_fresh <= now_fresh;
      factors_owner_first <= now_first;
      factors_owner_last <= now_last;
      multiplies_entry_carry <= factors_entry_carry;
      multiplies_entry_adds <= factors_entry_adds;
      multiplies_entry_carry_state <= factors_entry_carry_state;
      multiplies_entry_carry_input <= factors_entry_carry_input;
      multiplies_entry_opens <= factors_entry_opens;
      multiplies_entry_row <= factors_entry_row;
      multiplies_entry_store <= factors_entry_store;
      multiplies_entry_retire <= factors_entry_retire;
      multiplies_entry_ends <= factors_entry_ends;
      multiplies_entry_coefficient <= factors_entry_coefficient;
      multiplies_entry_shift <= factors_entry_shift;
      multiplies_owner_bank <= factors_owner_bank;
      multiplies_owner_fresh <= factors_owner_fresh;
      multiplies_owner_first <= factors_owner_first;
      multiplies_owner_last <= factors_owner_last;
      sums_entry_adds <= multiplies_entry_adds;
      sums_entry_carry_state <= multiplies_entry_carry_state;
      sums_entry_carry_input <= multiplies_entry_carry_input;
      sums_entry_opens <= multiplies_entry_opens;
      sums_entry_row <= multiplies_entry_row;
      sums_entry_store <= multiplies_entry_store;
      sums_entry_retire <= multiplies_entry_retire;
      sums_entry_ends <= multiplies_entry_ends;
      sums_entry_shift <= multiplies_entry_shift;
      sums_owner_bank <= multiplies_owner_bank;
      sums_owner_fresh <= multiplies_owner_fresh;
      sums_owner_first <= multiplies_owner_first;
      sums_owner_last <= multiplies_owner_last;
      rounds_entry_row <= sums_entry_row;
      rounds_entry_store <= sums_entry_store;
      rounds_entry_retire <= sums_entry_retire;
      rounds_entry_ends <= sums_entry_ends;
      rounds_entry_shift <= sums_entry_shift;
      rounds_owner_bank <= sums_owner_bank;
      rounds_owner_first <= sums_owner_first;
      rounds_owner_last <= sums_owner_last;
      writes_entry_row <= rounds_entry_row;
      writes_entry_store <= rounds_entry_store;
      writes_entry_retire <= rounds_entry_retire;
      writes_entry_ends <= rounds_entry_ends;
      writes_owner_bank <= rounds_owner_bank;
      writes_owner_first <= rounds_owner_first;
      writes_owner_last <= rounds_owner_last;
      retires_entry_row <= writes_entry_row;
      retires_entry_retire <= writes_entry_retire;
      retires_entry_ends <= writes_entry_ends;
      retires_owner_bank <= writes_owner_bank;
      retires_owner_first <= writes_owner_first;
      retires_owner_last <= writes_owner_last;
      operand <= factors_entry_state ? difference : read_between_data_2;
      total <= $signed(sums_entry_opens ? 16'd0 : total) + $signed(product);
      carry <= sums_entry_adds ? (sums_entry_carry_state ? difference_2 : read_between_data) : 8'd0;
      value <= (shifted[8:1] + {7'd0, shifted[0]}) + carry;
      increment <= shifted_2 + {carry[4:0], 11'd0};
    end
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_lane_0_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [1:0]  fetch,
  input  wire [15:0] increment,
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
  input  wire       clk,
  input  wire       rst,
  input  wire       advance,
  input  wire       valid,
  output wire [3:0] next_slot,
  output wire       issue,
  output wire       starts,
  output wire       fresh,
  output wire       ends,
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
  assign ends = issue & (slot == 4'hf);
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
