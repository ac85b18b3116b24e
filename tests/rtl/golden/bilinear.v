// lmu_memory: Legendre memory, tridiagonal datapath.
// order 3, theta 1.0 s, dt 0.01 s, bilinear step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.17, 1 multiplier(s), 1 channel(s)
// Made by: golden
// The bilinear step, two-ended elimination on one multiplier; further lanes work on further channels.
module lmu_memory (
  input  wire       clk,                            // clock, rising edge
  input  wire       rst,                            // synchronous reset, active high; forgets all state
  input  wire       in_valid,                       // a sample is offered
  output wire       in_ready,                       // it is taken at this clock edge
  input  wire [3:0] in_data,                        // sample, sQ1.3 two's complement
  input  wire       in_first,                       // it starts a sequence: the state counts as zero
  input  wire       in_last,                        // it ends a sequence; handed on as out_last
  output wire       out_valid,                      // a beat of state words is offered
  input  wire       out_ready,                      // it is taken at this clock edge
  output wire [6:0] out_data,                       // 1 state word(s), sQ2.5 each, the first in the lowest bits
  output wire [1:0] out_index,                      // state of the first word, 0 to 2
  output wire       out_channel,                    // channel of the sample
  output wire       out_first,                      // in_first of the sample
  output wire       out_last                        // in_last of the sample
);
  wire advance;
  wire [11:0] beat;
  wire ready;
  lmu_memory_pipeline pipeline (
    .advance(advance),
    .beat(beat),
    .beat_valid(out_valid),
    .clk(clk),
    .ready(ready),
    .rst(rst),
    .sample({in_last, in_first, in_data}),
    .valid(in_valid)
  );
  assign in_ready = ready & advance;
  assign advance = ~out_valid | out_ready;
  assign out_channel = beat[9];
  assign out_data = beat[6:0];
  assign out_first = beat[10];
  assign out_index = beat[8:7];
  assign out_last = beat[11];
endmodule

module lmu_memory_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  output wire        ready,
  input  wire [5:0]  sample,
  output wire        beat_valid,
  output wire [11:0] beat,
  input  wire        valid
);
  wire [4:0] address;
  reg [21:0] entry;
  wire [17:0] factors;
  reg [17:0] products = 18'h00000;
  reg [21:0] table_ [0:17];
  initial begin
    table_[0] = 22'h250c24;
    table_[1] = 22'h000000;
    table_[2] = 22'h0000e5;
    table_[3] = 22'h060c06;
    table_[4] = 22'h000000;
    table_[5] = 22'h2901cd;
    table_[6] = 22'h000000;
    table_[7] = 22'h2507d1;
    table_[8] = 22'h000000;
    table_[9] = 22'h0b31c8;
    table_[10] = 22'h06000d;
    table_[11] = 22'h000000;
    table_[12] = 22'h0004ea;
    table_[13] = 22'h000000;
    table_[14] = 22'h000000;
    table_[15] = 22'h000000;
    table_[16] = 22'h18b009;
    table_[17] = 22'h29f00a;
  end
  always @(posedge clk) begin
    if (advance) begin
      entry <= table_[address];
    end
  end
  lmu_memory_pipeline_pipeline pipeline (
    .address(address),
    .advance(advance),
    .beat(beat),
    .beat_valid(beat_valid),
    .clk(clk),
    .entry(entry),
    .factors(factors),
    .product(products),
    .ready(ready),
    .rst(rst),
    .sample(sample),
    .valid(valid)
  );
  wire [17:0] for_products = $signed(factors[11:0]) * $signed(factors[17:12]);
  always @(posedge clk)
    if (rst) products <= 18'h00000;
    else if (advance) products <= for_products;
endmodule

module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  output wire        ready,
  output wire [4:0]  address,
  input  wire [21:0] entry,
  input  wire [5:0]  sample,
  input  wire [17:0] product,
  output wire [17:0] factors,
  output wire        beat_valid,
  output wire [11:0] beat,
  input  wire        valid
);
  reg bank = 1'h0;
  wire [6:0] beat_data;
  wire beat_first;
  wire [1:0] beat_index;
  wire beat_last;
  wire [5:0] coefficient;
  wire ends;
  wire [11:0] factors_0_operand;
  wire first;
  wire fresh;
  wire issue;
  wire last;
  reg [24:0] order = 25'h0000000;
  wire [21:0] order_entry;
  wire order_starts;
  wire [1:0] row;
  reg [5:0] sample_2 = 6'h00;
  wire starts;
  wire [6:0] words;
  lmu_memory_pipeline_pipeline_lane_0 lane_0 (
    .advance(advance),
    .clk(clk),
    .coefficient(coefficient),
    .operand(factors_0_operand),
    .order(order),
    .port_208({last, first}),
    .product(product),
    .row(row),
    .rst(rst),
    .sample(sample_2),
    .valid(beat_valid),
    .words(words)
  );
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .advance(advance),
    .clk(clk),
    .ends(ends),
    .fresh(fresh),
    .issue(issue),
    .next_slot(address),
    .ready(ready),
    .rst(rst),
    .starts(starts),
    .valid(valid)
  );
  assign order_starts = issue & starts;
  assign order_entry = issue ? entry : 22'h000000;
  assign beat_last = beat_valid & last;
  assign beat_first = beat_valid & first;
  assign beat_index = beat_valid ? row : 2'h0;
  assign beat_data = beat_valid ? words : 7'h00;
  assign beat = {beat_last, beat_first, 1'h0, beat_index, beat_data};
  assign factors = {coefficient, factors_0_operand};
  always @(posedge clk)
    if (rst) order <= 25'h0000000;
    else if (advance) order <= {order_entry, bank, fresh, order_starts};
  always @(posedge clk)
    if (rst) bank <= 1'h0;
    else if (advance) bank <= bank ^ ends;
  always @(posedge clk)
    if (rst) sample_2 <= 6'h00;
    else if (valid & ready & advance) sample_2 <= sample;
endmodule

// One multiplier, a recurrence around it, and what it stores of each row for later.
module lmu_memory_pipeline_pipeline_lane_0 (
  input  wire        rst,
  input  wire        advance,
  output wire [1:0]  row,
  input  wire [17:0] product,
  input  wire [5:0]  sample,
  input  wire [24:0] order,
  output wire [5:0]  coefficient,
  output wire        valid,
  output wire [1:0]  port_208,
  output reg  [11:0] operand = 12'h000,
  output wire [6:0]  words,
  input  wire        clk
);
  wire [11:0] addend;
  reg [25:0] bases = 26'h0000000;
  reg [11:0] before_ = 12'h000;
  reg [12:0] begun = 13'h0000;
  wire [17:0] increment;
  reg [11:0] kept = 12'h000;
  wire minus;
  reg [25:0] multiplies = 26'h0000000;
  wire now_bank;
  wire now_first;
  wire now_fresh;
  wire now_last;
  reg [25:0] operates = 26'h0000000;
  reg [11:0] read_stored_data;
  reg [6:0] read_word_data;
  reg [25:0] rounds = 26'h0000000;
  reg [3:0] sample_2 = 4'h0;
  reg [3:0] signal = 4'h0;
  wire [11:0] signal_2;
  wire [12:0] total;
  reg [25:0] writes = 26'h0000000;
  reg [11:0] stored [0:2];
  reg [6:0] words_2 [0:2];
  initial begin
    stored[0] = 12'h000;
    stored[1] = 12'h000;
    stored[2] = 12'h000;
  end
  wire for_stored = advance & writes[10];
  always @(posedge clk) begin
    if (for_stored)
      stored[writes[1:0]] <= kept;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_stored_data <= stored[order[4:3]];
      if (for_stored && order[4:3] == writes[1:0])
        read_stored_data <= kept;
    end
  end
  initial begin
    words_2[0] = 7'h00;
    words_2[1] = 7'h00;
    words_2[2] = 7'h00;
  end
  wire for_words_2 = advance & writes[12];
  always @(posedge clk) begin
    if (for_words_2)
      words_2[writes[1:0]] <= words;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_word_data <= words_2[order[4:3]];
      if (for_words_2 && order[4:3] == writes[1:0])
        read_word_data <= words;
    end
  end
  lmu_memory_pipeline_pipeline_lane_0_bank bank (
    .advance(advance),
    .apply(rounds[12]),
    .apply_slot(rounds[1:0]),
    .clk(clk),
    .fetch_fresh(operates[23]),
    .increment(increment),
    .outputs(words),
    .read_addr(operates[1:0]),
    .rst(rst)
  );
  wire [13:0] for_total = $signed(product[17:8]) >>> rounds[21:20];
  wire [12:0] for_total_2 = ~for_total[13:1];
  wire [12:0] for_total_3 = operates[7] ? (operates[8] ? for_total_2 : for_total[13:1]) : 13'h0000;
  assign total = $signed($signed(begun) + $signed(for_total_3)) + $signed({1'h0, operates[7] & (for_total[0] ^ operates[8])});
  assign increment = $signed(product) << rounds[21:20];
  wire for_addend = bases[6:5] == 2'h3;
  wire for_addend_2 = bases[6:5] == 1'h1;
  assign addend = for_addend ? operand
                : (bases[6:5] == 2'h2) ? operand
                : for_addend_2 ? {{2{sample_2[3]}}, sample_2, 6'h00}
                : 12'h000;
  wire for_signal_2_2 = bases[4:2] == 3'h4;
  wire for_signal_2_3 = bases[4:2] == 2'h3;
  wire for_signal_2_4 = bases[4:2] == 2'h2;
  wire for_signal_2_5 = bases[4:2] == 1'h1;
  wire [6:0] for_signal_2 = bases[23] ? 7'h00 : read_word_data;
  assign signal_2 = for_signal_2_2 ? 12'h001
                  : for_signal_2_3 ? before_
                  : for_signal_2_4 ? read_stored_data
                  : for_signal_2_5 ? {for_signal_2[6], for_signal_2, 4'h0}
                  : 12'h000;
  assign minus = for_addend ? 1'h1 : for_addend_2 ? 1'h1 : 1'h0;
  assign now_last = order[0] ? sample[5] : signal[3];
  assign now_first = order[0] ? sample[4] : signal[2];
  assign now_fresh = order[0] ? (order[1] | sample[4]) : signal[1];
  assign now_bank = order[0] ? order[2] : signal[0];
  assign coefficient = multiplies[19:14];
  assign port_208 = writes[25:24];
  assign row = writes[1:0];
  assign valid = writes[13];
  wire [11:0] for_kept = $signed(before_) + $signed(rounds[11] ? for_total_2[11:0] : 12'h000);
  wire [11:0] for_kept_2 = $signed(for_kept) + $signed({1'h0, rounds[11] & ~for_total[0]});
  always @(posedge clk)
    if (rst) kept <= 12'h000;
    else if (advance) kept <= for_kept_2;
  always @(posedge clk)
    if (rst) before_ <= 12'h000;
    else if (advance) before_ <= operand;
  always @(posedge clk)
    if (rst) operand <= 12'h000;
    else if (advance) operand <= operates[9] ? total[12:1] : total[11:0];
  wire [12:0] for_begun = $signed(signal_2) - $signed(addend);
  wire [12:0] for_begun_2 = $signed(signal_2) + $signed(addend);
  always @(posedge clk)
    if (rst) begun <= 13'h0000;
    else if (advance) begun <= minus ? for_begun : for_begun_2;
  always @(posedge clk)
    if (rst) writes <= 26'h0000000;
    else if (advance) writes <= rounds;
  always @(posedge clk)
    if (rst) rounds <= 26'h0000000;
    else if (advance) rounds <= multiplies;
  always @(posedge clk)
    if (rst) multiplies <= 26'h0000000;
    else if (advance) multiplies <= operates;
  always @(posedge clk)
    if (rst) operates <= 26'h0000000;
    else if (advance) operates <= bases;
  always @(posedge clk)
    if (rst) bases <= 26'h0000000;
    else if (advance) bases <= {now_last, now_first, now_fresh, now_bank, order[24:3]};
  always @(posedge clk)
    if (rst) signal <= 4'h0;
    else if (advance) signal <= {now_last, now_first, now_fresh, now_bank};
  always @(posedge clk)
    if (rst) sample_2 <= 4'h0;
    else if (order[0] & advance) sample_2 <= sample[3:0];
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_lane_0_bank (
  input  wire        rst,
  input  wire        advance,
  input  wire [1:0]  read_addr,
  input  wire [17:0] increment,
  input  wire [1:0]  apply_slot,
  input  wire        fetch_fresh,
  input  wire        apply,
  output reg  [6:0]  outputs = 7'h00,
  input  wire        clk
);
  reg [19:0] accumulator_0 = 20'h00000;
  reg [20:0] base_0 = 21'h000000;
  wire [21:0] for_base_0_2;
  reg fresh = 1'h0;
  reg [31:0] read_data;
  wire [19:0] sum_0;
  wire [18:0] value_0;
  reg [1:0] write_addr = 2'h0;
  reg [31:0] write_data = 32'd0;
  reg write_en = 1'h0;
  reg [31:0] store [0:2];
  initial begin
    store[0] = 32'd0;
    store[1] = 32'd0;
    store[2] = 32'd0;
  end
  wire for_store = advance & write_en;
  always @(posedge clk) begin
    if (for_store)
      store[write_addr] <= write_data;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_data <= store[read_addr];
      if (for_store && read_addr == write_addr)
        read_data <= write_data;
    end
  end
  wire [18:0] for_sum_0 = $signed(increment) + $signed(3'h2);
  assign sum_0 = $signed(accumulator_0) + $signed(for_sum_0[18:2]);
  assign value_0 = $signed(base_0[18:0]) + $signed(for_sum_0[18:2]);
  wire [31:0] for_base_0 = fresh ? 32'd0 : read_data;
  assign {for_base_0_2[21], for_base_0_2[19:0]} = $signed(for_base_0[19:0]) + $signed(for_base_0[31:20]);
  assign for_base_0_2[20] = for_base_0_2[21];
  always @(posedge clk)
    if (rst) write_data <= 32'd0;
    else if (advance) write_data <= {~value_0[11], value_0[10:0], sum_0};
  always @(posedge clk)
    if (rst) outputs <= 7'h00;
    else if (advance) outputs <= value_0[18:12];
  wire [20:0] for_base_0_3 = $signed({for_base_0_2[21], for_base_0_2[19:0]}) + $signed(13'h0800);
  always @(posedge clk)
    if (rst) base_0 <= 21'h000000;
    else if (advance) base_0 <= for_base_0_3;
  always @(posedge clk)
    if (rst) accumulator_0 <= 20'h00000;
    else if (advance) accumulator_0 <= for_base_0[19:0];
  always @(posedge clk)
    if (rst) write_en <= 1'h0;
    else if (advance) write_en <= apply;
  always @(posedge clk)
    if (rst) write_addr <= 2'h0;
    else if (advance) write_addr <= apply_slot;
  always @(posedge clk)
    if (rst) fresh <= 1'h0;
    else if (advance) fresh <= fetch_fresh;
endmodule

// Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
module lmu_memory_pipeline_pipeline_sequencer (
  input  wire       rst,
  input  wire       advance,
  input  wire       valid,
  output wire       starts,
  output wire       ends,
  output wire       ready,
  output wire       issue,
  output wire       fresh,
  output wire [4:0] next_slot,
  input  wire       clk
);
  reg awake = 1'h0;
  reg held_fresh = 1'h0;
  reg [4:0] slot = 5'h00;
  reg started = 1'h0;
  reg waiting = 1'h0;
  assign starts = !slot;
  assign ends = issue & (slot == 5'h11);
  assign ready = starts & !waiting & awake;
  assign issue = starts ? (valid & ready) : 1'h1;
  assign fresh = starts ? (~started) : held_fresh;
  assign next_slot = ends ? 5'h00 : (slot + issue);
  always @(posedge clk)
    if (rst) waiting <= 1'h0;
    else if (advance) waiting <= (waiting & (waiting - 1'h1)) | ends;
  wire for_started = issue & starts;
  always @(posedge clk)
    if (rst) started <= 1'h0;
    else if (advance) started <= started | for_started;
  always @(posedge clk)
    if (rst) held_fresh <= 1'h0;
    else if (for_started & advance) held_fresh <= fresh;
  always @(posedge clk)
    if (rst) slot <= 5'h00;
    else if (advance) slot <= next_slot;
  always @(posedge clk)
    if (rst) awake <= 1'h0;
    else awake <= awake | advance;
endmodule
