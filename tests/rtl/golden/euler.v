// lmu_memory: Legendre memory, chain datapath.
// order 3, theta 1.0 s, dt 0.01 s, euler step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 1 multiplier(s), 1 channel(s)
// Made by: golden
// Forward Euler or Adams–Bashforth 2 on the chain, `lanes` states a cycle, a divisor of the order.
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
  output wire [11:0] beat,
  output wire        beat_valid,
  input  wire        valid
);
  wire [1:0] address;
  reg [7:0] entry;
  wire [13:0] factors;
  reg [13:0] products = 14'h0000;
  reg [7:0] table_ [0:2];
  initial begin
    table_[0] = 8'h2c;
    table_[1] = 8'h61;
    table_[2] = 8'ha6;
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
  output wire [1:0]  next_slot,
  input  wire [7:0]  entry,
  input  wire [5:0]  sample,
  input  wire [13:0] products,
  output wire [13:0] factors,
  output wire [11:0] beat,
  output wire        write_en,
  input  wire        valid
);
  reg [7:0] ahead = 8'h00;
  wire [6:0] beat_data;
  reg [7:0] factors_2 = 8'h00;
  wire [1:0] fetch;
  wire fetch_fresh;
  reg first = 1'h0;
  wire [7:0] following_0;
  wire [14:0] increment;
  wire issue;
  reg [7:0] lifted = 8'h00;
  reg [7:0] operands = 8'h00;
  reg [7:0] partial = 8'h00;
  reg [6:0] read_data;
  reg [4:0] retired = 5'h00;
  reg [7:0] signal = 8'h00;
  reg [4:0] signal_2 = 5'h00;
  reg signal_3 = 1'h0;
  reg [4:0] signal_4 = 5'h00;
  wire starts;
  reg [7:0] total_0 = 8'h00;
  reg [6:0] words [0:2];
  initial begin
    words[0] = 7'h00;
    words[1] = 7'h00;
    words[2] = 7'h00;
  end
  wire for_words = advance & retired[0];
  always @(posedge clk) begin
    if (for_words)
      words[retired[2:1]] <= beat_data;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_data <= words[next_slot];
      if (for_words && next_slot == retired[2:1])
        read_data <= beat_data;
    end
  end
  lmu_memory_pipeline_pipeline_bank bank (
    .advance(advance),
    .apply(signal_2[0]),
    .apply_slot(signal_2[2:1]),
    .clk(clk),
    .fetch_fresh(fetch_fresh),
    .increment(increment),
    .outputs(beat_data),
    .read_addr(fetch),
    .rst(rst)
  );
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .advance(advance),
    .clk(clk),
    .first(sample[4]),
    .fresh(fetch_fresh),
    .issue(issue),
    .next_slot(next_slot),
    .ready(ready),
    .rst(rst),
    .slot(fetch),
    .starts(starts),
    .valid(valid)
  );
  wire [7:0] for_following_0 = fetch_fresh ? 8'h00 : total_0;
  wire [7:0] for_following_0_2 = $signed(for_following_0) + $signed({sample[3:0], 2'h0});
  assign following_0 = $signed(starts ? for_following_0_2 : signal) - $signed({fetch_fresh ? 7'h00 : read_data, 1'h0});
  assign increment = $signed(products) << lifted[7:6];
  assign beat = {retired[4:3], 1'h0, retired[2:1], beat_data};
  assign factors = {factors_2[5:0], operands};
  assign write_en = retired[0];
  wire [7:0] for_total_0 = $signed(!retired[2:1] ? 8'h00 : partial) + $signed(beat_data);
  always @(posedge clk)
    if (rst) total_0 <= 8'h00;
    else if ((retired[2:1] == 2'h2) & retired[0] & advance) total_0 <= for_total_0;
  always @(posedge clk)
    if (rst) partial <= 8'h00;
    else if (retired[0] & advance) partial <= for_total_0;
  always @(posedge clk)
    if (rst) retired <= 5'h00;
    else if (advance) retired <= signal_2;
  always @(posedge clk)
    if (rst) signal_2 <= 5'h00;
    else if (advance) signal_2 <= signal_4;
  always @(posedge clk)
    if (rst) signal_4 <= 5'h00;
    else if (advance) signal_4 <= {starts ? sample[5] : signal_3, starts ? sample[4] : first, fetch, issue};
  wire for_signal_3 = starts & issue & advance;
  always @(posedge clk)
    if (rst) signal_3 <= 1'h0;
    else if (for_signal_3) signal_3 <= sample[5];
  always @(posedge clk)
    if (rst) first <= 1'h0;
    else if (for_signal_3) first <= sample[4];
  always @(posedge clk)
    if (rst) lifted <= 8'h00;
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
    if (rst) factors_2 <= 8'h00;
    else if (advance) factors_2 <= entry;
  always @(posedge clk)
    if (rst) operands <= 8'h00;
    else if (advance) operands <= for_signal_2;
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_bank (
  input  wire        rst,
  input  wire        advance,
  input  wire [1:0]  read_addr,
  input  wire [14:0] increment,
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
  reg [29:0] store [0:2];
  initial begin
    store[0] = 30'h00000000;
    store[1] = 30'h00000000;
    store[2] = 30'h00000000;
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
  input  wire       clk,
  input  wire       rst,
  input  wire       advance,
  output wire       starts,
  output wire       ready,
  output wire       issue,
  output wire       fresh,
  output wire [1:0] next_slot,
  input  wire       first,
  output reg  [1:0] slot = 2'h0,
  input  wire       valid
);
  reg awake = 1'h0;
  wire ends;
  reg held_fresh = 1'h0;
  reg started = 1'h0;
  reg [1:0] waiting = 2'h0;
  assign starts = !slot;
  assign ends = issue & (slot == 2'h2);
  assign ready = starts & !waiting & awake;
  assign issue = starts ? (valid & ready) : 1'h1;
  assign fresh = starts ? (first | ~started) : held_fresh;
  assign next_slot = ends ? 2'h0 : (slot + issue);
  always @(posedge clk)
    if (rst) waiting <= 2'h0;
    else if (advance & (ends | (|waiting))) waiting <= ends ? 2'h3 : (waiting - 1'h1);
  wire for_started = issue & starts;
  always @(posedge clk)
    if (rst) started <= 1'h0;
    else if (advance) started <= started | for_started;
  always @(posedge clk)
    if (rst) held_fresh <= 1'h0;
    else if (for_started & advance) held_fresh <= fresh;
  always @(posedge clk)
    if (rst) slot <= 2'h0;
    else if (advance) slot <= next_slot;
  always @(posedge clk)
    if (rst) awake <= 1'h0;
    else awake <= awake | advance;
endmodule
