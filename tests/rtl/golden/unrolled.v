// lmu_memory: Legendre memory, chain datapath.
// order 2, theta 1.0 s, dt 0.01 s, euler step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 2 multiplier(s), 1 channel(s)
// Made by: golden
// Any kind of increment with a multiplier for each of its products, for orders up to 16.
module lmu_memory (
  input  wire        clk,          // clock, rising edge
  input  wire        rst,          // synchronous reset, active high; forgets all state
  input  wire        in_valid,     // a sample is offered
  output wire        in_ready,     // it is taken at this clock edge
  input  wire [3:0]  in_data,      // sample, sQ1.3 two's complement
  input  wire        in_first,     // it starts a sequence: the state counts as zero
  input  wire        in_last,      // it ends a sequence; handed on as out_last
  output wire        out_valid,    // a beat of state words is offered
  input  wire        out_ready,    // it is taken at this clock edge
  output wire [13:0] out_data,     // 2 state word(s), sQ2.5 each, the first in the lowest bits
  output wire        out_index,    // state of the first word, 0 to 1
  output wire        out_channel,  // channel of the sample
  output wire        out_first,    // in_first of the sample
  output wire        out_last      // in_last of the sample
);
  wire ready;
  wire [6:0] beat_data_0;
  wire [6:0] beat_data_1;

  wire advance = ~out_valid | out_ready;
  assign in_ready = ready & advance;
  assign out_data = {beat_data_1, beat_data_0};
  assign out_index = 1'b0;
  assign out_channel = 1'b0;

  lmu_memory_pipeline pipeline (
    .valid(in_valid),
    .sample_data(in_data),
    .sample_first(in_first),
    .sample_last(in_last),
    .advance(advance),
    .clk(clk),
    .rst(rst),
    .ready(ready),
    .beat_valid(out_valid),
    .beat_data_0(beat_data_0),
    .beat_data_1(beat_data_1),
    .beat_first(out_first),
    .beat_last(out_last)
  );
endmodule

module lmu_memory_pipeline (
  input  wire       clk,
  input  wire       rst,
  input  wire       valid,
  input  wire [3:0] sample_data,
  input  wire       sample_first,
  input  wire       sample_last,
  input  wire       advance,
  output wire       ready,
  output wire       beat_valid,
  output wire [6:0] beat_data_0,
  output wire [6:0] beat_data_1,
  output wire       beat_first,
  output wire       beat_last
);
  // issue → the increment's whole arithmetic, stage by stage → words; advances or stands still as a whole.
  lmu_memory_pipeline_pipeline pipeline (
    .valid(valid),
    .first(sample_first),
    .sample_data(sample_data),
    .sample_last(sample_last),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .ready(ready),
    .stage_4_valid(beat_valid),
    .stage_4_first(beat_first),
    .stage_4_last(beat_last),
    .words_0(beat_data_0),
    .words_1(beat_data_1)
  );
endmodule

// issue → the increment's whole arithmetic, stage by stage → words; advances or stands still as a whole.
module lmu_memory_pipeline_pipeline (
  input  wire       clk,
  input  wire       rst,
  input  wire       valid,
  input  wire       first,
  input  wire [3:0] sample_data,
  input  wire       sample_last,
  input  wire       advance,
  output wire       ready,
  output reg        stage_4_valid = 1'b0,
  output reg        stage_4_first = 1'b0,
  output reg        stage_4_last = 1'b0,
  output wire [6:0] words_0,
  output wire [6:0] words_1
);
  wire issued_valid;
  wire fresh;
  reg [13:0] words [0:0];
  initial begin
    words[0] = 14'd0;
  end
  reg [13:0] words_word;
  reg [7:0] register = 8'd0;
  reg [3:0] register_2 = 4'd0;
  reg [6:0] register_3 = 7'd0;
  reg [8:0] register_4 = 9'd0;
  reg [10:0] register_5 = 11'd0;
  reg [8:0] register_6 = 9'd0;
  reg [12:0] register_7 = 13'd0;
  reg stage_1_valid = 1'b0;
  reg stage_1_fresh = 1'b0;
  reg stage_1_first = 1'b0;
  reg stage_1_last = 1'b0;
  reg stage_2_valid = 1'b0;
  reg stage_2_first = 1'b0;
  reg stage_2_last = 1'b0;
  reg stage_3_valid = 1'b0;
  reg stage_3_first = 1'b0;
  reg stage_3_last = 1'b0;

  wire [6:0] word_0 = fresh ? 7'd0 : words_word[6:0];
  wire [6:0] word_1 = fresh ? 7'd0 : words_word[13:7];
  wire [8:0] sum = $signed(register) + $signed({register_2, 2'd0});

  // Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
  lmu_memory_pipeline_pipeline_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .valid(valid),
    .first(first),
    .issue(issued_valid),
    .fresh(fresh),
    .ready(ready)
  );
  // Add an increment to `lanes` accumulators per cycle and narrow them to state words.
  lmu_memory_pipeline_pipeline_bank bank (
    .increment_0(register_5),
    .increment_1(register_7),
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .fetch_fresh(stage_1_fresh),
    .apply(stage_3_valid),
    .outputs_0(words_0),
    .outputs_1(words_1)
  );

  always @(posedge clk)
    if (advance & stage_4_valid) words[0] <= {words_1, words_0};
  always @(posedge clk)
    if (advance) begin
      words_word <= words[0];
      if (advance & stage_4_valid) words_word <= {words_1, words_0};
    end
  always @(posedge clk)
    if (rst) begin
      register <= 8'd0;
      register_2 <= 4'd0;
      register_3 <= 7'd0;
      register_4 <= 9'd0;
      register_5 <= 11'd0;
      register_6 <= 9'd0;
      register_7 <= 13'd0;
      stage_1_valid <= 1'b0;
      stage_1_fresh <= 1'b0;
      stage_1_first <= 1'b0;
      stage_1_last <= 1'b0;
      stage_2_valid <= 1'b0;
      stage_2_first <= 1'b0;
      stage_2_last <= 1'b0;
      stage_3_valid <= 1'b0;
      stage_3_first <= 1'b0;
      stage_3_last <= 1'b0;
      stage_4_valid <= 1'b0;
      stage_4_first <= 1'b0;
      stage_4_last <= 1'b0;
    end else if (advance) begin
      register <= $signed(word_0) + $signed(word_1);
      register_2 <= sample_data;
      register_3 <= word_0;
      register_4 <= $signed(register) - $signed({register_2, 2'd0});
      register_5 <= $signed(register_4) * -11'sd5;
      register_6 <= $signed(sum) - $signed({register_3, 1'b0});
      register_7 <= $signed(register_6) * -13'sd31;
      stage_1_valid <= issued_valid;
      stage_1_fresh <= fresh;
      stage_1_first <= first;
      stage_1_last <= sample_last;
      stage_2_valid <= stage_1_valid;
      stage_2_first <= stage_1_first;
      stage_2_last <= stage_1_last;
      stage_3_valid <= stage_2_valid;
      stage_3_first <= stage_2_first;
      stage_3_last <= stage_2_last;
      stage_4_valid <= stage_3_valid;
      stage_4_first <= stage_3_first;
      stage_4_last <= stage_3_last;
    end
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_memory_pipeline_pipeline_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [10:0] increment_0,
  input  wire [12:0] increment_1,
  input  wire        advance,
  input  wire        fetch_fresh,
  input  wire        apply,
  output reg  [6:0]  outputs_0 = 7'd0,
  output reg  [6:0]  outputs_1 = 7'd0
);
  reg [59:0] store [0:0];
  initial begin
    store[0] = 60'd0;
  end
  reg [59:0] store_word;
  reg fresh = 1'b0;
  reg write_en = 1'b0;
  reg [18:0] accumulator_0 = 19'd0;
  reg [17:0] base_0 = 18'd0;
  reg [29:0] write_data_0 = 30'd0;
  reg [29:0] write_data_1 = 30'd0;
  reg [18:0] accumulator_1 = 19'd0;
  reg [17:0] base_1 = 18'd0;

  wire [18:0] sum_0 = $signed(accumulator_0) + $signed({increment_0, 2'd0});
  wire [17:0] value_0 = $signed(base_0) + $signed({increment_0, 2'd0});
  wire [18:0] sum_1 = $signed(accumulator_1) + $signed({increment_1, 1'b0});
  wire [17:0] value_1 = $signed(base_1) + $signed({increment_1, 1'b0});
  wire [29:0] chosen = fresh ? 30'd0 : store_word[29:0];
  wire [29:0] chosen_2 = fresh ? 30'd0 : store_word[59:30];
  wire [17:0] sum = $signed(chosen[17:0]) + $signed(chosen[29:19]);
  wire [17:0] sum_2 = $signed(chosen_2[17:0]) + $signed(chosen_2[29:19]);

  always @(posedge clk)
    if (advance & write_en) store[0] <= {write_data_1, write_data_0};
  always @(posedge clk)
    if (advance) begin
      store_word <= store[0];
      if (advance & write_en) store_word <= {write_data_1, write_data_0};
    end
  always @(posedge clk)
    if (rst) begin
      fresh <= 1'b0;
      write_en <= 1'b0;
      accumulator_0 <= 19'd0;
      base_0 <= 18'd0;
      outputs_0 <= 7'd0;
      outputs_1 <= 7'd0;
      write_data_0 <= 30'd0;
      write_data_1 <= 30'd0;
      accumulator_1 <= 19'd0;
      base_1 <= 18'd0;
    end else if (advance) begin
      fresh <= fetch_fresh;
      write_en <= apply;
      accumulator_0 <= chosen[18:0];
      base_0 <= sum + 18'h400;
      outputs_0 <= value_0[17:11];
      outputs_1 <= value_1[17:11];
      write_data_0 <= {~value_0[10], value_0[9:0], sum_0};
      write_data_1 <= {~value_1[10], value_1[9:0], sum_1};
      accumulator_1 <= chosen_2[18:0];
      base_1 <= sum_2 + 18'h400;
    end
endmodule

// Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
module lmu_memory_pipeline_pipeline_sequencer (
  input  wire clk,
  input  wire rst,
  input  wire advance,
  input  wire valid,
  input  wire first,
  output wire issue,
  output wire fresh,
  output wire ready
);
  reg awake = 1'b0;
  reg started = 1'b0;
  reg [2:0] waiting = 3'd0;

  assign ready = (waiting == 3'd0) & awake;
  assign fresh = first | ~started;
  assign issue = valid & ready;

  always @(posedge clk)
    if (rst) awake <= 1'b0;
    else if (advance) awake <= 1'b1;
  always @(posedge clk)
    if (rst) started <= 1'b0;
    else if (advance && issue) started <= 1'b1;
  always @(posedge clk)
    if (rst) waiting <= 3'd0;
    else if (advance) begin
      if (issue) waiting <= 3'd4;
      else if (waiting != 3'd0) waiting <= waiting - 3'd1;
    end
endmodule
