// lmu_memory: Legendre memory, dense datapath.
// order 2, theta 1.0 s, dt 0.01 s, zoh step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.15, 4 multiplier(s), 1 channel(s)
// Made by: golden
// Any one-step rule as x += D·(x − e₀u), `lanes` products a cycle.
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
  output wire [17:0] beat,
  output wire        beat_valid,
  input  wire        valid
);
  reg [23:0] entry;
  wire [55:0] factors;
  reg [55:0] products = 56'h00000000000000;
  reg [23:0] table_ [0:0];
  initial begin
    table_[0] = 24'h89edb6;
  end
  always @(posedge clk) begin
    if (advance) begin
      entry <= table_[1'h0];
    end
  end
  lmu_memory_pipeline_pipeline pipeline (
    .advance(advance),
    .beat(beat),
    .clk(clk),
    .entry(entry),
    .factors(factors),
    .products(products),
    .ready(ready),
    .rst(rst),
    .sample(sample),
    .valid(valid),
    .write_en(beat_valid)
  );
  wire [13:0] for_products_4 = $signed(factors[49:42]) * $signed(factors[55:50]);
  wire [13:0] for_products_3 = $signed(factors[35:28]) * $signed(factors[41:36]);
  wire [13:0] for_products_2 = $signed(factors[21:14]) * $signed(factors[27:22]);
  wire [13:0] for_products = $signed(factors[7:0]) * $signed(factors[13:8]);
  always @(posedge clk)
    if (rst) products <= 56'h00000000000000;
    else if (advance) products <= {for_products_4, for_products_3, for_products_2, for_products};
endmodule

// issue → operand and coefficients → products → row sums → words; advances or stands still as a whole.
module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  output wire        ready,
  input  wire [23:0] entry,
  input  wire [5:0]  sample,
  input  wire [55:0] products,
  output wire [55:0] factors,
  output wire [17:0] beat,
  output wire        write_en,
  input  wire        valid
);
  reg bank_bit = 1'h0;
  wire [13:0] beat_data;
  wire ends;
  reg [14:0] for_factors_2 = 15'h0000;
  wire fresh;
  reg [5:0] held = 6'h00;
  reg [25:0] increment = 26'h0000000;
  wire issue;
  reg [6:0] issued = 7'h00;
  reg [6:0] multiplied_0 = 7'h00;
  reg [6:0] multiplied_1 = 7'h00;
  wire next_bank;
  reg [13:0] read_data;
  reg [6:0] retired = 7'h00;
  wire [5:0] sample_2;
  reg [6:0] signal = 7'h00;
  reg [14:0] stage = 15'h0000;
  reg [14:0] stage_2 = 15'h0000;
  wire starts;
  wire [13:0] words;
  reg [13:0] words_2 [0:1];
  initial begin
    words_2[0] = 14'h0000;
    words_2[1] = 14'h0000;
  end
  wire for_words_2 = advance & retired[0];
  always @(posedge clk) begin
    if (for_words_2)
      words_2[retired[3]] <= words;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_data <= words_2[next_bank];
      if (for_words_2 && next_bank == retired[3])
        read_data <= words;
    end
  end
  lmu_memory_pipeline_pipeline_bank bank (
    .advance(advance),
    .apply(signal[0]),
    .clk(clk),
    .fetch_fresh(multiplied_0[4]),
    .increment(increment),
    .outputs(beat_data),
    .rst(rst),
    .words(words)
  );
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .advance(advance),
    .clk(clk),
    .ends(ends),
    .first(sample[4]),
    .fresh(fresh),
    .issue(issue),
    .ready(ready),
    .rst(rst),
    .starts(starts),
    .valid(valid)
  );
  assign next_bank = bank_bit ^ ends;
  assign sample_2 = starts ? sample : held;
  assign {factors[49], factors[47:42], factors[35:28]} = for_factors_2;
  assign beat = {retired[6:5], 2'h0, beat_data};
  assign {factors[55:50], factors[48], factors[41:36], factors[27:0]} = {entry[23:18], factors[49], entry[17:6], {2{factors[49]}}, factors[47:42], entry[5:0], factors[35:28]};
  assign write_en = retired[0];
  wire [14:0] for_stage_2 = $signed(products[41:28]) + $signed(products[55:42]);
  always @(posedge clk)
    if (rst) stage_2 <= 15'h0000;
    else if (advance) stage_2 <= for_stage_2;
  wire [12:0] for_increment_2 = $signed(multiplied_1[1] ? 13'h0000 : increment[25:13]) + $signed(stage_2[12:0]);
  wire [12:0] for_increment = $signed(multiplied_1[1] ? 13'h0000 : increment[12:0]) + $signed(stage[12:0]);
  always @(posedge clk)
    if (rst) increment <= 26'h0000000;
    else if (multiplied_1[0] & advance) increment <= {for_increment_2, for_increment};
  wire [14:0] for_stage = $signed(products[13:0]) + $signed(products[27:14]);
  always @(posedge clk)
    if (rst) stage <= 15'h0000;
    else if (advance) stage <= for_stage;
  always @(posedge clk)
    if (rst) retired <= 7'h00;
    else if (advance) retired <= signal;
  always @(posedge clk)
    if (rst) signal <= 7'h00;
    else if (advance) signal <= {multiplied_1[6:1], multiplied_1[0] & multiplied_1[2]};
  always @(posedge clk)
    if (rst) multiplied_1 <= 7'h00;
    else if (advance) multiplied_1 <= multiplied_0;
  always @(posedge clk)
    if (rst) multiplied_0 <= 7'h00;
    else if (advance) multiplied_0 <= issued;
  always @(posedge clk)
    if (rst) issued <= 7'h00;
    else if (advance) issued <= {sample_2[5:4], fresh, ~bank_bit, 2'h3, issue};
  wire [7:0] for_factors = $signed(fresh ? 7'h00 : read_data[6:0]) - $signed({sample_2[3:0], 2'h0});
  always @(posedge clk)
    if (rst) for_factors_2 <= 15'h0000;
    else if (advance) for_factors_2 <= {fresh ? 7'h00 : read_data[13:7], for_factors};
  always @(posedge clk)
    if (rst) held <= 6'h00;
    else if (starts & issue & advance) held <= sample;
  always @(posedge clk)
    if (rst) bank_bit <= 1'h0;
    else if (advance) bank_bit <= next_bank;
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_bank (
  input  wire        rst,
  input  wire        advance,
  input  wire        fetch_fresh,
  input  wire        apply,
  input  wire [25:0] increment,
  output wire [13:0] outputs,
  output reg  [13:0] words = 14'h0000,
  input  wire        clk
);
  reg [17:0] accumulator_0 = 18'h00000;
  reg [17:0] accumulator_1 = 18'h00000;
  reg [18:0] base_0 = 19'h00000;
  reg [18:0] base_1 = 19'h00000;
  wire [19:0] for_base_0_2;
  wire [19:0] for_base_1_2;
  reg fresh = 1'h0;
  reg [55:0] read_data;
  wire [17:0] sum_0;
  wire [17:0] sum_1;
  wire [16:0] value_0;
  wire [16:0] value_1;
  reg [55:0] write_data = 56'h00000000000000;
  reg write_en = 1'h0;
  reg [55:0] store [0:0];
  initial begin
    store[0] = 56'h00000000000000;
  end
  wire for_store = advance & write_en;
  always @(posedge clk) begin
    if (for_store)
      store[1'h0] <= write_data;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_data <= store[1'h0];
      if (for_store)
        read_data <= write_data;
    end
  end
  assign sum_0 = $signed(accumulator_0) + $signed(increment[12:0]);
  assign value_0 = $signed(base_0[16:0]) + $signed(increment[12:0]);
  assign sum_1 = $signed(accumulator_1) + $signed(increment[25:13]);
  assign value_1 = $signed(base_1[16:0]) + $signed(increment[25:13]);
  wire [27:0] for_base_0 = fresh ? 28'h0000000 : read_data[27:0];
  assign {for_base_0_2[19], for_base_0_2[17:0]} = $signed(for_base_0[17:0]) + $signed(for_base_0[27:18]);
  wire [27:0] for_base_1 = fresh ? 28'h0000000 : read_data[55:28];
  assign {for_base_1_2[19], for_base_1_2[17:0]} = $signed(for_base_1[17:0]) + $signed(for_base_1[27:18]);
  assign for_base_0_2[18] = for_base_0_2[19];
  assign for_base_1_2[18] = for_base_1_2[19];
  assign outputs = words;
  wire [18:0] for_base_1_3 = $signed({for_base_1_2[19], for_base_1_2[17:0]}) + $signed(11'h200);
  always @(posedge clk)
    if (rst) base_1 <= 19'h00000;
    else if (advance) base_1 <= for_base_1_3;
  always @(posedge clk)
    if (rst) accumulator_1 <= 18'h00000;
    else if (advance) accumulator_1 <= for_base_1[17:0];
  always @(posedge clk)
    if (rst) write_data <= 56'h00000000000000;
    else if (advance) write_data <= {~value_1[9], value_1[8:0], sum_1, ~value_0[9], value_0[8:0], sum_0};
  always @(posedge clk)
    if (rst) words <= 14'h0000;
    else if (advance) words <= {value_1[16:10], value_0[16:10]};
  wire [18:0] for_base_0_3 = $signed({for_base_0_2[19], for_base_0_2[17:0]}) + $signed(11'h200);
  always @(posedge clk)
    if (rst) base_0 <= 19'h00000;
    else if (advance) base_0 <= for_base_0_3;
  always @(posedge clk)
    if (rst) accumulator_0 <= 18'h00000;
    else if (advance) accumulator_0 <= for_base_0[17:0];
  always @(posedge clk)
    if (rst) write_en <= 1'h0;
    else if (advance) write_en <= apply;
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
  output wire ends,
  output wire ready,
  output wire issue,
  output wire fresh,
  input  wire first,
  input  wire valid
);
  reg awake = 1'h0;
  reg started = 1'h0;
  reg [2:0] waiting = 3'h0;
  assign ready = !waiting & awake;
  assign ends = valid & ready;
  assign fresh = first | ~started;
  assign issue = ends;
  assign starts = 1'h1;
  always @(posedge clk)
    if (rst) waiting <= 3'h0;
    else if (advance & (ends | (|waiting))) waiting <= ends ? 3'h5 : (waiting - 1'h1);
  always @(posedge clk)
    if (rst) started <= 1'h0;
    else if (advance) started <= started | ends;
  always @(posedge clk)
    if (rst) awake <= 1'h0;
    else awake <= awake | advance;
endmodule
