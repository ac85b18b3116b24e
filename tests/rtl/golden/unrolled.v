// lmu_memory: Legendre memory, chain datapath.
// order 2, theta 1.0 s, dt 0.01 s, euler step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 2 multiplier(s), 1 channel(s)
// Made by: golden
// Any kind of increment with a multiplier for each of its products, for orders up to 16.
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
  lmu_memory_pipeline_pipeline pipeline (
    .advance(advance),
    .beat(beat),
    .clk(clk),
    .ready(ready),
    .rst(rst),
    .sample(sample),
    .valid(valid),
    .write_en(beat_valid)
  );
endmodule

// issue → the increment's whole arithmetic, stage by stage → words; advances or stands still as a whole.
module lmu_memory_pipeline_pipeline (
  input  wire        clk,
  input  wire        rst,
  input  wire        advance,
  output wire        ready,
  input  wire [5:0]  sample,
  output wire [17:0] beat,
  output wire        write_en,
  input  wire        valid
);
  wire [13:0] beat_data;
  wire fresh;
  wire issue;
  reg [13:0] read_data;
  reg [10:0] register = 11'h000;
  reg [13:0] register_2 = 14'h0000;
  reg [7:0] register_3 = 8'h00;
  reg [3:0] register_4 = 4'h0;
  reg [6:0] register_5 = 7'h00;
  reg [8:0] register_6 = 9'h000;
  reg [8:0] register_7 = 9'h000;
  reg [3:0] stage_1 = 4'h0;
  reg [3:0] stage_2 = 4'h0;
  reg [3:0] stage_3 = 4'h0;
  reg [3:0] stage_4 = 4'h0;
  wire [6:0] word_0;
  wire [6:0] word_1;
  wire [13:0] words;
  reg [13:0] words_2 [0:0];
  initial begin
    words_2[0] = 14'h0000;
  end
  wire for_words_2 = advance & stage_4[0];
  always @(posedge clk) begin
    if (for_words_2)
      words_2[1'h0] <= words;
  end
  always @(posedge clk) begin
    if (advance) begin
      read_data <= words_2[1'h0];
      if (for_words_2)
        read_data <= words;
    end
  end
  lmu_memory_pipeline_pipeline_bank bank (
    .advance(advance),
    .apply(stage_3[0]),
    .clk(clk),
    .fetch_fresh(stage_1[1]),
    .increment({register_2[12:0], 1'h0, register[10], register, 2'h0}),
    .outputs(beat_data),
    .rst(rst),
    .words(words)
  );
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .advance(advance),
    .clk(clk),
    .first(sample[4]),
    .fresh(fresh),
    .issue(issue),
    .ready(ready),
    .rst(rst),
    .valid(valid)
  );
  assign word_0 = fresh ? 7'h00 : read_data[6:0];
  assign word_1 = fresh ? 7'h00 : read_data[13:7];
  assign beat = {stage_4[3:2], 2'h0, beat_data};
  assign write_en = stage_4[0];
  always @(posedge clk)
    if (rst) stage_4 <= 4'h0;
    else if (advance) stage_4 <= stage_3;
  always @(posedge clk)
    if (rst) stage_3 <= 4'h0;
    else if (advance) stage_3 <= stage_2;
  always @(posedge clk)
    if (rst) stage_2 <= 4'h0;
    else if (advance) stage_2 <= stage_1;
  always @(posedge clk)
    if (rst) stage_1 <= 4'h0;
    else if (advance) stage_1 <= {sample[5:4], fresh, issue};
  wire [13:0] for_register_2 = $signed(register_7) * $signed(6'h21);
  always @(posedge clk)
    if (rst) register_2 <= 14'h0000;
    else if (advance) register_2 <= for_register_2;
  wire [8:0] for_register_7_2 = $signed(register_3) + $signed({register_4, 2'h0});
  wire [8:0] for_register_7 = $signed(for_register_7_2) - $signed({register_5, 1'h0});
  always @(posedge clk)
    if (rst) register_7 <= 9'h000;
    else if (advance) register_7 <= for_register_7;
  wire [10:0] for_register = $signed(register_6) * $signed(4'hb);
  always @(posedge clk)
    if (rst) register <= 11'h000;
    else if (advance) register <= for_register;
  wire [8:0] for_register_6 = $signed(register_3) - $signed({register_4, 2'h0});
  always @(posedge clk)
    if (rst) register_6 <= 9'h000;
    else if (advance) register_6 <= for_register_6;
  always @(posedge clk)
    if (rst) register_5 <= 7'h00;
    else if (advance) register_5 <= word_0;
  always @(posedge clk)
    if (rst) register_4 <= 4'h0;
    else if (advance) register_4 <= sample[3:0];
  wire [7:0] for_register_3 = $signed(word_0) + $signed(word_1);
  always @(posedge clk)
    if (rst) register_3 <= 8'h00;
    else if (advance) register_3 <= for_register_3;
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_bank (
  input  wire        rst,
  input  wire        advance,
  input  wire [27:0] increment,
  input  wire        fetch_fresh,
  input  wire        apply,
  output wire [13:0] outputs,
  output reg  [13:0] words = 14'h0000,
  input  wire        clk
);
  reg [18:0] accumulator_0 = 19'h00000;
  reg [18:0] accumulator_1 = 19'h00000;
  reg [19:0] base_0 = 20'h00000;
  reg [19:0] base_1 = 20'h00000;
  wire [20:0] for_base_0_2;
  wire [20:0] for_base_1_2;
  reg fresh = 1'h0;
  reg [59:0] read_data;
  wire [18:0] sum_0;
  wire [18:0] sum_1;
  wire [17:0] value_0;
  wire [17:0] value_1;
  reg [59:0] write_data = 60'h000000000000000;
  reg write_en = 1'h0;
  reg [59:0] store [0:0];
  initial begin
    store[0] = 60'h000000000000000;
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
  assign sum_0 = $signed(accumulator_0) + $signed(increment[13:0]);
  assign value_0 = $signed(base_0[17:0]) + $signed(increment[13:0]);
  assign sum_1 = $signed(accumulator_1) + $signed(increment[27:14]);
  assign value_1 = $signed(base_1[17:0]) + $signed(increment[27:14]);
  wire [29:0] for_base_0 = fresh ? 30'h00000000 : read_data[29:0];
  assign {for_base_0_2[20], for_base_0_2[18:0]} = $signed(for_base_0[18:0]) + $signed(for_base_0[29:19]);
  wire [29:0] for_base_1 = fresh ? 30'h00000000 : read_data[59:30];
  assign {for_base_1_2[20], for_base_1_2[18:0]} = $signed(for_base_1[18:0]) + $signed(for_base_1[29:19]);
  assign for_base_0_2[19] = for_base_0_2[20];
  assign for_base_1_2[19] = for_base_1_2[20];
  assign outputs = words;
  wire [19:0] for_base_1_3 = $signed({for_base_1_2[20], for_base_1_2[18:0]}) + $signed(12'h400);
  always @(posedge clk)
    if (rst) base_1 <= 20'h00000;
    else if (advance) base_1 <= for_base_1_3;
  always @(posedge clk)
    if (rst) accumulator_1 <= 19'h00000;
    else if (advance) accumulator_1 <= for_base_1[18:0];
  always @(posedge clk)
    if (rst) write_data <= 60'h000000000000000;
    else if (advance) write_data <= {~value_1[10], value_1[9:0], sum_1, ~value_0[10], value_0[9:0], sum_0};
  always @(posedge clk)
    if (rst) words <= 14'h0000;
    else if (advance) words <= {value_1[17:11], value_0[17:11]};
  wire [19:0] for_base_0_3 = $signed({for_base_0_2[20], for_base_0_2[18:0]}) + $signed(12'h400);
  always @(posedge clk)
    if (rst) base_0 <= 20'h00000;
    else if (advance) base_0 <= for_base_0_3;
  always @(posedge clk)
    if (rst) accumulator_0 <= 19'h00000;
    else if (advance) accumulator_0 <= for_base_0[18:0];
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
  assign issue = valid & ready;
  assign fresh = first | ~started;
  always @(posedge clk)
    if (rst) waiting <= 3'h0;
    else if (advance & (issue | (|waiting))) waiting <= issue ? 3'h4 : (waiting - 1'h1);
  always @(posedge clk)
    if (rst) started <= 1'h0;
    else if (advance) started <= started | issue;
  always @(posedge clk)
    if (rst) awake <= 1'h0;
    else awake <= awake | advance;
endmodule
