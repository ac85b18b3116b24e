// lmu_memory: Legendre memory, structured datapath.
// order 4, theta 1.0 s, dt 0.01 s, zoh step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 1 multiplier(s), 1 channel(s)
// Made by: golden
// The zero-order hold with fewer products than its matrix has entries, `lanes` channels in step.
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
  output wire [1:0] out_index,                      // state of the first word, 0 to 3
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
  wire [3:0] address;
  reg [22:0] entry;
  wire [13:0] factors;
  reg [13:0] products = 14'h0000;
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
  wire [13:0] for_products = $signed(factors[7:0]) * $signed(factors[13:8]);
  always @(posedge clk)
    if (rst) products <= 14'h0000;
    else if (advance) products <= for_products;
endmodule

module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  output wire        ready,
  output wire [3:0]  address,
  input  wire [22:0] entry,
  input  wire [5:0]  sample,
  input  wire [13:0] product,
  output wire [13:0] factors,
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
  wire [7:0] factors_0_operand;
  wire first;
  wire fresh;
  wire issue;
  wire last;
  reg [25:0] order = 26'h0000000;
  wire [22:0] order_entry;
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
    .port_192({last, first}),
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
  assign order_entry = issue ? entry : 23'h000000;
  assign beat_last = beat_valid & last;
  assign beat_first = beat_valid & first;
  assign beat_index = beat_valid ? row : 2'h0;
  assign beat_data = beat_valid ? words : 7'h00;
  assign beat = {beat_last, beat_first, 1'h0, beat_index, beat_data};
  assign factors = {coefficient, factors_0_operand};
  always @(posedge clk)
    if (rst) order <= 26'h0000000;
    else if (advance) order <= {order_entry, bank, fresh, order_starts};
  always @(posedge clk)
    if (rst) bank <= 1'h0;
    else if (advance) bank <= bank ^ ends;
  always @(posedge clk)
    if (rst) sample_2 <= 6'h00;
    else if (valid & ready & advance) sample_2 <= sample;
endmodule

// One multiplier, an accumulator, and the words between.
module lmu_memory_pipeline_pipeline_lane_0 (
  input  wire        rst,
  input  wire        advance,
  output wire [1:0]  row,
  input  wire [13:0] product,
  input  wire [5:0]  sample,
  input  wire [25:0] order,
  output wire [5:0]  coefficient,
  output wire        valid,
  output wire [1:0]  port_192,
  output reg  [7:0]  operand = 8'h00,
  output wire [6:0]  words,
  input  wire        clk
);
  reg [7:0] carry = 8'h00;
  reg [26:0] factors = 27'h0000000;
  wire [7:0] for_carry;
  wire [8:0] for_carry_2;
  wire [8:0] for_operand;
  wire [16:0] for_signal_2;
  wire [17:0] for_signal_2_2;
  reg [15:0] increment = 16'h0000;
  reg [3:0] like = 4'h0;
  reg [26:0] multiplies = 27'h0000000;
  wire now_bank;
  wire now_first;
  wire now_fresh;
  wire now_last;
  reg [3:0] of_carry = 4'h0;
  reg [7:0] read_between_data;
  reg [6:0] read_word_data;
  reg [6:0] read_word_data_2;
  reg [26:0] retires = 27'h0000000;
  reg [26:0] rounds = 27'h0000000;
  reg [3:0] sample_2 = 4'h0;
  reg [3:0] signal = 4'h0;
  reg [7:0] signal_2 = 8'h00;
  wire [2:0] signature_addr;
  reg [26:0] sums = 27'h0000000;
  reg [15:0] total = 16'h0000;
  reg [26:0] writes = 27'h0000000;
  reg [7:0] between [0:0];
  reg [6:0] words_2 [0:7];
  initial begin
    between[0] = 8'h00;
  end
  wire for_between = advance & writes[12];
  always @(posedge clk) begin
    if (for_between)
      between[1'h0] <= signal_2;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_between_data <= between[1'h0];
      if (for_between)
        read_between_data <= signal_2;
    end
  end
  initial begin
    words_2[0] = 7'h00;
    words_2[1] = 7'h00;
    words_2[2] = 7'h00;
    words_2[3] = 7'h00;
    words_2[4] = 7'h00;
    words_2[5] = 7'h00;
    words_2[6] = 7'h00;
    words_2[7] = 7'h00;
  end
  wire for_words_2 = advance & retires[13];
  always @(posedge clk) begin
    if (for_words_2)
      words_2[{ retires[11:10], signature_addr[0] }] <= words;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_word_data <= words_2[{ order[4:3], now_bank }];
      if (for_words_2 && { order[4:3], now_bank } == { retires[11:10], signature_addr[0] })
        read_word_data <= words;
    end
    if (advance) begin
      read_word_data_2 <= words_2[{ multiplies[5:4], multiplies[23] }];
      if (for_words_2 && { multiplies[5:4], multiplies[23] } == { retires[11:10], signature_addr[0] })
        read_word_data_2 <= words;
    end
  end
  lmu_memory_pipeline_pipeline_lane_0_bank bank (
    .advance(advance),
    .apply(writes[13]),
    .apply_slot(writes[11:10]),
    .clk(clk),
    .fetch_fresh(sums[24]),
    .increment(increment),
    .outputs(words),
    .read_addr(sums[11:10]),
    .rst(rst)
  );
  assign {for_operand[8], for_operand[6:0]} = $signed(factors[24] ? 7'h00 : read_word_data) - $signed({factors[3] ? sample_2 : 4'h0, 2'h0});
  assign {for_carry[7], for_carry[5:0]} = sums[24] ? 7'h00 : read_word_data_2;
  assign {for_carry_2[8], for_carry_2[6:0]} = $signed({for_carry[7], for_carry[5:0]}) - $signed({sums[8] ? of_carry : 4'h0, 2'h0});
  assign for_signal_2[8:0] = $signed({total, 1'h0}) >>> rounds[22:21];
  assign for_signal_2_2[7:0] = $signed(for_signal_2[8:1]) + $signed({1'h0, for_signal_2[0]});
  assign signature_addr[0] = ~retires[23];
  assign now_last = order[0] ? sample[5] : signal[3];
  assign now_first = order[0] ? sample[4] : signal[2];
  assign now_fresh = order[0] ? (order[1] | sample[4]) : signal[1];
  assign now_bank = order[0] ? order[2] : signal[0];
  assign for_signal_2_2[16] = for_signal_2_2[17];
  assign for_carry_2[7] = for_carry_2[8];
  assign for_carry[6] = for_carry[7];
  assign for_operand[7] = for_operand[8];
  assign signature_addr[2:1] = retires[11:10];
  assign coefficient = multiplies[20:15];
  assign port_192 = retires[26:25];
  assign row = retires[11:10];
  assign valid = retires[14];
  wire [15:0] for_increment = $signed($signed(total) << rounds[22:21]) + $signed({carry[4:0], 11'h000});
  always @(posedge clk)
    if (rst) increment <= 16'h0000;
    else if (advance) increment <= for_increment;
  wire [7:0] for_signal_2_3 = $signed(for_signal_2_2[7:0]) + $signed(carry);
  always @(posedge clk)
    if (rst) signal_2 <= 8'h00;
    else if (advance) signal_2 <= for_signal_2_3;
  wire [7:0] for_carry_3 = sums[6] ? (sums[7] ? {for_carry_2[8], for_carry_2[6:0]} : read_between_data)
                         : 8'h00;
  always @(posedge clk)
    if (rst) carry <= 8'h00;
    else if (advance) carry <= for_carry_3;
  wire [15:0] for_total = $signed(sums[9] ? 16'h0000 : total) + $signed(product);
  always @(posedge clk)
    if (rst) total <= 16'h0000;
    else if (advance) total <= for_total;
  always @(posedge clk)
    if (rst) operand <= 8'h00;
    else if (advance) operand <= factors[2] ? {for_operand[8], for_operand[6:0]} : read_between_data;
  always @(posedge clk)
    if (rst) retires <= 27'h0000000;
    else if (advance) retires <= writes;
  always @(posedge clk)
    if (rst) writes <= 27'h0000000;
    else if (advance) writes <= rounds;
  always @(posedge clk)
    if (rst) rounds <= 27'h0000000;
    else if (advance) rounds <= sums;
  always @(posedge clk)
    if (rst) sums <= 27'h0000000;
    else if (advance) sums <= multiplies;
  always @(posedge clk)
    if (rst) multiplies <= 27'h0000000;
    else if (advance) multiplies <= factors;
  always @(posedge clk)
    if (rst) factors <= 27'h0000000;
    else if (advance) factors <= {now_last, now_first, now_fresh, now_bank, order[25:3]};
  always @(posedge clk)
    if (rst) signal <= 4'h0;
    else if (advance) signal <= {now_last, now_first, now_fresh, now_bank};
  always @(posedge clk)
    if (rst) of_carry <= 4'h0;
    else if (advance) of_carry <= like;
  always @(posedge clk)
    if (rst) like <= 4'h0;
    else if (advance) like <= sample_2;
  always @(posedge clk)
    if (rst) sample_2 <= 4'h0;
    else if (order[0] & advance) sample_2 <= sample[3:0];
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_lane_0_bank (
  input  wire        rst,
  input  wire        advance,
  input  wire [1:0]  read_addr,
  input  wire [1:0]  apply_slot,
  input  wire        fetch_fresh,
  input  wire        apply,
  input  wire [15:0] increment,
  output reg  [6:0]  outputs = 7'h00,
  input  wire        clk
);
  reg [18:0] accumulator_0 = 19'h00000;
  reg [19:0] base_0 = 20'h00000;
  wire [20:0] for_base_0_3;
  reg fresh = 1'h0;
  reg [29:0] read_data;
  wire [18:0] sum_0;
  wire [17:0] value_0;
  reg [1:0] write_addr = 2'h0;
  reg [29:0] write_data = 30'h00000000;
  reg write_en = 1'h0;
  reg [29:0] store [0:3];
  initial begin
    store[0] = 30'h00000000;
    store[1] = 30'h00000000;
    store[2] = 30'h00000000;
    store[3] = 30'h00000000;
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
  assign sum_0 = $signed(accumulator_0) + $signed(increment);
  assign value_0 = $signed(base_0[17:0]) + $signed(increment);
  wire [29:0] for_base_0_2 = fresh ? 30'h00000000 : read_data;
  assign {for_base_0_3[20], for_base_0_3[18:0]} = $signed(for_base_0_2[18:0]) + $signed(for_base_0_2[29:19]);
  assign for_base_0_3[19] = for_base_0_3[20];
  always @(posedge clk)
    if (rst) write_data <= 30'h00000000;
    else if (advance) write_data <= {~value_0[10], value_0[9:0], sum_0};
  always @(posedge clk)
    if (rst) outputs <= 7'h00;
    else if (advance) outputs <= value_0[17:11];
  wire [19:0] for_base_0 = $signed({for_base_0_3[20], for_base_0_3[18:0]}) + $signed(12'h400);
  always @(posedge clk)
    if (rst) base_0 <= 20'h00000;
    else if (advance) base_0 <= for_base_0;
  always @(posedge clk)
    if (rst) accumulator_0 <= 19'h00000;
    else if (advance) accumulator_0 <= for_base_0_2[18:0];
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
  output wire [3:0] next_slot,
  input  wire       clk
);
  reg awake = 1'h0;
  reg held_fresh = 1'h0;
  reg [3:0] slot = 4'h0;
  reg started = 1'h0;
  reg [1:0] waiting = 2'h0;
  assign starts = !slot;
  assign ends = issue & (slot == 4'hf);
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
