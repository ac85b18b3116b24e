// lmu_memory: Legendre memory, chain datapath.
// order 2, theta 1.0 s, dt 0.01 s, euler step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 2 multiplier(s), 1 channel(s)
// A word moves at each rising edge of clk at which valid and ready of its stream are 1; until then it is held.
// A sample takes at least 5 cycles; its first answer comes 4 cycles after the sample was taken, if nothing holds it up.
// sQm.n has m bits before the binary point, the sign among them, and n behind it; uQm.n has no sign.
// Made by: golden
// Unrolled memory: all increments at once with a multiplier for every product, up to a sample a cycle.
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
  wire samples_ready;
  wire [6:0] o_payload_data_0;
  wire [6:0] o_payload_data_1;

  wire advance = ~out_valid | out_ready;
  assign in_ready = samples_ready & advance;
  assign out_data = {o_payload_data_1, o_payload_data_0};
  assign out_index = 1'b0;
  assign out_channel = 1'b0;

  // Pipeline of a memory: its datapath, with the ROM and the multipliers that stall together with it.
  lmu_memory_pipeline pipeline (
    .clk(clk),
    .rst(rst),
    .advance(advance),
    .samples_valid(in_valid),
    .samples_payload_data(in_data),
    .samples_payload_first(in_first),
    .samples_payload_last(in_last),
    .samples_ready(samples_ready),
    .beats_valid(out_valid),
    .beats_payload_data_0(o_payload_data_0),
    .beats_payload_data_1(o_payload_data_1),
    .beats_payload_first(out_first),
    .beats_payload_last(out_last)
  );
endmodule

// Pipeline of a memory: its datapath, with the ROM and the multipliers that stall together with it.
module lmu_memory_pipeline (
  input  wire       clk,
  input  wire       rst,
  input  wire       advance,
  input  wire       samples_valid,
  input  wire [3:0] samples_payload_data,
  input  wire       samples_payload_first,
  input  wire       samples_payload_last,
  output wire       samples_ready,
  output wire       beats_valid,
  output wire [6:0] beats_payload_data_0,
  output wire [6:0] beats_payload_data_1,
  output wire       beats_payload_first,
  output wire       beats_payload_last
);
  // The datapath of the unrolled memory: the whole arithmetic of all increments as one pipeline.
  lmu_memory_pipeline_datapath datapath (
    .clk(clk),
    .rst(rst),
    .samples_valid(samples_valid),
    .samples_payload_data(samples_payload_data),
    .samples_payload_first(samples_payload_first),
    .samples_payload_last(samples_payload_last),
    .advance(advance),
    .samples_ready(samples_ready),
    .beats_valid(beats_valid),
    .beats_payload_data_0(beats_payload_data_0),
    .beats_payload_data_1(beats_payload_data_1),
    .beats_payload_first(beats_payload_first),
    .beats_payload_last(beats_payload_last)
  );
endmodule

// The datapath of the unrolled memory: the whole arithmetic of all increments as one pipeline.
module lmu_memory_pipeline_datapath (
  input  wire       clk,
  input  wire       rst,
  input  wire       samples_valid,
  input  wire [3:0] samples_payload_data,
  input  wire       samples_payload_first,
  input  wire       samples_payload_last,
  input  wire       advance,
  output wire       samples_ready,
  output reg        beats_valid = 1'b0,
  output wire [6:0] beats_payload_data_0,
  output wire [6:0] beats_payload_data_1,
  output reg        beats_payload_first = 1'b0,
  output reg        beats_payload_last = 1'b0
);
  wire sample_issue_valid;
  wire clear;
  wire [6:0] words_read_data_0;
  wire [6:0] words_read_data_1;
  reg [7:0] stage_1_0 = 8'd0;
  reg [3:0] stage_1_1 = 4'd0;
  reg [6:0] stage_1_2 = 7'd0;
  reg [8:0] stage_2_3 = 9'd0;
  reg [10:0] stage_3_4 = 11'd0;
  reg [8:0] stage_2_5 = 9'd0;
  reg [13:0] stage_3_6 = 14'd0;
  reg sample_compute_1_valid = 1'b0;
  reg sample_compute_1_clear = 1'b0;
  reg sample_compute_1_first = 1'b0;
  reg sample_compute_1_last = 1'b0;
  reg sample_compute_2_valid = 1'b0;
  reg sample_compute_2_first = 1'b0;
  reg sample_compute_2_last = 1'b0;
  reg sample_integrate_valid = 1'b0;
  reg sample_integrate_first = 1'b0;
  reg sample_integrate_last = 1'b0;

  wire [6:0] word_0 = clear ? 7'd0 : words_read_data_0;
  wire [6:0] word_1 = clear ? 7'd0 : words_read_data_1;
  wire [8:0] sum = $signed(stage_1_0) + $signed({stage_1_1, 2'd0});

  // Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
  lmu_memory_pipeline_datapath_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .valid(samples_valid),
    .first(samples_payload_first),
    .advance(advance),
    .ends(sample_issue_valid),
    .ready(samples_ready),
    .clear(clear)
  );
  // A memory of a single row: a register, or a constant if it has no write port.
  lmu_memory_pipeline_datapath_words words (
    .clk(clk),
    .advance(advance),
    .words_write_en(beats_valid),
    .words_write_data_0(beats_payload_data_0),
    .words_write_data_1(beats_payload_data_1),
    .words_read_data_0(words_read_data_0),
    .words_read_data_1(words_read_data_1)
  );
  // Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
  lmu_memory_pipeline_datapath_bank bank (
    .clk(clk),
    .rst(rst),
    .add_increments_0(stage_3_4),
    .add_increments_1(stage_3_6[12:0]),
    .read_clear(sample_compute_1_clear),
    .add_valid(sample_integrate_valid),
    .advance(advance),
    .outputs_0(beats_payload_data_0),
    .outputs_1(beats_payload_data_1)
  );

  always @(posedge clk)
    if (rst) begin
      stage_1_0 <= 8'd0;
      stage_1_1 <= 4'd0;
      stage_1_2 <= 7'd0;
      stage_2_3 <= 9'd0;
      stage_3_4 <= 11'd0;
      stage_2_5 <= 9'd0;
      stage_3_6 <= 14'd0;
      sample_compute_1_valid <= 1'b0;
      sample_compute_1_clear <= 1'b0;
      sample_compute_1_first <= 1'b0;
      sample_compute_1_last <= 1'b0;
      sample_compute_2_valid <= 1'b0;
      sample_compute_2_first <= 1'b0;
      sample_compute_2_last <= 1'b0;
      sample_integrate_valid <= 1'b0;
      sample_integrate_first <= 1'b0;
      sample_integrate_last <= 1'b0;
      beats_valid <= 1'b0;
      beats_payload_first <= 1'b0;
      beats_payload_last <= 1'b0;
    end else if (advance) begin
      stage_1_0 <= $signed(word_0) + $signed(word_1);
      stage_1_1 <= samples_payload_data;
      stage_1_2 <= word_0;
      stage_2_3 <= $signed(stage_1_0) - $signed({stage_1_1, 2'd0});
      stage_3_4 <= $signed(stage_2_3) * -11'sd5;
      stage_2_5 <= $signed(sum) - $signed({stage_1_2, 1'b0});
      stage_3_6 <= $signed(stage_2_5) * -14'sd31;
      sample_compute_1_valid <= sample_issue_valid;
      sample_compute_1_clear <= clear;
      sample_compute_1_first <= samples_payload_first;
      sample_compute_1_last <= samples_payload_last;
      sample_compute_2_valid <= sample_compute_1_valid;
      sample_compute_2_first <= sample_compute_1_first;
      sample_compute_2_last <= sample_compute_1_last;
      sample_integrate_valid <= sample_compute_2_valid;
      sample_integrate_first <= sample_compute_2_first;
      sample_integrate_last <= sample_compute_2_last;
      beats_valid <= sample_integrate_valid;
      beats_payload_first <= sample_integrate_first;
      beats_payload_last <= sample_integrate_last;
    end
endmodule

// Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
module lmu_memory_pipeline_datapath_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [10:0] add_increments_0,
  input  wire [12:0] add_increments_1,
  input  wire        read_clear,
  input  wire        add_valid,
  input  wire        advance,
  output reg  [6:0]  outputs_0 = 7'd0,
  output reg  [6:0]  outputs_1 = 7'd0
);
  wire [18:0] fetch_data_0_accumulator;
  wire [10:0] fetch_data_0_residue;
  wire [18:0] fetch_data_1_accumulator;
  wire [10:0] fetch_data_1_residue;
  reg clear = 1'b0;
  reg store_en = 1'b0;
  reg [18:0] old_accumulator_0 = 19'd0;
  reg [19:0] base_0 = 20'd0;
  reg [18:0] store_data_0_accumulator = 19'd0;
  reg [10:0] store_data_0_residue = 11'd0;
  reg [18:0] store_data_1_accumulator = 19'd0;
  reg [10:0] store_data_1_residue = 11'd0;
  reg [18:0] old_accumulator_1 = 19'd0;
  reg [19:0] base_1 = 20'd0;

  wire [29:0] chosen = clear ? 30'd0 : {fetch_data_0_residue, fetch_data_0_accumulator};
  wire [18:0] new_accumulator_0 = $signed(old_accumulator_0) + $signed({add_increments_0, 2'd0});
  wire [17:0] sum_0 = $signed(base_0[17:0]) + $signed({add_increments_0, 2'd0});
  wire [29:0] chosen_2 = clear ? 30'd0 : {fetch_data_1_residue, fetch_data_1_accumulator};
  wire [18:0] new_accumulator_1 = $signed(old_accumulator_1) + $signed({add_increments_1, 1'b0});
  wire [17:0] sum_1 = $signed(base_1[17:0]) + $signed({add_increments_1, 1'b0});
  wire [19:0] sum = $signed(chosen[18:0]) + 20'sd1024;
  wire [19:0] sum_2 = $signed(chosen_2[18:0]) + 20'sd1024;

  // A memory of a single row: a register, or a constant if it has no write port.
  lmu_memory_pipeline_datapath_bank_integrators integrators (
    .clk(clk),
    .advance(advance),
    .store_en(store_en),
    .store_data_0_accumulator(store_data_0_accumulator),
    .store_data_0_residue(store_data_0_residue),
    .store_data_1_accumulator(store_data_1_accumulator),
    .store_data_1_residue(store_data_1_residue),
    .fetch_data_0_accumulator(fetch_data_0_accumulator),
    .fetch_data_0_residue(fetch_data_0_residue),
    .fetch_data_1_accumulator(fetch_data_1_accumulator),
    .fetch_data_1_residue(fetch_data_1_residue)
  );

  always @(posedge clk)
    if (rst) begin
      clear <= 1'b0;
      store_en <= 1'b0;
      old_accumulator_0 <= 19'd0;
      base_0 <= 20'd0;
      outputs_0 <= 7'd0;
      outputs_1 <= 7'd0;
      store_data_0_accumulator <= 19'd0;
      store_data_0_residue <= 11'd0;
      store_data_1_accumulator <= 19'd0;
      store_data_1_residue <= 11'd0;
      old_accumulator_1 <= 19'd0;
      base_1 <= 20'd0;
    end else if (advance) begin
      clear <= read_clear;
      store_en <= add_valid;
      old_accumulator_0 <= chosen[18:0];
      base_0 <= $signed(sum) + $signed(chosen[29:19]);
      outputs_0 <= sum_0[17:11];
      outputs_1 <= sum_1[17:11];
      store_data_0_accumulator <= new_accumulator_0;
      store_data_0_residue <= {~sum_0[10], sum_0[9:0]};
      store_data_1_accumulator <= new_accumulator_1;
      store_data_1_residue <= {~sum_1[10], sum_1[9:0]};
      old_accumulator_1 <= chosen_2[18:0];
      base_1 <= $signed(sum_2) + $signed(chosen_2[29:19]);
    end
endmodule

// A memory of a single row: a register, or a constant if it has no write port.
module lmu_memory_pipeline_datapath_bank_integrators (
  input  wire        clk,
  input  wire        advance,
  input  wire        store_en,
  input  wire [18:0] store_data_0_accumulator,
  input  wire [10:0] store_data_0_residue,
  input  wire [18:0] store_data_1_accumulator,
  input  wire [10:0] store_data_1_residue,
  output reg  [18:0] fetch_data_0_accumulator = 19'd0,
  output reg  [10:0] fetch_data_0_residue = 11'd0,
  output reg  [18:0] fetch_data_1_accumulator = 19'd0,
  output reg  [10:0] fetch_data_1_residue = 11'd0
);
  reg [18:0] row_0_accumulator = 19'd0;
  reg [10:0] row_0_residue = 11'd0;
  reg [18:0] row_1_accumulator = 19'd0;
  reg [10:0] row_1_residue = 11'd0;

  wire [59:0] chosen =
      store_en ? {store_data_1_residue, store_data_1_accumulator, store_data_0_residue,
          store_data_0_accumulator} :
      {row_1_residue, row_1_accumulator, row_0_residue, row_0_accumulator};

  always @(posedge clk)
    if (advance && store_en) begin
      row_0_accumulator <= store_data_0_accumulator;
      row_0_residue <= store_data_0_residue;
      row_1_accumulator <= store_data_1_accumulator;
      row_1_residue <= store_data_1_residue;
    end
  always @(posedge clk)
    if (advance) begin
      fetch_data_0_accumulator <= chosen[18:0];
      fetch_data_0_residue <= chosen[29:19];
      fetch_data_1_accumulator <= chosen[48:30];
      fetch_data_1_residue <= chosen[59:49];
    end
endmodule

// A memory of a single row: a register, or a constant if it has no write port.
module lmu_memory_pipeline_datapath_words (
  input  wire       clk,
  input  wire       advance,
  input  wire       words_write_en,
  input  wire [6:0] words_write_data_0,
  input  wire [6:0] words_write_data_1,
  output reg  [6:0] words_read_data_0 = 7'd0,
  output reg  [6:0] words_read_data_1 = 7'd0
);
  reg [6:0] row_0 = 7'd0;
  reg [6:0] row_1 = 7'd0;

  wire [13:0] chosen =
      words_write_en ? {words_write_data_1, words_write_data_0} :
      {row_1, row_0};

  always @(posedge clk)
    if (advance && words_write_en) begin
      row_0 <= words_write_data_0;
      row_1 <= words_write_data_1;
    end
  always @(posedge clk)
    if (advance) begin
      words_read_data_0 <= chosen[6:0];
      words_read_data_1 <= chosen[13:7];
    end
endmodule

// Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
module lmu_memory_pipeline_datapath_sequencer (
  input  wire clk,
  input  wire rst,
  input  wire valid,
  input  wire first,
  input  wire advance,
  output wire ends,
  output wire ready,
  output wire clear
);
  reg awake = 1'b0;
  reg [2:0] pause_left = 3'd0;
  reg started = 1'b0;

  assign ready = awake & (pause_left == 3'd0);
  assign clear = first | ~started;
  assign ends = valid & ready;

  always @(posedge clk)
    if (rst) awake <= 1'b0;
    else if (advance) awake <= 1'b1;
  always @(posedge clk)
    if (rst) pause_left <= 3'd0;
    else if (advance) begin
      if (ends) pause_left <= 3'd4;
      else if (pause_left != 3'd0) pause_left <= pause_left - 3'd1;
    end
  always @(posedge clk)
    if (rst) started <= 1'b0;
    else if (advance && ends) started <= 1'b1;
endmodule

// lmu_memory.core waives these warnings of Verilator's -Wall:
//   DECLFILENAME: the modules of a design stand in one file
//   PROCASSINIT: registers have the value at which an FPGA starts them
//   UNUSEDSIGNAL: rounding drops the lowest bits of its sum
//   WIDTHEXPAND: signed operands extend to the width of their result
