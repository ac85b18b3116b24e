// lmu_memory: Legendre memory, tridiagonal datapath.
// order 2, theta 1.0 s, dt 0.01 s, bilinear step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.17, 2 multiplier(s), 2 channel(s)
// Made by: golden
// The bilinear step, two-ended elimination on one multiplier; further lanes work on further channels.
module lmu_memory (
  input  wire        clk,                           // clock, rising edge
  input  wire        rst,                           // synchronous reset, active high; forgets all state
  input  wire        in_valid,                      // a sample is offered
  output wire        in_ready,                      // it is taken at this clock edge
  input  wire [3:0]  in_data,                       // sample, sQ1.3 two's complement
  input  wire        in_first,                      // it starts a sequence: the state counts as zero
  input  wire        in_last,                       // it ends a sequence; handed on as out_last
  output wire        out_valid,                     // a beat of state words is offered
  input  wire        out_ready,                     // it is taken at this clock edge
  output wire [13:0] out_data,                      // 2 state word(s), sQ2.5 each, the first in the lowest bits
  output wire        out_index,                     // state of the first word, 0 to 1
  output wire        out_channel,                   // channel of the sample
  output wire        out_first,                     // in_first of the sample
  output wire        out_last                       // in_last of the sample
);
  wire advance;
  wire [17:0] beat;
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
  assign out_channel = beat[15];
  assign out_data = beat[13:0];
  assign out_first = beat[16];
  assign out_index = beat[14];
  assign out_last = beat[17];
endmodule

module lmu_memory_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  output wire        ready,
  input  wire [5:0]  sample,
  output wire        beat_valid,
  output wire [17:0] beat,
  input  wire        valid
);
  wire [3:0] address;
  reg [19:0] entry;
  wire [33:0] factors;
  reg [33:0] products = 34'h000000000;
  reg [19:0] table_ [0:11];
  initial begin
    table_[0] = 20'h28612;
    table_[1] = 20'h00000;
    table_[2] = 20'h2a073;
    table_[3] = 20'h00000;
    table_[4] = 20'h283e9;
    table_[5] = 20'h00000;
    table_[6] = 20'h588e4;
    table_[7] = 20'h00000;
    table_[8] = 20'h00000;
    table_[9] = 20'h00000;
    table_[10] = 20'h00000;
    table_[11] = 20'hc5805;
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
    .products(products),
    .ready(ready),
    .rst(rst),
    .sample(sample),
    .valid(valid)
  );
  wire [16:0] for_products_2 = $signed(factors[27:17]) * $signed(factors[33:28]);
  wire [16:0] for_products = $signed(factors[10:0]) * $signed(factors[16:11]);
  always @(posedge clk)
    if (rst) products <= 34'h000000000;
    else if (advance) products <= {for_products_2, for_products};
endmodule

module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  output wire        ready,
  output wire [3:0]  address,
  input  wire [19:0] entry,
  input  wire [5:0]  sample,
  input  wire [33:0] products,
  output wire [33:0] factors,
  output wire        beat_valid,
  output wire [17:0] beat,
  input  wire        valid
);
  reg bank = 1'h0;
  wire beat_channel;
  wire [13:0] beat_data;
  wire beat_first;
  wire beat_index;
  wire beat_last;
  wire [5:0] coefficient;
  wire [5:0] coefficient_2;
  wire ends;
  wire [10:0] factors_0_operand;
  wire [10:0] factors_1_operand;
  reg filled = 1'h0;
  wire first;
  wire first_2;
  wire fresh;
  wire issue;
  wire last;
  wire last_2;
  reg [22:0] order = 23'h000000;
  reg [22:0] order_2 = 23'h000000;
  wire [19:0] order_entry;
  wire order_starts;
  wire ready_2;
  wire row;
  wire row_2;
  reg [5:0] sample_2 = 6'h00;
  reg [5:0] sample_3 = 6'h00;
  wire starts;
  wire valid_2;
  wire valid_3;
  wire [13:0] words;
  wire [13:0] words_2;
  lmu_memory_pipeline_pipeline_lane_0 lane_0 (
    .advance(advance),
    .clk(clk),
    .coefficient(coefficient),
    .operand(factors_0_operand),
    .order(order),
    .port_307({last, first}),
    .product(products[16:0]),
    .row(row),
    .rst(rst),
    .sample(sample_2),
    .valid(valid_3),
    .words(words)
  );
  lmu_memory_pipeline_pipeline_lane_1 lane_1 (
    .advance(advance),
    .clk(clk),
    .coefficient(coefficient_2),
    .operand(factors_1_operand),
    .order(order_2),
    .port_355({last_2, first_2}),
    .product(products[33:17]),
    .row(row_2),
    .rst(rst),
    .sample(sample_3),
    .valid(beat_channel),
    .words(words_2)
  );
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .advance(advance),
    .clk(clk),
    .ends(ends),
    .fresh(fresh),
    .issue(issue),
    .next_slot(address),
    .ready(ready_2),
    .rst(rst),
    .starts(starts),
    .valid(valid_2)
  );
  assign valid_2 = valid & filled;
  wire for_ready = ~filled;
  assign ready = for_ready | ready_2;
  assign order_starts = issue & starts;
  assign order_entry = issue ? entry : 20'h00000;
  assign beat_last = beat_channel ? last_2 : (valid_3 & last);
  assign beat_first = beat_channel ? first_2 : (valid_3 & first);
  assign beat_index = beat_channel ? row_2 : (valid_3 & row);
  assign beat_data = beat_channel ? words_2 : valid_3 ? words : 14'h0000;
  assign beat_valid = valid_3 | beat_channel;
  assign beat = {beat_last, beat_first, beat_channel, beat_index, beat_data};
  assign factors = {coefficient_2, factors_1_operand, coefficient, factors_0_operand};
  always @(posedge clk)
    if (rst) order_2 <= 23'h000000;
    else if (advance) order_2 <= order;
  always @(posedge clk)
    if (rst) order <= 23'h000000;
    else if (advance) order <= {order_entry, bank, fresh, order_starts};
  always @(posedge clk)
    if (rst) bank <= 1'h0;
    else if (advance) bank <= bank ^ ends;
  wire for_filled = valid & ready;
  always @(posedge clk)
    if (rst) filled <= 1'h0;
    else if (for_filled & advance) filled <= filled ? 1'h0 : (filled + 1'h1);
  always @(posedge clk)
    if (rst) sample_3 <= 6'h00;
    else if (filled & for_filled & advance) sample_3 <= sample;
  always @(posedge clk)
    if (rst) sample_2 <= 6'h00;
    else if (for_ready & for_filled & advance) sample_2 <= sample;
endmodule

// One multiplier, a recurrence around it, and what it stores of each row for later.
module lmu_memory_pipeline_pipeline_lane_0 (
  input  wire        rst,
  input  wire        advance,
  output wire        row,
  input  wire [16:0] product,
  input  wire [5:0]  sample,
  input  wire [22:0] order,
  output wire [5:0]  coefficient,
  output wire        valid,
  output wire [1:0]  port_307,
  output reg  [10:0] operand = 11'h000,
  output wire [13:0] words,
  input  wire        clk
);
  wire [10:0] addend;
  reg [23:0] bases = 24'h000000;
  reg [10:0] before_ = 11'h000;
  reg [11:0] begun = 12'h000;
  reg [6:0] gathered_0 = 7'h00;
  wire [15:0] increment;
  reg [10:0] kept = 11'h000;
  wire minus;
  reg [23:0] multiplies = 24'h000000;
  wire now_bank;
  wire now_first;
  wire now_fresh;
  wire now_last;
  reg [23:0] operates = 24'h000000;
  reg [10:0] read_stored_data;
  reg [6:0] read_word_data;
  reg [23:0] rounds = 24'h000000;
  reg [3:0] sample_2 = 4'h0;
  reg [3:0] signal = 4'h0;
  wire [10:0] signal_2;
  wire [6:0] signature_data;
  wire [11:0] total;
  reg [23:0] writes = 24'h000000;
  reg [10:0] stored [0:1];
  reg [6:0] words_2 [0:1];
  initial begin
    stored[0] = 11'h000;
    stored[1] = 11'h000;
  end
  wire for_stored = advance & writes[9];
  always @(posedge clk) begin
    if (for_stored)
      stored[writes[0]] <= kept;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_stored_data <= stored[order[3]];
      if (for_stored && order[3] == writes[0])
        read_stored_data <= kept;
    end
  end
  initial begin
    words_2[0] = 7'h00;
    words_2[1] = 7'h00;
  end
  wire for_words_2 = advance & writes[11];
  always @(posedge clk) begin
    if (for_words_2)
      words_2[writes[0]] <= signature_data;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_word_data <= words_2[order[3]];
      if (for_words_2 && order[3] == writes[0])
        read_word_data <= signature_data;
    end
  end
  lmu_memory_pipeline_pipeline_lane_0_bank bank (
    .advance(advance),
    .apply(rounds[11]),
    .apply_slot(rounds[0]),
    .clk(clk),
    .fetch_fresh(operates[21]),
    .increment(increment),
    .outputs(signature_data),
    .read_addr(operates[0]),
    .rst(rst)
  );
  assign increment = $signed(product) << rounds[19];
  assign row = writes[0] - 1'h1;
  wire [12:0] for_kept_2 = $signed(product[16:10]) >>> rounds[19];
  wire [11:0] for_kept_4 = ~for_kept_2[12:1];
  wire [11:0] for_total = operates[6] ? (operates[7] ? for_kept_4 : for_kept_2[12:1]) : 12'h000;
  assign total = $signed($signed(begun) + $signed(for_total)) + $signed({1'h0, operates[6] & (for_kept_2[0] ^ operates[7])});
  wire for_addend = bases[5:4] == 2'h3;
  wire for_addend_2 = bases[5:4] == 1'h1;
  assign addend = for_addend ? operand
                : (bases[5:4] == 2'h2) ? operand
                : for_addend_2 ? {{2{sample_2[3]}}, sample_2, 5'h00}
                : 11'h000;
  wire for_signal_2_2 = bases[3:1] == 3'h4;
  wire for_signal_2_3 = bases[3:1] == 2'h3;
  wire for_signal_2_4 = bases[3:1] == 2'h2;
  wire for_signal_2_5 = bases[3:1] == 1'h1;
  wire [6:0] for_signal_2 = bases[21] ? 7'h00 : read_word_data;
  assign signal_2 = for_signal_2_2 ? 11'h001
                  : for_signal_2_3 ? before_
                  : for_signal_2_4 ? read_stored_data
                  : for_signal_2_5 ? {for_signal_2[6], for_signal_2, 3'h0}
                  : 11'h000;
  assign minus = for_addend ? 1'h1 : for_addend_2 ? 1'h1 : 1'h0;
  assign now_last = order[0] ? sample[5] : signal[3];
  assign now_first = order[0] ? sample[4] : signal[2];
  assign now_fresh = order[0] ? (order[1] | sample[4]) : signal[1];
  assign now_bank = order[0] ? order[2] : signal[0];
  assign coefficient = multiplies[18:13];
  assign port_307 = writes[23:22];
  assign valid = writes[12];
  assign words = {signature_data, gathered_0};
  always @(posedge clk)
    if (rst) gathered_0 <= 7'h00;
    else if (writes[11] & advance) gathered_0 <= signature_data;
  wire [10:0] for_kept = $signed(before_) + $signed(rounds[10] ? for_kept_4[10:0] : 11'h000);
  wire [10:0] for_kept_3 = $signed(for_kept) + $signed({1'h0, rounds[10] & ~for_kept_2[0]});
  always @(posedge clk)
    if (rst) kept <= 11'h000;
    else if (advance) kept <= for_kept_3;
  always @(posedge clk)
    if (rst) before_ <= 11'h000;
    else if (advance) before_ <= operand;
  always @(posedge clk)
    if (rst) operand <= 11'h000;
    else if (advance) operand <= operates[8] ? total[11:1] : total[10:0];
  wire [11:0] for_begun = $signed(signal_2) - $signed(addend);
  wire [11:0] for_begun_2 = $signed(signal_2) + $signed(addend);
  always @(posedge clk)
    if (rst) begun <= 12'h000;
    else if (advance) begun <= minus ? for_begun : for_begun_2;
  always @(posedge clk)
    if (rst) writes <= 24'h000000;
    else if (advance) writes <= rounds;
  always @(posedge clk)
    if (rst) rounds <= 24'h000000;
    else if (advance) rounds <= multiplies;
  always @(posedge clk)
    if (rst) multiplies <= 24'h000000;
    else if (advance) multiplies <= operates;
  always @(posedge clk)
    if (rst) operates <= 24'h000000;
    else if (advance) operates <= bases;
  always @(posedge clk)
    if (rst) bases <= 24'h000000;
    else if (advance) bases <= {now_last, now_first, now_fresh, now_bank, order[22:3]};
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
  input  wire        read_addr,
  input  wire [15:0] increment,
  input  wire        apply_slot,
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
  reg write_addr = 1'h0;
  reg [31:0] write_data = 32'd0;
  reg write_en = 1'h0;
  reg [31:0] store [0:1];
  initial begin
    store[0] = 32'd0;
    store[1] = 32'd0;
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
  wire [16:0] for_sum_0 = $signed(increment) + $signed(2'h1);
  assign sum_0 = $signed(accumulator_0) + $signed(for_sum_0[16:1]);
  assign value_0 = $signed(base_0[18:0]) + $signed(for_sum_0[16:1]);
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
    if (rst) write_addr <= 1'h0;
    else if (advance) write_addr <= apply_slot;
  always @(posedge clk)
    if (rst) fresh <= 1'h0;
    else if (advance) fresh <= fetch_fresh;
endmodule

// One multiplier, a recurrence around it, and what it stores of each row for later.
module lmu_memory_pipeline_pipeline_lane_1 (
  input  wire        rst,
  input  wire        advance,
  output wire        row,
  input  wire [16:0] product,
  input  wire [5:0]  sample,
  input  wire [22:0] order,
  output wire [5:0]  coefficient,
  output wire        valid,
  output wire [1:0]  port_355,
  output reg  [10:0] operand = 11'h000,
  output wire [13:0] words,
  input  wire        clk
);
  wire [10:0] addend;
  reg [23:0] bases = 24'h000000;
  reg [10:0] before_ = 11'h000;
  reg [11:0] begun = 12'h000;
  reg [6:0] gathered_0 = 7'h00;
  wire [15:0] increment;
  reg [10:0] kept = 11'h000;
  wire minus;
  reg [23:0] multiplies = 24'h000000;
  wire now_bank;
  wire now_first;
  wire now_fresh;
  wire now_last;
  reg [23:0] operates = 24'h000000;
  reg [10:0] read_stored_data;
  reg [6:0] read_word_data;
  reg [23:0] rounds = 24'h000000;
  reg [3:0] sample_2 = 4'h0;
  reg [3:0] signal = 4'h0;
  wire [10:0] signal_2;
  wire [6:0] signature_data;
  wire [11:0] total;
  reg [23:0] writes = 24'h000000;
  reg [10:0] stored [0:1];
  reg [6:0] words_2 [0:1];
  initial begin
    stored[0] = 11'h000;
    stored[1] = 11'h000;
  end
  wire for_stored = advance & writes[9];
  always @(posedge clk) begin
    if (for_stored)
      stored[writes[0]] <= kept;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_stored_data <= stored[order[3]];
      if (for_stored && order[3] == writes[0])
        read_stored_data <= kept;
    end
  end
  initial begin
    words_2[0] = 7'h00;
    words_2[1] = 7'h00;
  end
  wire for_words_2 = advance & writes[11];
  always @(posedge clk) begin
    if (for_words_2)
      words_2[writes[0]] <= signature_data;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_word_data <= words_2[order[3]];
      if (for_words_2 && order[3] == writes[0])
        read_word_data <= signature_data;
    end
  end
  lmu_memory_pipeline_pipeline_lane_1_bank bank (
    .advance(advance),
    .apply(rounds[11]),
    .apply_slot(rounds[0]),
    .clk(clk),
    .fetch_fresh(operates[21]),
    .increment(increment),
    .outputs(signature_data),
    .read_addr(operates[0]),
    .rst(rst)
  );
  assign increment = $signed(product) << rounds[19];
  assign row = writes[0] - 1'h1;
  wire [12:0] for_kept_2 = $signed(product[16:10]) >>> rounds[19];
  wire [11:0] for_kept_4 = ~for_kept_2[12:1];
  wire [11:0] for_total = operates[6] ? (operates[7] ? for_kept_4 : for_kept_2[12:1]) : 12'h000;
  assign total = $signed($signed(begun) + $signed(for_total)) + $signed({1'h0, operates[6] & (for_kept_2[0] ^ operates[7])});
  wire for_addend = bases[5:4] == 2'h3;
  wire for_addend_2 = bases[5:4] == 1'h1;
  assign addend = for_addend ? operand
                : (bases[5:4] == 2'h2) ? operand
                : for_addend_2 ? {{2{sample_2[3]}}, sample_2, 5'h00}
                : 11'h000;
  wire for_signal_2_2 = bases[3:1] == 3'h4;
  wire for_signal_2_3 = bases[3:1] == 2'h3;
  wire for_signal_2_4 = bases[3:1] == 2'h2;
  wire for_signal_2_5 = bases[3:1] == 1'h1;
  wire [6:0] for_signal_2 = bases[21] ? 7'h00 : read_word_data;
  assign signal_2 = for_signal_2_2 ? 11'h001
                  : for_signal_2_3 ? before_
                  : for_signal_2_4 ? read_stored_data
                  : for_signal_2_5 ? {for_signal_2[6], for_signal_2, 3'h0}
                  : 11'h000;
  assign minus = for_addend ? 1'h1 : for_addend_2 ? 1'h1 : 1'h0;
  assign now_last = order[0] ? sample[5] : signal[3];
  assign now_first = order[0] ? sample[4] : signal[2];
  assign now_fresh = order[0] ? (order[1] | sample[4]) : signal[1];
  assign now_bank = order[0] ? order[2] : signal[0];
  assign coefficient = multiplies[18:13];
  assign port_355 = writes[23:22];
  assign valid = writes[12];
  assign words = {signature_data, gathered_0};
  always @(posedge clk)
    if (rst) gathered_0 <= 7'h00;
    else if (writes[11] & advance) gathered_0 <= signature_data;
  wire [10:0] for_kept = $signed(before_) + $signed(rounds[10] ? for_kept_4[10:0] : 11'h000);
  wire [10:0] for_kept_3 = $signed(for_kept) + $signed({1'h0, rounds[10] & ~for_kept_2[0]});
  always @(posedge clk)
    if (rst) kept <= 11'h000;
    else if (advance) kept <= for_kept_3;
  always @(posedge clk)
    if (rst) before_ <= 11'h000;
    else if (advance) before_ <= operand;
  always @(posedge clk)
    if (rst) operand <= 11'h000;
    else if (advance) operand <= operates[8] ? total[11:1] : total[10:0];
  wire [11:0] for_begun = $signed(signal_2) - $signed(addend);
  wire [11:0] for_begun_2 = $signed(signal_2) + $signed(addend);
  always @(posedge clk)
    if (rst) begun <= 12'h000;
    else if (advance) begun <= minus ? for_begun : for_begun_2;
  always @(posedge clk)
    if (rst) writes <= 24'h000000;
    else if (advance) writes <= rounds;
  always @(posedge clk)
    if (rst) rounds <= 24'h000000;
    else if (advance) rounds <= multiplies;
  always @(posedge clk)
    if (rst) multiplies <= 24'h000000;
    else if (advance) multiplies <= operates;
  always @(posedge clk)
    if (rst) operates <= 24'h000000;
    else if (advance) operates <= bases;
  always @(posedge clk)
    if (rst) bases <= 24'h000000;
    else if (advance) bases <= {now_last, now_first, now_fresh, now_bank, order[22:3]};
  always @(posedge clk)
    if (rst) signal <= 4'h0;
    else if (advance) signal <= {now_last, now_first, now_fresh, now_bank};
  always @(posedge clk)
    if (rst) sample_2 <= 4'h0;
    else if (order[0] & advance) sample_2 <= sample[3:0];
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_lane_1_bank (
  input  wire        rst,
  input  wire        advance,
  input  wire        read_addr,
  input  wire [15:0] increment,
  input  wire        apply_slot,
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
  reg write_addr = 1'h0;
  reg [31:0] write_data = 32'd0;
  reg write_en = 1'h0;
  reg [31:0] store [0:1];
  initial begin
    store[0] = 32'd0;
    store[1] = 32'd0;
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
  wire [16:0] for_sum_0 = $signed(increment) + $signed(2'h1);
  assign sum_0 = $signed(accumulator_0) + $signed(for_sum_0[16:1]);
  assign value_0 = $signed(base_0[18:0]) + $signed(for_sum_0[16:1]);
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
    if (rst) write_addr <= 1'h0;
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
  output wire [3:0] next_slot,
  input  wire       clk
);
  reg awake = 1'h0;
  reg held_fresh = 1'h0;
  reg [3:0] slot = 4'h0;
  reg started = 1'h0;
  reg [1:0] waiting = 2'h0;
  assign starts = !slot;
  assign ends = issue & (slot == 4'hb);
  assign ready = starts & !waiting & awake;
  assign issue = starts ? (valid & ready) : 1'h1;
  assign fresh = starts ? (~started) : held_fresh;
  assign next_slot = ends ? 4'h0 : (slot + issue);
  always @(posedge clk)
    if (rst) waiting <= 2'h0;
    else if (advance & (ends | (|waiting))) waiting <= ends ? 2'h2 : (waiting - 1'h1);
  wire for_started = issue & starts;
  always @(posedge clk)
    if (rst) started <= 1'h0;
    else if (advance) started <= started | for_started;
  always @(posedge clk)
    if (rst) held_fresh <= 1'h0;
    else if (for_started & advance) held_fresh <= fresh;
  always @(posedge clk)
    if (rst) slot <= 4'h0;
    else if (advance) slot <= next_slot;
  always @(posedge clk)
    if (rst) awake <= 1'h0;
    else awake <= awake | advance;
endmodule
