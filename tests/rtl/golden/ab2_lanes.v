// lmu_memory: Legendre memory, chain datapath.
// order 4, theta 1.0 s, dt 0.01 s, ab2 step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 2 multiplier(s), 1 channel(s)
// Made by: golden
// Forward Euler or Adams–Bashforth 2 on the chain, `lanes` states a cycle, a divisor of the order.
module lmu_memory (
  input  wire        clk,                           // clock, rising edge
  input  wire        rst,                           // synchronous reset, active high; forgets all state
  input  wire        in_valid,                      // a sample is offered
  output wire        in_ready,                      // it is taken at this clock edge
  input  wire [7:0]  in_data,                       // sample, sQ1.3 two's complement; what exceeds 4 bits is saturated
  input  wire        in_first,                      // it starts a sequence: the state counts as zero
  input  wire        in_last,                       // it ends a sequence; handed on as out_last
  output wire        out_valid,                     // a beat of state words is offered
  input  wire        out_ready,                     // it is taken at this clock edge
  output wire [13:0] out_data,                      // 2 state word(s), sQ2.5 each, the first in the lowest bits
  output wire [1:0]  out_index,                     // state of the first word, 0 to 3
  output wire        out_channel,                   // channel of the sample
  output wire        out_first,                     // in_first of the sample
  output wire        out_last,                      // in_last of the sample
  output reg         saturated = 1'h0,              // a sample was out of range since reset or clear_status
  input  wire        clear_status                   // clears saturated at this clock edge
);
  wire advance;
  wire [18:0] beat;
  wire ready;
  wire [3:0] sample_data;
  lmu_memory_pipeline pipeline (
    .advance(advance),
    .beat(beat),
    .beat_valid(out_valid),
    .clk(clk),
    .ready(ready),
    .rst(rst),
    .sample({in_last, in_first, sample_data}),
    .valid(in_valid)
  );
  wire [3:0] for_sample_data = ($signed(in_data) < $signed(4'h8)) ? 4'h8 : in_data[3:0];
  assign sample_data = ($signed(in_data) > $signed(4'h7)) ? 4'h7 : for_sample_data;
  assign in_ready = ready & advance;
  assign advance = ~out_valid | out_ready;
  assign out_channel = beat[16];
  assign out_data = beat[13:0];
  assign out_first = beat[17];
  assign out_index = beat[15:14];
  assign out_last = beat[18];
  wire for_saturated = in_valid & in_ready & ($signed(sample_data) != $signed(in_data));
  always @(posedge clk)
    if (rst) saturated <= 1'h0;
    else saturated <= (clear_status ? 1'h0 : saturated) | for_saturated;
endmodule

module lmu_memory_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  output wire        ready,
  input  wire [5:0]  sample,
  output wire [18:0] beat,
  output wire        beat_valid,
  input  wire        valid
);
  wire address;
  reg [15:0] entry;
  wire [27:0] factors;
  reg [27:0] products = 28'h0000000;
  reg [15:0] table_ [0:1];
  initial begin
    table_[0] = 16'h612c;
    table_[1] = 16'heea6;
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
  wire [13:0] for_products_2 = $signed(factors[21:14]) * $signed(factors[27:22]);
  wire [13:0] for_products = $signed(factors[7:0]) * $signed(factors[13:8]);
  always @(posedge clk)
    if (rst) products <= 28'h0000000;
    else if (advance) products <= {for_products_2, for_products};
endmodule

// issue → operand registers → products → sums and words; the whole pipeline advances or stands still.
module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  output wire        ready,
  output wire        next_slot,
  input  wire [15:0] entry,
  input  wire [5:0]  sample,
  input  wire [27:0] products,
  output wire [27:0] factors,
  output wire [18:0] beat,
  output wire        write_en,
  input  wire        valid
);
  reg [7:0] ahead = 8'h00;
  wire [13:0] beat_data;
  reg [15:0] factors_2 = 16'h0000;
  wire fetch;
  wire fetch_fresh;
  reg first = 1'h0;
  wire [7:0] following_0;
  wire [7:0] following_1;
  wire [29:0] increment;
  wire issue;
  reg [15:0] lifted = 16'h0000;
  reg [15:0] operands = 16'h0000;
  reg [7:0] partial = 8'h00;
  reg [13:0] read_data;
  reg [3:0] retired = 4'h0;
  reg [7:0] signal = 8'h00;
  reg [3:0] signal_2 = 4'h0;
  reg signal_3 = 1'h0;
  reg [3:0] signal_4 = 4'h0;
  wire starts;
  reg [7:0] total_0 = 8'h00;
  wire [13:0] words;
  reg [13:0] words_2 [0:1];
  initial begin
    words_2[0] = 14'h0000;
    words_2[1] = 14'h0000;
  end
  wire for_words_2 = advance & retired[0];
  always @(posedge clk) begin
    if (for_words_2)
      words_2[retired[1]] <= words;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_data <= words_2[next_slot];
      if (for_words_2 && next_slot == retired[1])
        read_data <= words;
    end
  end
  lmu_memory_pipeline_pipeline_bank bank (
    .advance(advance),
    .apply(signal_2[0]),
    .apply_slot(signal_2[1]),
    .clk(clk),
    .fetch_fresh(fetch_fresh),
    .increment(increment),
    .outputs(beat_data),
    .read_addr(fetch),
    .rst(rst),
    .words(words)
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
  assign following_0 = $signed(starts ? for_following_0_2 : signal) - $signed({fetch_fresh ? 7'h00 : read_data[6:0], 1'h0});
  wire [7:0] for_following_1 = $signed(for_following_0) - $signed({sample[3:0], 2'h0});
  wire [7:0] for_following_1_2 = starts ? for_following_1 : ahead;
  assign following_1 = $signed(for_following_1_2) - $signed({fetch_fresh ? 7'h00 : read_data[13:7], 1'h0});
  assign increment[14:0] = $signed(products[13:0]) << lifted[7:6];
  assign increment[29:15] = $signed(products[27:14]) << lifted[15:14];
  assign beat = {retired[3:2], 1'h0, retired[1], 1'h0, beat_data};
  assign factors = {factors_2[13:8], operands[15:8], factors_2[5:0], operands[7:0]};
  assign write_en = retired[0];
  wire [7:0] for_total_0 = $signed(retired[1] ? partial : 8'h00) + $signed(words[6:0]);
  wire [7:0] for_total_0_2 = $signed(for_total_0) + $signed(words[13:7]);
  always @(posedge clk)
    if (rst) total_0 <= 8'h00;
    else if (&{retired[1:0], advance}) total_0 <= for_total_0_2;
  always @(posedge clk)
    if (rst) partial <= 8'h00;
    else if (retired[0] & advance) partial <= for_total_0_2;
  always @(posedge clk)
    if (rst) retired <= 4'h0;
    else if (advance) retired <= signal_2;
  always @(posedge clk)
    if (rst) signal_2 <= 4'h0;
    else if (advance) signal_2 <= signal_4;
  always @(posedge clk)
    if (rst) signal_4 <= 4'h0;
    else if (advance) signal_4 <= {starts ? sample[5] : signal_3, starts ? sample[4] : first, fetch, issue};
  wire for_signal_3 = starts & issue & advance;
  always @(posedge clk)
    if (rst) signal_3 <= 1'h0;
    else if (for_signal_3) signal_3 <= sample[5];
  always @(posedge clk)
    if (rst) first <= 1'h0;
    else if (for_signal_3) first <= sample[4];
  always @(posedge clk)
    if (rst) lifted <= 16'h0000;
    else if (advance) lifted <= factors_2;
  wire for_ahead = issue & advance;
  always @(posedge clk)
    if (rst) ahead <= 8'h00;
    else if (for_ahead) ahead <= following_1;
  always @(posedge clk)
    if (rst) signal <= 8'h00;
    else if (for_ahead) signal <= following_0;
  always @(posedge clk)
    if (rst) factors_2 <= 16'h0000;
    else if (advance) factors_2 <= entry;
  always @(posedge clk)
    if (rst) operands <= 16'h0000;
    else if (advance) operands <= {following_0, for_following_1_2};
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_bank (
  input  wire        rst,
  input  wire        advance,
  input  wire        read_addr,
  input  wire        apply_slot,
  input  wire        fetch_fresh,
  input  wire [29:0] increment,
  input  wire        apply,
  output wire [13:0] outputs,
  output reg  [13:0] words = 14'h0000,
  input  wire        clk
);
  reg [18:0] accumulator_0 = 19'h00000;
  reg [18:0] accumulator_1 = 19'h00000;
  reg [20:0] base_0 = 21'h000000;
  reg [20:0] base_1 = 21'h000000;
  wire [17:0] for_value_0;
  wire [17:0] for_value_1;
  reg fresh = 1'h0;
  reg [61:0] read_data;
  wire [18:0] sum_0;
  wire [18:0] sum_1;
  wire [18:0] value_0;
  wire [18:0] value_1;
  reg write_addr = 1'h0;
  reg [61:0] write_data = 62'h0000000000000000;
  reg write_en = 1'h0;
  reg [61:0] store [0:1];
  initial begin
    store[0] = 62'h0000000000000000;
    store[1] = 62'h0000000000000000;
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
  assign sum_0 = $signed(accumulator_0) + $signed(increment[14:0]);
  assign {for_value_0[17], for_value_0[15:0]} = $signed(increment[14:0]) + $signed({increment[14:0], 1'h0});
  assign value_0 = $signed(base_0[18:0]) + $signed({for_value_0[17], for_value_0[15:0]});
  assign sum_1 = $signed(accumulator_1) + $signed(increment[29:15]);
  assign {for_value_1[17], for_value_1[15:0]} = $signed(increment[29:15]) + $signed({increment[29:15], 1'h0});
  assign value_1 = $signed(base_1[18:0]) + $signed({for_value_1[17], for_value_1[15:0]});
  assign for_value_1[16] = for_value_1[17];
  assign for_value_0[16] = for_value_0[17];
  assign outputs = words;
  wire [30:0] for_base_1 = fresh ? 31'h00000000 : read_data[61:31];
  wire [20:0] for_base_1_2 = $signed({for_base_1[18:0], 1'h0}) + $signed(for_base_1[30:19]);
  wire [20:0] for_base_1_3 = $signed(for_base_1_2) + $signed(13'h0800);
  always @(posedge clk)
    if (rst) base_1 <= 21'h000000;
    else if (advance) base_1 <= for_base_1_3;
  always @(posedge clk)
    if (rst) accumulator_1 <= 19'h00000;
    else if (advance) accumulator_1 <= for_base_1[18:0];
  always @(posedge clk)
    if (rst) write_data <= 62'h0000000000000000;
    else if (advance) write_data <= {~value_1[11], value_1[10:0], sum_1, ~value_0[11], value_0[10:0], sum_0};
  always @(posedge clk)
    if (rst) words <= 14'h0000;
    else if (advance) words <= {value_1[18:12], value_0[18:12]};
  wire [30:0] for_base_0 = fresh ? 31'h00000000 : read_data[30:0];
  wire [20:0] for_base_0_2 = $signed({for_base_0[18:0], 1'h0}) + $signed(for_base_0[30:19]);
  wire [20:0] for_base_0_3 = $signed(for_base_0_2) + $signed(13'h0800);
  always @(posedge clk)
    if (rst) base_0 <= 21'h000000;
    else if (advance) base_0 <= for_base_0_3;
  always @(posedge clk)
    if (rst) accumulator_0 <= 19'h00000;
    else if (advance) accumulator_0 <= for_base_0[18:0];
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
  input  wire clk,
  input  wire rst,
  input  wire advance,
  output wire starts,
  output wire ready,
  output wire issue,
  output wire fresh,
  output wire next_slot,
  input  wire first,
  output reg  slot = 1'h0,
  input  wire valid
);
  reg awake = 1'h0;
  wire ends;
  reg held_fresh = 1'h0;
  reg started = 1'h0;
  reg [1:0] waiting = 2'h0;
  assign starts = !slot;
  assign ends = issue & slot;
  assign ready = starts & !waiting & awake;
  assign issue = (valid & ready) | slot;
  assign fresh = slot ? held_fresh : (first | ~started);
  assign next_slot = ends ? 1'h0 : (slot + issue);
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
    if (rst) slot <= 1'h0;
    else if (advance) slot <= next_slot;
  always @(posedge clk)
    if (rst) awake <= 1'h0;
    else awake <= awake | advance;
endmodule
