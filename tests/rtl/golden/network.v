// lmu_network: network of 2 layer(s), 2 lane(s) for each of 1 sequence(s).
// input 1 x sQ0.7
// layer 0 (lmu): 1 memory(s), chain datapath, order 2, theta 20.0 s, dt 1.0 s, ab2 step, legendre basis; 2 outputs, sQ-1.6
// layer 1 (lmu): 2 outputs, sQ2.3
// Made by: golden
// A network on `lanes` multipliers for each of `sequences` sequences that go side by side, in lock-step.
module lmu_network (
  input  wire       clk,           // clock, rising edge
  input  wire       rst,           // synchronous reset, active high; forgets all state
  input  wire       in_valid,      // a word of x is offered
  output wire       in_ready,      // it is taken at this clock edge
  input  wire [6:0] in_data,       // word of x, sQ0.7 two's complement: all 1 of sequence 0, then of the next
  input  wire       in_first,      // the step starts its sequence: the state counts as zero; the same for all its words
  input  wire       in_last,       // the step ends its sequence; the same for all its words
  output wire       out_valid,     // a word of y is offered, after steps with in_last
  input  wire       out_ready,     // it is taken at this clock edge
  output wire [4:0] out_data,      // word of y, sQ2.3 two's complement
  output wire       out_index,     // which one, 0 to 1
  output wire       out_sequence,  // of which sequence, 0 to 0
  output wire       out_argmax,    // index of the largest word so far, the first one of equals; the class, with the last word
  output wire       out_first,     // in_first of the step
  output wire       out_last       // in_last of the step
);
  wire [1:0] control_run_vector;
  wire control_run_previous;
  wire finish;
  wire start;
  wire control_bank;
  wire [41:0] biases;
  wire [13:0] weights;
  wire [1:0] rows_0_map;
  wire rows_1_valid;
  wire [1:0] rows_1_map;
  wire rows_4_valid;
  wire [1:0] rows_4_map;
  wire rows_4_bank;
  wire rows_4_outputs;
  wire rows_4_gives;
  wire [15:0] control_slots;
  wire write_0;
  wire at_0;
  wire waiting;
  wire firsts;
  wire gives;
  wire room;
  wire [1:0] y_read;
  wire taken;
  wire offer_0;
  wire word_1;
  wire read_2_value;
  reg [29:0] table_0 [0:0];
  initial begin
    table_0[0] = 30'h2b331333;
  end
  reg [29:0] table_0_word;
  reg value = 1'b0;
  reg fresh = 1'b0;
  reg row_1 = 1'b0;
  reg row_2 = 1'b0;

  wire start_2 = start & gives;
  wire write_1 = rows_4_valid & (rows_4_map == 2'd1);
  wire write_2 = rows_4_valid & (rows_4_map == 2'd2);
  wire write = rows_1_valid & (rows_1_map == 2'd0);
  wire bank = control_bank ^ control_run_previous;
  wire read = control_slots[0] & (control_run_vector == 2'd1);
  wire read_2 = control_slots[0] & (control_run_vector == 2'd2);
  wire done = write_2 & row_2 & rows_4_gives;
  wire y_write = write_2 & rows_4_gives;
  assign out_sequence = 1'b0;

  // Runs the program of a step as soon as a step waits and there is room for its outputs.
  lmu_network_control control (
    .waiting(waiting),
    .gives(gives),
    .room(room),
    .clk(clk),
    .rst(rst),
    .run_vector(control_run_vector),
    .run_previous(control_run_previous),
    .finish(finish),
    .start(start),
    .bank(control_bank),
    .biases(biases),
    .weights(weights),
    .rows_0_map(rows_0_map),
    .rows_1_valid(rows_1_valid),
    .rows_1_map(rows_1_map),
    .rows_4_valid(rows_4_valid),
    .rows_4_map(rows_4_map),
    .rows_4_bank(rows_4_bank),
    .rows_4_outputs(rows_4_outputs),
    .rows_4_gives(rows_4_gives),
    .slots(control_slots)
  );
  // Collects the words of a step for all sequences, while the step before is at work.
  lmu_network_input input_ (
    .clk(clk),
    .rst(rst),
    .finish(finish),
    .start(start),
    .i_valid(in_valid),
    .i_payload_first(in_first),
    .i_payload_last(in_last),
    .taken(write_0),
    .address(at_0),
    .waiting(waiting),
    .firsts(firsts),
    .lasts(gives),
    .i_ready(in_ready)
  );
  // Gives the outputs of a step, sequence after sequence, while the next step is at work.
  lmu_network_output output_ (
    .word(out_data),
    .clk(clk),
    .rst(rst),
    .start(start_2),
    .gives(gives),
    .firsts(firsts),
    .done(done),
    .bank(rows_4_outputs),
    .o_ready(out_ready),
    .room(room),
    .index(out_index),
    .read_address(y_read),
    .o_valid(out_valid),
    .o_payload_argmax(out_argmax),
    .o_payload_first(out_first),
    .o_payload_last(out_last)
  );
  // The data of one sequence. What it does in a cycle, all slices do, and are told from outside.
  lmu_network_slice_0 slice_0 (
    .clk(clk),
    .rst(rst),
    .fresh(fresh),
    .word_1(word_1),
    .rows_0_map(rows_0_map),
    .rows_1_map(rows_1_map),
    .rows_4_bank(rows_4_bank),
    .rows_4_outputs(rows_4_outputs),
    .read_0(bank),
    .at_0(at_0),
    .write_0(write_0),
    .x(in_data),
    .write_2(write_1),
    .affine(control_slots[3]),
    .weights_0(weights[6:0]),
    .weights_1(weights[13:7]),
    .add(control_slots[4]),
    .opens(control_slots[5]),
    .alignment_shifts_0(control_slots[9:6]),
    .alignment_shifts_1(control_slots[13:10]),
    .biases_0(biases[20:0]),
    .biases_1(biases[41:21]),
    .store_0(write),
    .valid(offer_0),
    .entry_0_coefficient(table_0_word[12:0]),
    .entry_0_alignment_shift(table_0_word[14:13]),
    .entry_1_coefficient(table_0_word[27:15]),
    .entry_1_alignment_shift(table_0_word[29:28]),
    .y_write(y_write),
    .y_read(y_read),
    .slots({control_slots[15:14], control_slots[2:1], control_run_previous}),
    .read_2(read_2_value),
    .at_2(row_1),
    .y_at(row_2),
    .taken_0(taken),
    .y(out_data)
  );
  // Counts the samples of a step, a channel each, and offers them when the last one is there.
  lmu_network_feeder_0 feeder_0 (
    .taken(taken),
    .clk(clk),
    .rst(rst),
    .write(write),
    .offer(offer_0)
  );
  lmu_network_read_1 read_1 (
    .clk(clk),
    .rst(rst),
    .read(read),
    .word(word_1)
  );
  lmu_network_read_2 read_2_2 (
    .clk(clk),
    .rst(rst),
    .read(read_2),
    .value(read_2_value)
  );

  always @(posedge clk)
    table_0_word <= table_0[0];
  always @(posedge clk)
    if (rst) begin
      value <= 1'b0;
      fresh <= 1'b0;
    end else if (start) begin
      value <= 1'b1;
      fresh <= value ? firsts : 1'b1;
    end
  always @(posedge clk)
    if (rst) row_1 <= 1'b0;
    else if (write_1) row_1 <= row_1 ? 1'b0 : row_1 + 1'b1;
  always @(posedge clk)
    if (rst) row_2 <= 1'b0;
    else if (write_2) row_2 <= row_2 ? 1'b0 : row_2 + 1'b1;
endmodule

module lmu_network_read_2 (
  input  wire clk,
  input  wire rst,
  input  wire read,
  output reg  value = 1'b0
);
  always @(posedge clk)
    if (rst) value <= 1'b0;
    else if (read) value <= value ? 1'b0 : value + 1'b1;
endmodule

module lmu_network_read_1 (
  input  wire clk,
  input  wire rst,
  input  wire read,
  output reg  word = 1'b0
);
  reg word_2 = 1'b0;

  always @(posedge clk)
    if (rst) word_2 <= 1'b0;
    else if (read) word_2 <= word_2 ? 1'b0 : word_2 + 1'b1;
  always @(posedge clk)
    if (rst) word <= 1'b0;
    else word <= word_2;
endmodule

// Counts the samples of a step, a channel each, and offers them when the last one is there.
module lmu_network_feeder_0 (
  input  wire clk,
  input  wire rst,
  input  wire taken,
  input  wire write,
  output reg  offer = 1'b0
);
  always @(posedge clk)
    if (rst) offer <= 1'b0;
    else begin
      if (write) offer <= 1'b1;
      if (offer & taken) offer <= 1'b0;
    end
endmodule

// The data of one sequence. What it does in a cycle, all slices do, and are told from outside.
module lmu_network_slice_0 (
  input  wire        clk,
  input  wire        rst,
  input  wire        fresh,
  input  wire        word_1,
  input  wire [1:0]  rows_0_map,
  input  wire [1:0]  rows_1_map,
  input  wire        rows_4_bank,
  input  wire        rows_4_outputs,
  input  wire        read_0,
  input  wire        at_0,
  input  wire        write_0,
  input  wire [6:0]  x,
  input  wire        write_2,
  input  wire        affine,
  input  wire [6:0]  weights_0,
  input  wire [6:0]  weights_1,
  input  wire        add,
  input  wire        opens,
  input  wire [3:0]  alignment_shifts_0,
  input  wire [3:0]  alignment_shifts_1,
  input  wire [20:0] biases_0,
  input  wire [20:0] biases_1,
  input  wire        store_0,
  input  wire        valid,
  input  wire [12:0] entry_0_coefficient,
  input  wire [1:0]  entry_0_alignment_shift,
  input  wire [12:0] entry_1_coefficient,
  input  wire [1:0]  entry_1_alignment_shift,
  input  wire        y_write,
  input  wire [1:0]  y_read,
  input  wire [4:0]  slots,
  input  wire        read_2,
  input  wire        at_2,
  input  wire        y_at,
  output wire        taken_0,
  output reg  [4:0]  y
);
  wire [24:0] products_0;
  wire [24:0] products_1;
  wire [20:0] sum;
  wire [4:0] word;
  wire [11:0] factors_0_0_operand;
  wire [12:0] factors_0_0_coefficient;
  wire [11:0] factors_0_1_operand;
  wire [12:0] factors_0_1_coefficient;
  wire write_1;
  wire [13:0] beat_data_0;
  wire [13:0] beat_data_1;
  reg [6:0] vector_0 [0:1];
  initial begin
    vector_0[0] = 7'd0;
    vector_0[1] = 7'd0;
  end
  reg [6:0] signature_data;
  reg [27:0] vector_1 [0:0];
  initial begin
    vector_1[0] = 28'd0;
  end
  reg [27:0] vector_1_word;
  reg [4:0] vector_2 [0:3];
  initial begin
    vector_2[0] = 5'd0;
    vector_2[1] = 5'd0;
    vector_2[2] = 5'd0;
    vector_2[3] = 5'd0;
  end
  reg [4:0] signature_data_2;
  reg [4:0] samples_0 [0:0];
  initial begin
    samples_0[0] = 5'd0;
  end
  reg [4:0] sample_data;
  reg [4:0] outputs [0:3];
  initial begin
    outputs[0] = 5'd0;
    outputs[1] = 5'd0;
    outputs[2] = 5'd0;
    outputs[3] = 5'd0;
  end
  reg blank = 1'b0;
  reg [13:0] word_2 = 14'd0;
  reg [4:0] code = 5'd0;

  wire [21:0] sum_2 = $signed(sum) + 22'sd4;
  wire [21:0] sum_3 = $signed(sum) + 22'sd2048;
  wire [21:0] sum_4 = $signed(sum) + 22'sd16;
  wire close = slots[3] & slots[4];
  wire [13:0] chosen =
      slots[2:1] == 2'd1 ? (word_1 ? vector_1_word[27:14] : vector_1_word[13:0]) :
      {{7{signature_data[6]}}, signature_data};
  wire [13:0] chosen_2 =
      slots[2:1] == 2'd2 ? {{9{signature_data_2[4]}}, signature_data_2} :
      chosen;

  // Multipliers with a register behind each, at the service of the affine maps or of one layer's memories.
  lmu_network_slice_0_lanes lanes (
    .affine(affine),
    .word(word_2),
    .weights_0(weights_0),
    .weights_1(weights_1),
    .factors_0_0_operand(factors_0_0_operand),
    .factors_0_0_coefficient(factors_0_0_coefficient),
    .factors_0_1_operand(factors_0_1_operand),
    .factors_0_1_coefficient(factors_0_1_coefficient),
    .clk(clk),
    .rst(rst),
    .products_0(products_0),
    .products_1(products_1)
  );
  // A sum for each lane, and a register in which a finished group's sums leave one by one.
  lmu_network_slice_0_accumulators accumulators (
    .clk(clk),
    .rst(rst),
    .add(add),
    .opens(opens),
    .biases_0(biases_0),
    .biases_1(biases_1),
    .products_0(products_0[20:0]),
    .products_1(products_1[20:0]),
    .alignment_shifts_0(alignment_shifts_0),
    .alignment_shifts_1(alignment_shifts_1),
    .close(close),
    .leaving_0(sum)
  );
  // Words of codes, `LATENCY` cycles later, one a cycle: table, slope times offset, rounding.
  lmu_network_slice_0_activations activations (
    .clk(clk),
    .rst(rst),
    .map(rows_1_map),
    .code(code),
    .word(word)
  );
  // issue → operand registers → products → sums and words; the whole pipeline advances or stands still.
  lmu_network_slice_0_memory_0 memory_0 (
    .valid(valid),
    .first(fresh),
    .sample_data(sample_data),
    .products_0(products_0),
    .products_1(products_1),
    .clk(clk),
    .rst(rst),
    .entry_0_coefficient(entry_0_coefficient),
    .entry_0_alignment_shift(entry_0_alignment_shift),
    .entry_1_coefficient(entry_1_coefficient),
    .entry_1_alignment_shift(entry_1_alignment_shift),
    .ready(taken_0),
    .factors_0_operand(factors_0_0_operand),
    .factors_0_coefficient(factors_0_0_coefficient),
    .factors_1_operand(factors_0_1_operand),
    .factors_1_coefficient(factors_0_1_coefficient),
    .retired_valid(write_1),
    .beat_data_0(beat_data_0),
    .beat_data_1(beat_data_1)
  );

  always @(posedge clk)
    if (write_0) vector_0[at_0] <= x;
  always @(posedge clk)
    signature_data <= vector_0[read_0];
  always @(posedge clk)
    if (write_1) vector_1[0] <= {beat_data_1, beat_data_0};
  always @(posedge clk)
    vector_1_word <= vector_1[0];
  always @(posedge clk)
    if (write_2) vector_2[{at_2, rows_4_bank}] <= word;
  always @(posedge clk)
    signature_data_2 <= vector_2[{read_2, read_0}];
  always @(posedge clk)
    if (store_0) samples_0[0] <= code;
  always @(posedge clk) begin
    sample_data <= samples_0[0];
    if (store_0) sample_data <= code;
  end
  always @(posedge clk)
    if (y_write) outputs[{y_at, rows_4_outputs}] <= word;
  always @(posedge clk)
    y <= outputs[y_read];
  always @(posedge clk)
    if (rst) begin
      blank <= 1'b0;
      word_2 <= 14'd0;
    end else begin
      blank <= slots[0] & fresh;
      word_2 <= blank ? 14'd0 : chosen_2;
    end
  always @(posedge clk)
    if (rst) code <= 5'd0;
    else begin
      case (rows_0_map)
        2'd0: code <= $signed(sum_2[21:3]) > 19'sd15 ? 5'hf : $signed(sum_2[21:3]) < -19'sd16 ? 5'h10 :
            sum_2[7:3];
        2'd1: code <= $signed(sum_3[21:12]) > 10'sd15 ? 5'hf : $signed(sum_3[21:12]) < -10'sd16 ? 5'h10 :
            sum_3[16:12];
        2'd2: code <= $signed(sum_4[21:5]) > 17'sd15 ? 5'hf : $signed(sum_4[21:5]) < -17'sd16 ? 5'h10 :
            sum_4[9:5];
        default: ;
      endcase
    end
endmodule

// issue → operand registers → products → sums and words; the whole pipeline advances or stands still.
module lmu_network_slice_0_memory_0 (
  input  wire        clk,
  input  wire        rst,
  input  wire        valid,
  input  wire        first,
  input  wire [4:0]  sample_data,
  input  wire [24:0] products_0,
  input  wire [24:0] products_1,
  input  wire [12:0] entry_0_coefficient,
  input  wire [1:0]  entry_0_alignment_shift,
  input  wire [12:0] entry_1_coefficient,
  input  wire [1:0]  entry_1_alignment_shift,
  output wire        ready,
  output reg  [11:0] factors_0_operand = 12'd0,
  output reg  [12:0] factors_0_coefficient = 13'd0,
  output reg  [11:0] factors_1_operand = 12'd0,
  output reg  [12:0] factors_1_coefficient = 13'd0,
  output reg         retired_valid = 1'b0,
  output wire [13:0] beat_data_0,
  output wire [13:0] beat_data_1
);
  wire issue;
  wire fresh;
  wire [10:0] words_0;
  wire [10:0] words_1;
  reg [21:0] words [0:0];
  initial begin
    words[0] = 22'd0;
  end
  reg [21:0] read_data_0;
  reg [1:0] factors_0_alignment_shift = 2'd0;
  reg [1:0] factors_1_alignment_shift = 2'd0;
  reg [1:0] lifted_0_alignment_shift = 2'd0;
  reg [1:0] lifted_1_alignment_shift = 2'd0;
  reg signal_valid = 1'b0;
  reg apply = 1'b0;
  reg [11:0] total_0 = 12'd0;

  wire [11:0] chosen = fresh ? 12'd0 : total_0;
  wire [11:0] sum = $signed(chosen) + $signed({sample_data, 5'd0});
  wire [11:0] following_0 = sum - {fresh ? 11'd0 : read_data_0[10:0], 1'b0};
  wire [24:0] increment_0 = products_0 << lifted_0_alignment_shift;
  wire [24:0] increment_1 = products_1 << lifted_1_alignment_shift;

  // Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
  lmu_network_slice_0_memory_0_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .valid(valid),
    .first(first),
    .issue(issue),
    .fresh(fresh),
    .ready(ready)
  );
  // Add an increment to `lanes` accumulators per cycle and narrow them to state words.
  lmu_network_slice_0_memory_0_bank bank (
    .increment_0(increment_0),
    .increment_1(increment_1),
    .clk(clk),
    .rst(rst),
    .fetch_fresh(fresh),
    .apply(apply),
    .words_0(words_0),
    .words_1(words_1),
    .outputs_0(beat_data_0),
    .outputs_1(beat_data_1)
  );

  always @(posedge clk)
    if (retired_valid) words[0] <= {words_1, words_0};
  always @(posedge clk) begin
    read_data_0 <= words[0];
    if (retired_valid) read_data_0 <= {words_1, words_0};
  end
  always @(posedge clk)
    if (rst) begin
      factors_0_operand <= 12'd0;
      factors_1_operand <= 12'd0;
      factors_0_coefficient <= 13'd0;
      factors_0_alignment_shift <= 2'd0;
      factors_1_coefficient <= 13'd0;
      factors_1_alignment_shift <= 2'd0;
      lifted_0_alignment_shift <= 2'd0;
      lifted_1_alignment_shift <= 2'd0;
      signal_valid <= 1'b0;
      apply <= 1'b0;
      retired_valid <= 1'b0;
    end else begin
      factors_0_operand <= $signed(chosen) - $signed({sample_data, 5'd0});
      factors_1_operand <= following_0;
      factors_0_coefficient <= entry_0_coefficient;
      factors_0_alignment_shift <= entry_0_alignment_shift;
      factors_1_coefficient <= entry_1_coefficient;
      factors_1_alignment_shift <= entry_1_alignment_shift;
      lifted_0_alignment_shift <= factors_0_alignment_shift;
      lifted_1_alignment_shift <= factors_1_alignment_shift;
      signal_valid <= issue;
      apply <= signal_valid;
      retired_valid <= apply;
    end
  always @(posedge clk)
    if (rst) total_0 <= 12'd0;
    else if (retired_valid) total_0 <= $signed(words_0) + $signed(words_1);
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_network_slice_0_memory_0_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [24:0] increment_0,
  input  wire [24:0] increment_1,
  input  wire        fetch_fresh,
  input  wire        apply,
  output reg  [10:0] words_0 = 11'd0,
  output reg  [10:0] words_1 = 11'd0,
  output reg  [13:0] outputs_0 = 14'd0,
  output reg  [13:0] outputs_1 = 14'd0
);
  reg [81:0] store [0:0];
  initial begin
    store[0] = 82'd0;
  end
  reg [81:0] store_word;
  reg fresh = 1'b0;
  reg write_en = 1'b0;
  reg [25:0] accumulator_0 = 26'd0;
  reg [25:0] base_0 = 26'd0;
  reg [24:0] bare_0 = 25'd0;
  reg [40:0] write_data_0 = 41'd0;
  reg [40:0] write_data_1 = 41'd0;
  reg [25:0] accumulator_1 = 26'd0;
  reg [25:0] base_1 = 26'd0;
  reg [24:0] bare_1 = 25'd0;

  wire [25:0] sum = $signed(increment_0) + 26'sd2;
  wire [25:0] sum_0 = $signed(accumulator_0) + $signed(sum[25:2]);
  wire [25:0] sum_2 = $signed(sum[25:2]) + $signed({sum[25:2], 1'b0});
  wire [25:0] value_0 = base_0 + sum_2;
  wire [25:0] sum_3 = $signed(increment_1) + 26'sd2;
  wire [25:0] sum_1 = $signed(accumulator_1) + $signed(sum_3[25:2]);
  wire [25:0] sum_4 = $signed(sum_3[25:2]) + $signed({sum_3[25:2], 1'b0});
  wire [25:0] value_1 = base_1 + sum_4;
  wire [40:0] chosen = fresh ? 41'd0 : store_word[40:0];
  wire [25:0] sum_5 = ({bare_0, 1'b0} + sum_2) + 26'h800;
  wire [40:0] chosen_2 = fresh ? 41'd0 : store_word[81:41];
  wire [25:0] sum_6 = ({bare_1, 1'b0} + sum_4) + 26'h800;
  wire [25:0] sum_7 = $signed({chosen[24:0], 1'b0}) + $signed(chosen[40:26]);
  wire [25:0] sum_8 = $signed({chosen_2[24:0], 1'b0}) + $signed(chosen_2[40:26]);

  always @(posedge clk)
    if (write_en) store[0] <= {write_data_1, write_data_0};
  always @(posedge clk) begin
    store_word <= store[0];
    if (write_en) store_word <= {write_data_1, write_data_0};
  end
  always @(posedge clk)
    if (rst) begin
      fresh <= 1'b0;
      write_en <= 1'b0;
      accumulator_0 <= 26'd0;
      base_0 <= 26'd0;
      words_0 <= 11'd0;
      words_1 <= 11'd0;
      bare_0 <= 25'd0;
      outputs_0 <= 14'd0;
      outputs_1 <= 14'd0;
      write_data_0 <= 41'd0;
      write_data_1 <= 41'd0;
      accumulator_1 <= 26'd0;
      base_1 <= 26'd0;
      bare_1 <= 25'd0;
    end else begin
      fresh <= fetch_fresh;
      write_en <= apply;
      accumulator_0 <= chosen[25:0];
      base_0 <= sum_7 + 26'h4000;
      words_0 <= value_0[25:15];
      words_1 <= value_1[25:15];
      bare_0 <= chosen[24:0];
      outputs_0 <= sum_5[25:12];
      outputs_1 <= sum_6[25:12];
      write_data_0 <= {~value_0[14], value_0[13:0], sum_0};
      write_data_1 <= {~value_1[14], value_1[13:0], sum_1};
      accumulator_1 <= chosen_2[25:0];
      base_1 <= sum_8 + 26'h4000;
      bare_1 <= chosen_2[24:0];
    end
endmodule

// Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
module lmu_network_slice_0_memory_0_sequencer (
  input  wire clk,
  input  wire rst,
  input  wire valid,
  input  wire first,
  output wire issue,
  output wire fresh,
  output wire ready
);
  reg awake = 1'b0;
  reg started = 1'b0;
  reg [1:0] waiting = 2'd0;

  assign fresh = first | ~started;
  assign ready = (waiting == 2'd0) & awake;
  assign issue = valid & ready;

  always @(posedge clk)
    if (rst) awake <= 1'b0;
    else awake <= 1'b1;
  always @(posedge clk)
    if (rst) started <= 1'b0;
    else if (issue) started <= 1'b1;
  always @(posedge clk)
    if (rst) waiting <= 2'd0;
    else if (issue) waiting <= 2'd3;
    else if (waiting != 2'd0) waiting <= waiting - 2'd1;
endmodule

// Words of codes, `LATENCY` cycles later, one a cycle: table, slope times offset, rounding.
module lmu_network_slice_0_activations (
  input  wire       clk,
  input  wire       rst,
  input  wire [1:0] map,
  input  wire [4:0] code,
  output reg  [4:0] word = 5'd0
);
  reg [1:0] value = 2'd0;
  reg [1:0] scaled = 2'd0;
  reg [4:0] value_2 = 5'd0;
  reg [4:0] plain = 5'd0;

  wire [4:0] chosen = $signed(plain) < 5'sd0 ? 5'd0 : plain;

  always @(posedge clk)
    if (rst) begin
      value <= 2'd0;
      scaled <= 2'd0;
      value_2 <= 5'd0;
      plain <= 5'd0;
    end else begin
      value <= map;
      scaled <= value;
      value_2 <= code;
      plain <= value_2;
    end
  always @(posedge clk)
    if (rst) word <= 5'd0;
    else if (scaled == 2'd1) word <= chosen;
    else if (scaled == 2'd2) word <= chosen;
endmodule

// A sum for each lane, and a register in which a finished group's sums leave one by one.
module lmu_network_slice_0_accumulators (
  input  wire        clk,
  input  wire        rst,
  input  wire        add,
  input  wire        opens,
  input  wire [20:0] biases_0,
  input  wire [20:0] biases_1,
  input  wire [20:0] products_0,
  input  wire [20:0] products_1,
  input  wire [3:0]  alignment_shifts_0,
  input  wire [3:0]  alignment_shifts_1,
  input  wire        close,
  output reg  [20:0] leaving_0 = 21'd0
);
  reg [20:0] sum_0 = 21'd0;
  reg [20:0] sum_1 = 21'd0;
  reg [20:0] leaving_1 = 21'd0;

  wire [20:0] shifted = products_0 << alignment_shifts_0;
  wire [20:0] shifted_2 = products_1 << alignment_shifts_1;

  always @(posedge clk)
    if (rst) begin
      sum_0 <= 21'd0;
      sum_1 <= 21'd0;
    end else if (add) begin
      sum_0 <= (opens ? biases_0 : sum_0) + shifted;
      sum_1 <= (opens ? biases_1 : sum_1) + shifted_2;
    end
  always @(posedge clk)
    if (rst) begin
      leaving_0 <= 21'd0;
      leaving_1 <= 21'd0;
    end else begin
      leaving_0 <= close ? sum_0 : leaving_1;
      leaving_1 <= close ? sum_1 : 21'd0;
    end
endmodule

// Multipliers with a register behind each, at the service of the affine maps or of one layer's memories.
module lmu_network_slice_0_lanes (
  input  wire        clk,
  input  wire        rst,
  input  wire        affine,
  input  wire [13:0] word,
  input  wire [6:0]  weights_0,
  input  wire [6:0]  weights_1,
  input  wire [11:0] factors_0_0_operand,
  input  wire [12:0] factors_0_0_coefficient,
  input  wire [11:0] factors_0_1_operand,
  input  wire [12:0] factors_0_1_coefficient,
  output reg  [24:0] products_0 = 25'd0,
  output reg  [24:0] products_1 = 25'd0
);
  wire [13:0] operand_0 =
      affine ? word :
      {{2{factors_0_0_operand[11]}}, factors_0_0_operand};
  wire [12:0] coefficient_0 =
      affine ? {{6{weights_0[6]}}, weights_0} :
      factors_0_0_coefficient;
  wire [13:0] operand_1 =
      affine ? word :
      {{2{factors_0_1_operand[11]}}, factors_0_1_operand};
  wire [12:0] coefficient_1 =
      affine ? {{6{weights_1[6]}}, weights_1} :
      factors_0_1_coefficient;

  always @(posedge clk)
    if (rst) begin
      products_0 <= 25'd0;
      products_1 <= 25'd0;
    end else begin
      products_0 <= $signed(operand_0) * $signed(coefficient_0);
      products_1 <= $signed(operand_1) * $signed(coefficient_1);
    end
endmodule

// Gives the outputs of a step, sequence after sequence, while the next step is at work.
module lmu_network_output (
  input  wire       clk,
  input  wire       rst,
  input  wire [4:0] word,
  input  wire       start,
  input  wire       gives,
  input  wire       firsts,
  input  wire       done,
  input  wire       bank,
  input  wire       o_ready,
  output wire       room,
  output reg        index = 1'b0,
  output wire [1:0] read_address,
  output reg        o_valid = 1'b0,
  output wire       o_payload_argmax,
  output wire       o_payload_first,
  output wire       o_payload_last
);
  reg coming = 1'b0;
  reg claimed_0 = 1'b0;
  reg claimed_1 = 1'b0;
  reg gives_0 = 1'b0;
  reg gives_1 = 1'b0;
  reg firsts_0 = 1'b0;
  reg firsts_1 = 1'b0;
  reg lasts_0 = 1'b0;
  reg lasts_1 = 1'b0;
  reg full_0 = 1'b0;
  reg full_1 = 1'b0;
  reg value = 1'b0;
  reg value_2 = 1'b0;
  reg best_index = 1'b0;
  reg [4:0] like = 5'd0;

  assign room = ~(!coming ? claimed_0 : coming ? claimed_1 : 1'b0);
  wire both = o_valid & o_ready;
  wire both_2 = (!value ? full_0 : value ? full_1 : 1'b0) & ~(!value ? gives_0 : value ? gives_1 : 1'b0);
  wire leaves = (both & index) | both_2;
  wire value_3 = value ^ leaves;
  wire either = ~index | ($signed(word) > $signed(like));
  assign o_payload_argmax = either ? index : best_index;
  assign o_payload_first = !value ? firsts_0 : value ? firsts_1 : 1'b0;
  assign o_payload_last = !value ? lasts_0 : value ? lasts_1 : 1'b0;
  wire value_4 = leaves ? 1'b0 : both ? value_2 + 1'b1 : value_2;
  wire next_index = leaves ? 1'b0 : both ? index + 1'b1 : index;
  assign read_address = {value_4, value_3};

  always @(posedge clk)
    if (rst) coming <= 1'b0;
    else if (start) coming <= ~coming;
  always @(posedge clk)
    if (rst) claimed_0 <= 1'b0;
    else begin
      if (start && !coming) claimed_0 <= 1'b1;
      if (leaves && !value) claimed_0 <= 1'b0;
    end
  always @(posedge clk)
    if (rst) claimed_1 <= 1'b0;
    else begin
      if (start && (!(!coming) && coming)) claimed_1 <= 1'b1;
      if (leaves && (!(!value) && value)) claimed_1 <= 1'b0;
    end
  always @(posedge clk)
    if (rst) begin
      gives_0 <= 1'b0;
      firsts_0 <= 1'b0;
      lasts_0 <= 1'b0;
    end else if (start && !coming) begin
      gives_0 <= gives;
      firsts_0 <= firsts;
      lasts_0 <= gives;
    end
  always @(posedge clk)
    if (rst) begin
      gives_1 <= 1'b0;
      firsts_1 <= 1'b0;
      lasts_1 <= 1'b0;
    end else if (start && (!(!coming) && coming)) begin
      gives_1 <= gives;
      firsts_1 <= firsts;
      lasts_1 <= gives;
    end
  always @(posedge clk)
    if (rst) full_0 <= 1'b0;
    else begin
      if (done && !bank) full_0 <= 1'b1;
      if (leaves && !value) full_0 <= 1'b0;
    end
  always @(posedge clk)
    if (rst) full_1 <= 1'b0;
    else begin
      if (done && (!(!bank) && bank)) full_1 <= 1'b1;
      if (leaves && (!(!value) && value)) full_1 <= 1'b0;
    end
  always @(posedge clk)
    if (rst) begin
      value <= 1'b0;
      index <= 1'b0;
      value_2 <= 1'b0;
      o_valid <= 1'b0;
    end else begin
      value <= value_3;
      index <= next_index;
      value_2 <= value_4;
      o_valid <= (!value_3 ? full_0 : value_3 ? full_1 : 1'b0) & (!value_3 ? gives_0 : value_3 ? gives_1 :
          1'b0);
    end
  always @(posedge clk)
    if (rst) best_index <= 1'b0;
    else if (both) best_index <= o_payload_argmax;
  always @(posedge clk)
    if (rst) like <= 5'd0;
    else if (both && either) like <= word;
endmodule

// Collects the words of a step for all sequences, while the step before is at work.
module lmu_network_input (
  input  wire clk,
  input  wire rst,
  input  wire finish,
  input  wire start,
  input  wire i_valid,
  input  wire i_payload_first,
  input  wire i_payload_last,
  output wire taken,
  output reg  address = 1'b0,
  output wire waiting,
  output wire firsts,
  output wire lasts,
  output wire i_ready
);
  reg firsts_0 = 1'b0;
  reg firsts_1 = 1'b0;
  reg lasts_0 = 1'b0;
  reg lasts_1 = 1'b0;
  reg full_0 = 1'b0;
  reg full_1 = 1'b0;
  reg at_work = 1'b0;
  reg next_up = 1'b0;

  assign lasts = !next_up ? lasts_0 : next_up ? lasts_1 : 1'b0;
  assign waiting = !next_up ? full_0 : next_up ? full_1 : 1'b0;
  assign firsts = !next_up ? firsts_0 : next_up ? firsts_1 : 1'b0;
  assign i_ready = ~(!address ? full_0 : address ? full_1 : 1'b0);
  assign taken = i_valid & i_ready;

  always @(posedge clk)
    if (rst) begin
      firsts_0 <= 1'b0;
      lasts_0 <= 1'b0;
    end else if (taken && !address) begin
      firsts_0 <= i_payload_first;
      lasts_0 <= i_payload_last;
    end
  always @(posedge clk)
    if (rst) begin
      firsts_1 <= 1'b0;
      lasts_1 <= 1'b0;
    end else if (taken && (!(!address) && address)) begin
      firsts_1 <= i_payload_first;
      lasts_1 <= i_payload_last;
    end
  always @(posedge clk)
    if (rst) full_0 <= 1'b0;
    else begin
      if (taken && !address) full_0 <= 1'b1;
      if (finish && !at_work) full_0 <= 1'b0;
    end
  always @(posedge clk)
    if (rst) full_1 <= 1'b0;
    else begin
      if (taken && (!(!address) && address)) full_1 <= 1'b1;
      if (finish && (!(!at_work) && at_work)) full_1 <= 1'b0;
    end
  always @(posedge clk)
    if (rst) address <= 1'b0;
    else if (taken) address <= ~address;
  always @(posedge clk)
    if (rst) begin
      at_work <= 1'b0;
      next_up <= 1'b0;
    end else if (start) begin
      at_work <= next_up;
      next_up <= ~next_up;
    end
endmodule

// Runs the program of a step as soon as a step waits and there is room for its outputs.
module lmu_network_control (
  input  wire        clk,
  input  wire        rst,
  input  wire        waiting,
  input  wire        gives,
  input  wire        room,
  output wire [1:0]  run_vector,
  output wire        run_previous,
  output wire        finish,
  output wire        start,
  output reg         bank = 1'b1,
  output reg  [41:0] biases,
  output reg  [13:0] weights = 14'd0,
  output reg  [1:0]  rows_0_map = 2'd0,
  output reg         rows_1_valid = 1'b0,
  output reg  [1:0]  rows_1_map = 2'd0,
  output reg         rows_4_valid = 1'b0,
  output reg  [1:0]  rows_4_map = 2'd0,
  output reg         rows_4_bank = 1'b0,
  output reg         rows_4_outputs = 1'b0,
  output reg         rows_4_gives = 1'b0,
  output wire [15:0] slots
);
  reg [24:0] program_ [0:8];
  initial begin
    program_[0] = 25'h20620;
    program_[1] = 25'd8;
    program_[2] = 25'h1322a20;
    program_[3] = 25'h222861;
    program_[4] = 25'had2da1;
    program_[5] = 25'h4000;
    program_[6] = 25'd8;
    program_[7] = 25'h36a1;
    program_[8] = 25'h8000;
  end
  reg [24:0] program_word;
  reg [13:0] weights_2 [0:7];
  initial begin
    weights_2[0] = 14'h7e;
    weights_2[1] = 14'hfd;
    weights_2[2] = 14'h3f02;
    weights_2[3] = 14'h3ffd;
    weights_2[4] = 14'h2b61;
    weights_2[5] = 14'h193c;
    weights_2[6] = 14'h3ae7;
    weights_2[7] = 14'h3717;
  end
  reg [13:0] signature_data;
  reg [41:0] biases_2 [0:2];
  initial begin
    biases_2[0] = 42'h1fffc4;
    biases_2[1] = 42'h3fd85bfdf4a;
    biases_2[2] = 42'hcbfff50;
  end
  reg [87:0] slots_2 = 88'd0;
  reg [3:0] value = 4'd0;
  reg [4:0] cycle = 5'd0;
  reg value_2 = 1'b0;
  reg giving = 1'b0;
  reg outputs = 1'b1;
  reg [2:0] value_3 = 3'd0;
  reg [1:0] group = 2'd0;
  reg rows_0_valid = 1'b0;
  reg rows_0_bank = 1'b0;
  reg rows_0_outputs = 1'b0;
  reg rows_0_gives = 1'b0;
  reg rows_1_bank = 1'b0;
  reg rows_1_outputs = 1'b0;
  reg rows_1_gives = 1'b0;
  reg rows_2_valid = 1'b0;
  reg [1:0] rows_2_map = 2'd0;
  reg rows_2_bank = 1'b0;
  reg rows_2_outputs = 1'b0;
  reg rows_2_gives = 1'b0;
  reg rows_3_valid = 1'b0;
  reg [1:0] rows_3_map = 2'd0;
  reg rows_3_bank = 1'b0;
  reg rows_3_outputs = 1'b0;
  reg rows_3_gives = 1'b0;
  reg left = 1'b0;

  wire is_equal = cycle == program_word[4:0];
  wire ends = value_2 & is_equal;
  assign finish = ends & (program_word[15] | (program_word[14] & ~giving));
  assign start = waiting & (~gives | room) & (finish | ~value_2);
  wire both = value_2 & program_word[5];
  wire both_2 = program_word[10] & is_equal;
  wire group_ends = both & both_2;
  wire both_3 = slots_2[66] & slots_2[71];
  wire inverse = ~left;
  wire [3:0] following =
      finish ? 4'd0 :
      ends ? (value + 4'd1) + {3'd0, program_word[16] & giving} :
      value;
  assign run_vector = program_word[7:6];
  assign run_previous = program_word[8];
  assign slots = {slots_2[71], slots_2[66], slots_2[60:53], slots_2[48], slots_2[44], slots_2[22],
      slots_2[2:1], both};

  always @(posedge clk)
    program_word <= program_[following];
  always @(posedge clk)
    signature_data <= weights_2[value_3];
  always @(posedge clk)
    biases <= biases_2[slots_2[40:39]];
  always @(posedge clk)
    if (rst) slots_2 <= 88'd0;
    else begin
      slots_2[21:0] <= {giving, outputs, bank, group, program_word[24:17], program_word[13:11], both_2,
          program_word[9] & (cycle == 5'd0), program_word[8:6], both};
      slots_2[43:22] <= slots_2[21:0];
      slots_2[65:44] <= slots_2[43:22];
      slots_2[87:66] <= slots_2[65:44];
    end
  always @(posedge clk)
    if (rst) begin
      value <= 4'd0;
      cycle <= 5'd0;
      weights <= 14'd0;
      rows_1_valid <= 1'b0;
      rows_1_map <= 2'd0;
      rows_1_bank <= 1'b0;
      rows_1_outputs <= 1'b0;
      rows_1_gives <= 1'b0;
      rows_2_valid <= 1'b0;
      rows_2_map <= 2'd0;
      rows_2_bank <= 1'b0;
      rows_2_outputs <= 1'b0;
      rows_2_gives <= 1'b0;
      rows_3_valid <= 1'b0;
      rows_3_map <= 2'd0;
      rows_3_bank <= 1'b0;
      rows_3_outputs <= 1'b0;
      rows_3_gives <= 1'b0;
      rows_4_valid <= 1'b0;
      rows_4_map <= 2'd0;
      rows_4_bank <= 1'b0;
      rows_4_outputs <= 1'b0;
      rows_4_gives <= 1'b0;
    end else begin
      value <= following;
      cycle <= (value_2 & ~ends) ? cycle + 5'd1 : 5'd0;
      weights <= signature_data;
      rows_1_valid <= rows_0_valid;
      rows_1_map <= rows_0_map;
      rows_1_bank <= rows_0_bank;
      rows_1_outputs <= rows_0_outputs;
      rows_1_gives <= rows_0_gives;
      rows_2_valid <= rows_1_valid;
      rows_2_map <= rows_1_map;
      rows_2_bank <= rows_1_bank;
      rows_2_outputs <= rows_1_outputs;
      rows_2_gives <= rows_1_gives;
      rows_3_valid <= rows_2_valid;
      rows_3_map <= rows_2_map;
      rows_3_bank <= rows_2_bank;
      rows_3_outputs <= rows_2_outputs;
      rows_3_gives <= rows_2_gives;
      rows_4_valid <= rows_3_valid;
      rows_4_map <= rows_3_map;
      rows_4_bank <= rows_3_bank;
      rows_4_outputs <= rows_3_outputs;
      rows_4_gives <= rows_3_gives;
    end
  always @(posedge clk)
    if (rst) value_2 <= 1'b0;
    else if (start) value_2 <= 1'b1;
    else if (finish) value_2 <= 1'b0;
  always @(posedge clk)
    if (rst) begin
      bank <= 1'b1;
      giving <= 1'b0;
      outputs <= 1'b1;
    end else if (start) begin
      bank <= ~bank;
      giving <= gives;
      outputs <= outputs ^ gives;
    end
  always @(posedge clk)
    if (rst) begin
      value_3 <= 3'd0;
      group <= 2'd0;
    end else if (finish) begin
      value_3 <= 3'd0;
      group <= 2'd0;
    end else begin
      value_3 <= value_3 + {2'd0, both};
      group <= group + {1'b0, group_ends};
    end
  always @(posedge clk)
    if (rst) rows_0_valid <= 1'b0;
    else if (both_3) rows_0_valid <= 1'b1;
    else if (inverse) rows_0_valid <= 1'b0;
  always @(posedge clk)
    if (rst) begin
      rows_0_map <= 2'd0;
      rows_0_bank <= 1'b0;
      rows_0_outputs <= 1'b0;
      rows_0_gives <= 1'b0;
    end else if (both_3) begin
      rows_0_map <= slots_2[73:72];
      rows_0_bank <= slots_2[85];
      rows_0_outputs <= slots_2[86];
      rows_0_gives <= slots_2[87];
    end
  always @(posedge clk)
    if (rst) left <= 1'b0;
    else if (both_3) left <= slots_2[74];
    else if (!inverse) left <= left - 1'b1;
endmodule
