// lmu_memory: Legendre memory, dense datapath.
// order 3, theta 1.0 s, dt 0.01 s, zoh step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.14, 1 multiplier(s), 1 channel(s)
// Made by: golden
// Any one-step rule as x += D·(x − e₀u), `lanes` products a cycle.
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
  wire [3:0] address;
  reg [5:0] entry;
  wire [13:0] factors;
  reg [13:0] products = 14'h0000;
  reg [5:0] table_ [0:8];
  initial begin
    table_[0] = 6'h3b;
    table_[1] = 6'h3b;
    table_[2] = 6'h3b;
    table_[3] = 6'h0f;
    table_[4] = 6'h30;
    table_[5] = 6'h31;
    table_[6] = 6'h28;
    table_[7] = 6'h19;
    table_[8] = 6'h27;
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
  wire [13:0] for_products = $signed(factors[7:0]) * $signed(factors[13:8]);
  always @(posedge clk)
    if (rst) products <= 14'h0000;
    else if (advance) products <= for_products;
endmodule

// issue → operand and coefficients → products → row sums → words; advances or stands still as a whole.
module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  output wire        ready,
  input  wire [5:0]  entry,
  input  wire [5:0]  sample,
  input  wire [13:0] products,
  output wire [13:0] factors,
  output wire [11:0] beat,
  output wire        write_en,
  output wire [3:0]  address,
  input  wire        valid
);
  reg bank_bit = 1'h0;
  wire [6:0] beat_data;
  reg [1:0] column = 2'h0;
  wire [1:0] column_group;
  wire ends;
  reg [7:0] factors_2 = 8'h00;
  wire fresh;
  reg [5:0] held = 6'h00;
  reg [12:0] increment = 13'h0000;
  wire issue;
  reg [8:0] issued = 9'h000;
  reg [8:0] multiplied_0 = 9'h000;
  wire next_bank;
  reg [6:0] read_data;
  reg [8:0] retired = 9'h000;
  wire row_ends;
  wire [5:0] sample_2;
  reg [1:0] signal = 2'h0;
  reg [8:0] signal_2 = 9'h000;
  wire starts;
  reg [6:0] words [0:5];
  initial begin
    words[0] = 7'h00;
    words[1] = 7'h00;
    words[2] = 7'h00;
    words[3] = 7'h00;
    words[4] = 7'h00;
    words[5] = 7'h00;
  end
  wire for_words = advance & retired[0];
  always @(posedge clk) begin
    if (for_words)
      words[{ retired[4:3], retired[5] }] <= beat_data;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_data <= words[{ column_group, next_bank }];
      if (for_words && { column_group, next_bank } == { retired[4:3], retired[5] })
        read_data <= beat_data;
    end
  end
  lmu_memory_pipeline_pipeline_bank bank (
    .advance(advance),
    .apply(signal_2[0]),
    .apply_slot(signal_2[4:3]),
    .clk(clk),
    .fetch_fresh(issued[6]),
    .increment(increment),
    .outputs(beat_data),
    .read_addr(issued[4:3]),
    .rst(rst)
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
    .slot(address),
    .starts(starts),
    .valid(valid)
  );
  assign row_ends = column == 2'h2;
  assign next_bank = bank_bit ^ ends;
  assign sample_2 = starts ? sample : held;
  assign column_group = issue ? (row_ends ? 2'h0 : (column + 1'h1)) : column;
  assign beat = {retired[8:7], 1'h0, retired[4:3], beat_data};
  assign factors = {entry, factors_2};
  assign write_en = retired[0];
  wire [12:0] for_increment = $signed(multiplied_0[1] ? 13'h0000 : increment) + $signed(products[12:0]);
  always @(posedge clk)
    if (rst) increment <= 13'h0000;
    else if (multiplied_0[0] & advance) increment <= for_increment;
  always @(posedge clk)
    if (rst) retired <= 9'h000;
    else if (advance) retired <= signal_2;
  always @(posedge clk)
    if (rst) signal_2 <= 9'h000;
    else if (advance) signal_2 <= {multiplied_0[8:1], multiplied_0[0] & multiplied_0[2]};
  always @(posedge clk)
    if (rst) multiplied_0 <= 9'h000;
    else if (advance) multiplied_0 <= issued;
  wire for_factors_2 = !column;
  always @(posedge clk)
    if (rst) issued <= 9'h000;
    else if (advance) issued <= {sample_2[5:4], fresh, ~bank_bit, signal, row_ends, for_factors_2, issue};
  wire [7:0] for_factors_2_2 = $signed(fresh ? 7'h00 : read_data) - $signed({for_factors_2 ? sample_2[3:0] : 4'h0, 2'h0});
  always @(posedge clk)
    if (rst) factors_2 <= 8'h00;
    else if (advance) factors_2 <= for_factors_2_2;
  always @(posedge clk)
    if (rst) held <= 6'h00;
    else if (starts & issue & advance) held <= sample;
  always @(posedge clk)
    if (rst) bank_bit <= 1'h0;
    else if (advance) bank_bit <= next_bank;
  always @(posedge clk)
    if (rst) column <= 2'h0;
    else if (advance) column <= column_group;
  always @(posedge clk)
    if (rst) signal <= 2'h0;
    else if (issue & row_ends & advance) signal <= (signal == 2'h2) ? 2'h0 : (signal + 1'h1);
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_bank (
  input  wire        rst,
  input  wire        advance,
  input  wire [1:0]  read_addr,
  input  wire [1:0]  apply_slot,
  input  wire        fetch_fresh,
  input  wire        apply,
  input  wire [12:0] increment,
  output reg  [6:0]  outputs = 7'h00,
  input  wire        clk
);
  reg [16:0] accumulator_0 = 17'h00000;
  reg [17:0] base_0 = 18'h00000;
  wire [18:0] for_base_0_3;
  reg fresh = 1'h0;
  reg [25:0] read_data;
  wire [16:0] sum_0;
  wire [17:0] value_0;
  reg [1:0] write_addr = 2'h0;
  reg [25:0] write_data = 26'h0000000;
  reg write_en = 1'h0;
  reg [25:0] store [0:2];
  initial begin
    store[0] = 26'h0000000;
    store[1] = 26'h0000000;
    store[2] = 26'h0000000;
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
  assign value_0[15:0] = $signed(base_0[15:0]) + $signed(increment);
  wire [25:0] for_base_0_2 = fresh ? 26'h0000000 : read_data;
  assign {for_base_0_3[18], for_base_0_3[16:0]} = $signed(for_base_0_2[16:0]) + $signed(for_base_0_2[25:17]);
  assign for_base_0_3[17] = for_base_0_3[18];
  always @(posedge clk)
    if (rst) write_data <= 26'h0000000;
    else if (advance) write_data <= {~value_0[8], value_0[7:0], sum_0};
  always @(posedge clk)
    if (rst) outputs <= 7'h00;
    else if (advance) outputs <= value_0[15:9];
  wire [17:0] for_base_0 = $signed({for_base_0_3[18], for_base_0_3[16:0]}) + $signed(10'h100);
  always @(posedge clk)
    if (rst) base_0 <= 18'h00000;
    else if (advance) base_0 <= for_base_0;
  always @(posedge clk)
    if (rst) accumulator_0 <= 17'h00000;
    else if (advance) accumulator_0 <= for_base_0_2[16:0];
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
  output wire       ends,
  output wire       ready,
  output wire       issue,
  output wire       fresh,
  input  wire       first,
  output reg  [3:0] slot = 4'h0,
  input  wire       valid
);
  reg awake = 1'h0;
  reg held_fresh = 1'h0;
  wire [3:0] next_slot;
  reg started = 1'h0;
  reg [1:0] waiting = 2'h0;
  assign starts = !slot;
  assign ends = issue & (slot == 4'h8);
  assign ready = starts & !waiting & awake;
  assign issue = starts ? (valid & ready) : 1'h1;
  assign fresh = starts ? (first | ~started) : held_fresh;
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
