// lmu_memory: Legendre memory, chain datapath.
// order 2, theta 1.0 s, dt 0.01 s, euler step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 1 multiplier(s), 2 channel(s)
// Made by: golden
// Forward Euler or Adams–Bashforth 2 on the chain, `lanes` states a cycle, a divisor of the order.
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
  output wire [6:0]  out_data,                      // 1 state word(s), sQ2.5 each, the first in the lowest bits
  output wire        out_index,                     // state of the first word, 0 to 1
  output wire        out_channel,                   // channel of the sample
  output wire        out_first,                     // in_first of the sample
  output wire        out_last,                      // in_last of the sample
  output wire        readout_valid,                 // the readouts of a sample are offered
  input  wire        readout_ready,                 // they are taken at this clock edge
  output wire [13:0] readout_data,                  // 2 readout(s), sQ2.5 each, the first in the lowest bits
  output wire        readout_channel,               // channel of the sample
  output wire        readout_first,                 // in_first of the sample
  output wire        readout_last                   // in_last of the sample
);
  wire advance;
  wire [10:0] beat;
  wire beat_valid;
  wire [16:0] r_payload;
  wire readouts_go;
  wire ready;
  wire signal;
  reg taken = 1'h0;
  reg taken_2 = 1'h0;
  wire valid;
  lmu_memory_pipeline pipeline (
    .advance(advance),
    .beat(beat),
    .beat_valid(beat_valid),
    .clk(clk),
    .ready(ready),
    .rst(rst),
    .sample({in_last, in_first, in_data}),
    .valid(in_valid)
  );
  lmu_memory_readouts readouts (
    .advance(advance),
    .beat(beat),
    .beat_valid(beat_valid),
    .clk(clk),
    .readout(r_payload),
    .rst(rst),
    .valid(valid)
  );
  assign in_ready = ready & advance;
  assign advance = signal & readouts_go;
  assign out_valid = beat_valid & ~taken;
  assign signal = ~out_valid | out_ready;
  assign readout_valid = valid & ~taken_2;
  assign readouts_go = ~readout_valid | readout_ready;
  assign out_channel = beat[8];
  assign out_data = beat[6:0];
  assign out_first = beat[9];
  assign out_index = beat[7];
  assign out_last = beat[10];
  assign readout_channel = r_payload[14];
  assign readout_data = r_payload[13:0];
  assign readout_first = r_payload[15];
  assign readout_last = r_payload[16];
  wire for_taken_2 = ~advance;
  always @(posedge clk)
    if (rst) taken_2 <= 1'h0;
    else taken_2 <= for_taken_2 & (taken_2 | (readout_valid & readout_ready));
  always @(posedge clk)
    if (rst) taken <= 1'h0;
    else taken <= for_taken_2 & (taken | (out_valid & out_ready));
endmodule

module lmu_memory_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  output wire        ready,
  input  wire [5:0]  sample,
  output wire [10:0] beat,
  output wire        beat_valid,
  input  wire        valid
);
  wire address;
  reg [6:0] entry;
  wire [13:0] factors;
  reg [13:0] products = 14'h0000;
  reg [6:0] table_ [0:1];
  initial begin
    table_[0] = 7'h2c;
    table_[1] = 7'h61;
  end
  always @(posedge clk) begin
    if (advance) begin
      entry <= table_[address];
    end
  end
  lmu_memory_pipeline_pipeline pipeline (
    .advance(advance),
    .beat(beat),
    .clk(clk),
    .entry(entry),
    .factors(factors),
    .next_slot(address),
    .products(products),
    .ready(ready),
    .rst(rst),
    .sample(sample),
    .valid(valid),
    .write_en(beat_valid)
  );
  wire [13:0] for_products = $signed(factors[7:0]) * $signed(factors[13:8]);
  always @(posedge clk)
    if (rst) products <= 14'h0000;
    else if (advance) products <= for_products;
endmodule

// issue → operand registers → products → sums and words; the whole pipeline advances or stands still.
module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  output wire        ready,
  output wire        next_slot,
  input  wire [6:0]  entry,
  input  wire [5:0]  sample,
  input  wire [13:0] products,
  output wire [13:0] factors,
  output wire [10:0] beat,
  output wire        write_en,
  input  wire        valid
);
  reg [7:0] ahead = 8'h00;
  wire [1:0] apply_slot;
  wire [6:0] beat_data;
  wire channel;
  reg [6:0] factors_2 = 7'h00;
  wire [1:0] fetch;
  wire fetch_fresh;
  reg first = 1'h0;
  wire [7:0] following_0;
  wire [13:0] increment;
  wire issue;
  reg [6:0] lifted = 7'h00;
  wire next_channel;
  reg [7:0] operands = 8'h00;
  reg [7:0] partial = 8'h00;
  wire [1:0] read_addr;
  reg [6:0] read_data;
  reg [4:0] retired = 5'h00;
  reg [7:0] signal = 8'h00;
  reg [4:0] signal_2 = 5'h00;
  reg signal_3 = 1'h0;
  reg [4:0] signal_4 = 5'h00;
  wire slot;
  wire starts;
  reg [7:0] total_0 = 8'h00;
  reg [7:0] total_1 = 8'h00;
  wire [1:0] write_addr;
  reg [6:0] words [0:3];
  initial begin
    words[0] = 7'h00;
    words[1] = 7'h00;
    words[2] = 7'h00;
    words[3] = 7'h00;
  end
  wire for_words = advance & retired[0];
  always @(posedge clk) begin
    if (for_words)
      words[write_addr] <= beat_data;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_data <= words[read_addr];
      if (for_words && read_addr == write_addr)
        read_data <= beat_data;
    end
  end
  lmu_memory_pipeline_pipeline_bank bank (
    .advance(advance),
    .apply(signal_2[0]),
    .apply_slot(apply_slot),
    .clk(clk),
    .fetch_fresh(fetch_fresh),
    .increment(increment),
    .outputs(beat_data),
    .read_addr(fetch),
    .rst(rst)
  );
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .advance(advance),
    .channel(channel),
    .clk(clk),
    .first(sample[4]),
    .fresh(fetch_fresh),
    .issue(issue),
    .next_channel(next_channel),
    .next_slot(next_slot),
    .ready(ready),
    .rst(rst),
    .slot(slot),
    .starts(starts),
    .valid(valid)
  );
  assign read_addr = {next_channel, 1'h0} + next_slot;
  wire [7:0] for_following_0 = fetch_fresh ? 8'h00 : channel ? total_1 : total_0;
  wire [7:0] for_following_0_2 = $signed(for_following_0) + $signed({sample[3:0], 2'h0});
  assign following_0 = $signed(starts ? for_following_0_2 : signal) - $signed({fetch_fresh ? 7'h00 : read_data, 1'h0});
  assign fetch = {channel, 1'h0} + slot;
  assign increment = $signed(products) << lifted[6];
  assign apply_slot = {signal_2[2], 1'h0} + signal_2[1];
  assign write_addr = {retired[2], 1'h0} + retired[1];
  assign beat = {retired[4:1], beat_data};
  assign factors = {factors_2[5:0], operands};
  assign write_en = retired[0];
  wire [7:0] for_total_1 = $signed(retired[1] ? partial : 8'h00) + $signed(beat_data);
  always @(posedge clk)
    if (rst) total_1 <= 8'h00;
    else if (&{retired[2:0], advance}) total_1 <= for_total_1;
  always @(posedge clk)
    if (rst) total_0 <= 8'h00;
    else if (&{~retired[2], retired[1:0], advance}) total_0 <= for_total_1;
  always @(posedge clk)
    if (rst) partial <= 8'h00;
    else if (retired[0] & advance) partial <= for_total_1;
  always @(posedge clk)
    if (rst) retired <= 5'h00;
    else if (advance) retired <= signal_2;
  always @(posedge clk)
    if (rst) signal_2 <= 5'h00;
    else if (advance) signal_2 <= signal_4;
  always @(posedge clk)
    if (rst) signal_4 <= 5'h00;
    else if (advance) signal_4 <= {starts ? sample[5] : signal_3, starts ? sample[4] : first, channel, slot, issue};
  wire for_signal_3 = starts & issue & advance;
  always @(posedge clk)
    if (rst) signal_3 <= 1'h0;
    else if (for_signal_3) signal_3 <= sample[5];
  always @(posedge clk)
    if (rst) first <= 1'h0;
    else if (for_signal_3) first <= sample[4];
  always @(posedge clk)
    if (rst) lifted <= 7'h00;
    else if (advance) lifted <= factors_2;
  wire for_ahead = issue & advance;
  always @(posedge clk)
    if (rst) ahead <= 8'h00;
    else if (for_ahead) ahead <= following_0;
  wire [7:0] for_signal = $signed(for_following_0) - $signed({sample[3:0], 2'h0});
  wire [7:0] for_signal_2 = starts ? for_signal : ahead;
  always @(posedge clk)
    if (rst) signal <= 8'h00;
    else if (for_ahead) signal <= for_signal_2;
  always @(posedge clk)
    if (rst) factors_2 <= 7'h00;
    else if (advance) factors_2 <= entry;
  always @(posedge clk)
    if (rst) operands <= 8'h00;
    else if (advance) operands <= for_signal_2;
  wire for_value = ~channel;
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_bank (
  input  wire        rst,
  input  wire        advance,
  input  wire [1:0]  read_addr,
  input  wire [13:0] increment,
  input  wire [1:0]  apply_slot,
  input  wire        fetch_fresh,
  input  wire        apply,
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
  input  wire clk,
  input  wire rst,
  input  wire advance,
  output wire starts,
  output wire ready,
  output wire issue,
  output wire fresh,
  output wire next_slot,
  output wire next_channel,
  input  wire first,
  output reg  slot = 1'h0,
  output reg  channel = 1'h0,
  input  wire valid
);
  reg awake = 1'h0;
  wire ends;
  reg held_fresh = 1'h0;
  reg [1:0] started = 2'h0;
  reg waiting = 1'h0;
  wire for_held_fresh = issue & starts;
  wire for_held_fresh_2 = for_held_fresh & advance;
  wire for_value = started[1] | channel;
  always @(posedge clk)
    if (rst) started[1] <= 1'h0;
    else if (for_held_fresh_2) started[1] <= for_value;
  always @(posedge clk)
    if (rst) started[0] <= 1'h0;
    else if (~channel & for_held_fresh & advance) started[0] <= 1'h1;
  assign starts = !slot;
  assign ends = issue & slot;
  assign ready = starts & !waiting & awake;
  assign issue = (valid & ready) | slot;
  wire for_fresh = started >> channel;
  assign fresh = slot ? held_fresh : (first | ~for_fresh);
  assign next_slot = ends ? 1'h0 : (slot + issue);
  assign next_channel = ends ? (channel ? 1'h0 : (channel + 1'h1)) : channel;
  always @(posedge clk)
    if (rst) waiting <= 1'h0;
    else if (advance) waiting <= (waiting & (waiting - 1'h1)) | ends;
  always @(posedge clk)
    if (rst) held_fresh <= 1'h0;
    else if (for_held_fresh_2) held_fresh <= fresh;
  always @(posedge clk)
    if (rst) channel <= 1'h0;
    else if (advance) channel <= next_channel;
  always @(posedge clk)
    if (rst) slot <= 1'h0;
    else if (advance) slot <= next_slot;
  always @(posedge clk)
    if (rst) awake <= 1'h0;
    else awake <= awake | advance;
endmodule

// All readouts of a sample, round(Σ coefficient·word · 2^−fraction), from its beats.
module lmu_memory_readouts (
  input  wire        rst,
  input  wire        advance,
  input  wire [10:0] beat,
  input  wire        beat_valid,
  output reg         valid = 1'h0,
  output reg  [16:0] readout = 17'h00000,
  input  wire        clk
);
  reg [5:0] before_ = 6'h00;
  wire constants_addr;
  reg [11:0] constants_data;
  reg [5:0] ended = 6'h00;
  wire [13:0] for_readout_2;
  reg [25:0] products = 26'h0000000;
  reg signal = 1'h0;
  reg [12:0] sum_0_0 = 13'h0000;
  reg [12:0] sum_1_0 = 13'h0000;
  wire tag_starts;
  reg [11:0] coefficients [0:1];
  initial begin
    coefficients[0] = 12'h410;
    coefficients[1] = 12'h400;
  end
  always @(posedge clk) begin
    if (advance) begin
      constants_data <= coefficients[constants_addr];
    end
  end
  assign tag_starts = !signal;
  assign for_readout_2[10:0] = $signed(sum_1_0[10:0]) + $signed(5'h08);
  assign constants_addr = beat_valid ? (signal ? 1'h0 : (signal + 1'h1)) : signal;
  wire for_sum_1_0_2 = before_[0] & advance;
  wire [12:0] for_sum_1_0 = $signed(before_[1] ? 13'h0000 : sum_1_0) + $signed(products[25:13]);
  always @(posedge clk)
    if (rst) sum_1_0 <= 13'h0000;
    else if (for_sum_1_0_2) sum_1_0 <= for_sum_1_0;
  wire [12:0] for_sum_0_0 = $signed(before_[1] ? 13'h0000 : sum_0_0) + $signed(products[12:0]);
  always @(posedge clk)
    if (rst) sum_0_0 <= 13'h0000;
    else if (for_sum_1_0_2) sum_0_0 <= for_sum_0_0;
  wire [10:0] for_readout = $signed(sum_0_0[10:0]) + $signed(5'h08);
  always @(posedge clk)
    if (rst) readout <= 17'h00000;
    else if (advance) readout <= {ended[5:3], for_readout_2[10:4], for_readout[10:4]};
  always @(posedge clk)
    if (rst) valid <= 1'h0;
    else if (advance) valid <= ended[0] & ended[2];
  always @(posedge clk)
    if (rst) ended <= 6'h00;
    else if (advance) ended <= before_;
  always @(posedge clk)
    if (rst) before_ <= 6'h00;
    else if (advance) before_ <= {beat[10:8], signal, tag_starts, beat_valid};
  wire [12:0] for_products_2 = $signed(beat[6:0]) * $signed(constants_data[11:6]);
  wire [12:0] for_products = $signed(beat[6:0]) * $signed(constants_data[5:0]);
  always @(posedge clk)
    if (rst) products <= 26'h0000000;
    else if (advance) products <= {for_products_2, for_products};
  always @(posedge clk)
    if (rst) signal <= 1'h0;
    else if (advance) signal <= constants_addr;
endmodule
