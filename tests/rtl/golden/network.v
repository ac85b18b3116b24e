// lmu_network: network of 2 layer(s), 2 lane(s) for each of 1 sequence(s).
// input 1 x sQ0.7
// layer 0 (lmu): 1 memory(s), chain datapath, order 2, theta 20.0 s, dt 1.0 s, ab2 step, legendre basis; 2 outputs, sQ-1.6
// layer 1 (lmu): 2 outputs, sQ2.3
// A word moves at each rising edge of clk at which valid and ready of its stream are 1; until then it is held.
// A step takes at least 16 cycles; its first answer comes 39 cycles after the step was taken, if nothing holds it up.
// sQm.n has m bits before the binary point, the sign among them, and n behind it; uQm.n has no sign.
// Made by: golden
// A quantised network that processes one or more sequences side by side, in lock-step, on shared multipliers.
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
  wire start;
  wire finish;
  wire steps_slots_issue_bank;
  wire [6:0] steps_weights_0;
  wire [6:0] steps_weights_1;
  wire [20:0] steps_biases_0;
  wire [20:0] steps_biases_1;
  wire steps_slots_issue_valid;
  wire [1:0] steps_slots_issue_vector;
  wire steps_slots_issue_previous;
  wire [1:0] steps_slots_read_vector;
  wire steps_slots_multiply_valid;
  wire steps_slots_accumulate_valid;
  wire steps_slots_accumulate_opens;
  wire [3:0] steps_slots_accumulate_alignment_shifts_0;
  wire [3:0] steps_slots_accumulate_alignment_shifts_1;
  wire steps_slots_close_valid;
  wire steps_slots_close_closes;
  wire [1:0] steps_rows_round_map;
  wire steps_rows_lookup_valid;
  wire [1:0] steps_rows_lookup_map;
  wire steps_rows_write_valid;
  wire [1:0] steps_rows_write_map;
  wire steps_rows_write_bank;
  wire bank;
  wire steps_rows_write_gives;
  wire slices;
  wire address;
  wire waiting;
  wire step_firsts;
  wire gives;
  wire room;
  wire [1:0] outputs_read_address;
  wire ready;
  wire memories_memory_0_samples_offer;
  wire vectors_memory_0_read_word;
  wire read_layer_0_row;
  reg started = 1'b0;
  reg clear = 1'b0;
  reg row_0 = 1'b0;
  reg row_1 = 1'b0;

  wire start_2 = start & gives;
  wire write_0 = steps_rows_write_valid & (steps_rows_write_map == 2'd1);
  wire write_1 = steps_rows_write_valid & (steps_rows_write_map == 2'd2);
  wire sample = steps_rows_lookup_valid & (steps_rows_lookup_map == 2'd0);
  wire bank_2 = steps_slots_issue_bank ^ steps_slots_issue_previous;
  wire next = steps_slots_issue_valid & (steps_slots_issue_vector == 2'd1);
  wire next_2 = steps_slots_issue_valid & (steps_slots_issue_vector == 2'd2);
  wire done = write_1 & row_1 & steps_rows_write_gives;
  assign out_sequence = 1'b0;

  // Sequencer of a network: runs the program of a step when its inputs are there and its outputs have room.
  lmu_network_control control (
    .clk(clk),
    .rst(rst),
    .gives(gives),
    .waiting(waiting),
    .room(room),
    .start(start),
    .finish(finish),
    .bank(steps_slots_issue_bank),
    .steps_weights_0(steps_weights_0),
    .steps_weights_1(steps_weights_1),
    .steps_biases_0(steps_biases_0),
    .steps_biases_1(steps_biases_1),
    .steps_slots_issue_valid(steps_slots_issue_valid),
    .steps_slots_issue_vector(steps_slots_issue_vector),
    .steps_slots_issue_previous(steps_slots_issue_previous),
    .steps_slots_read_vector(steps_slots_read_vector),
    .steps_slots_multiply_valid(steps_slots_multiply_valid),
    .steps_slots_accumulate_valid(steps_slots_accumulate_valid),
    .steps_slots_accumulate_opens(steps_slots_accumulate_opens),
    .steps_slots_accumulate_alignment_shifts_0(steps_slots_accumulate_alignment_shifts_0),
    .steps_slots_accumulate_alignment_shifts_1(steps_slots_accumulate_alignment_shifts_1),
    .steps_slots_close_valid(steps_slots_close_valid),
    .steps_slots_close_closes(steps_slots_close_closes),
    .steps_rows_round_map(steps_rows_round_map),
    .steps_rows_lookup_valid(steps_rows_lookup_valid),
    .steps_rows_lookup_map(steps_rows_lookup_map),
    .steps_rows_write_valid(steps_rows_write_valid),
    .steps_rows_write_map(steps_rows_write_map),
    .steps_rows_write_bank(steps_rows_write_bank),
    .steps_rows_write_outputs(bank),
    .steps_rows_write_gives(steps_rows_write_gives)
  );
  // Input port of a network: collects the words of a step for all sequences while the step before is at work.
  lmu_network_input input_ (
    .clk(clk),
    .rst(rst),
    .finish(finish),
    .start(start),
    .i_valid(in_valid),
    .i_payload_first(in_first),
    .i_payload_last(in_last),
    .slices(slices),
    .address(address),
    .waiting(waiting),
    .i_ready(in_ready),
    .step_firsts(step_firsts),
    .step_lasts(gives)
  );
  // Output port of a network: sends the outputs of a step, sequence after sequence, while the next step is at work.
  lmu_network_output output_ (
    .clk(clk),
    .rst(rst),
    .words(out_data),
    .start(start_2),
    .gives(gives),
    .done(done),
    .bank(bank),
    .o_ready(out_ready),
    .step_firsts(step_firsts),
    .room(room),
    .read_address(outputs_read_address),
    .o_valid(out_valid),
    .o_payload_index(out_index),
    .o_payload_argmax(out_argmax),
    .o_payload_first(out_first),
    .o_payload_last(out_last)
  );
  // The datapath of one sequence: lanes, accumulators, vectors, memories and activations.
  lmu_network_slice_0 slice_0 (
    .clk(clk),
    .rst(rst),
    .clear(clear),
    .x(in_data),
    .steps_slots_issue_previous(steps_slots_issue_previous),
    .steps_slots_read_vector(steps_slots_read_vector),
    .vectors_x_read_address(bank_2),
    .vectors_x_write_address(address),
    .vectors_x_write_valid(slices),
    .vectors_memory_0_read_word(vectors_memory_0_read_word),
    .vectors_layer_0_write_address({row_0, steps_rows_write_bank}),
    .vectors_layer_0_write_valid(write_0),
    .steps_slots_multiply_valid(steps_slots_multiply_valid),
    .steps_weights_0(steps_weights_0),
    .steps_weights_1(steps_weights_1),
    .steps_slots_accumulate_valid(steps_slots_accumulate_valid),
    .steps_slots_accumulate_opens(steps_slots_accumulate_opens),
    .steps_slots_accumulate_alignment_shifts_0(steps_slots_accumulate_alignment_shifts_0),
    .steps_slots_accumulate_alignment_shifts_1(steps_slots_accumulate_alignment_shifts_1),
    .steps_biases_0(steps_biases_0),
    .steps_biases_1(steps_biases_1),
    .steps_slots_close_valid(steps_slots_close_valid),
    .steps_slots_close_closes(steps_slots_close_closes),
    .steps_rows_round_map(steps_rows_round_map),
    .steps_rows_lookup_map(steps_rows_lookup_map),
    .memories_memory_0_samples_write(sample),
    .memories_memory_0_samples_offer(memories_memory_0_samples_offer),
    .outputs_read_address(outputs_read_address),
    .outputs_write_address({row_1, bank}),
    .outputs_write_valid(write_1 & steps_rows_write_gives),
    .vectors_layer_0_read_address(read_layer_0_row),
    .y(out_data),
    .memories_memory_0_ready(ready)
  );
  // Controls the sample buffers of a layer's memories: offers the samples one by one when all of a step are there.
  lmu_network_feeder_0 feeder_0 (
    .clk(clk),
    .rst(rst),
    .sample(sample),
    .ready(ready),
    .samples_offer(memories_memory_0_samples_offer)
  );
  // Address counter of a vector: addresses its words from the first to the last, and then again.
  lmu_network_read_memory_0 read_memory_0 (
    .clk(clk),
    .rst(rst),
    .next(next),
    .read_word(vectors_memory_0_read_word)
  );
  // Address counter of a vector: addresses its words from the first to the last, and then again.
  lmu_network_read_layer_0 read_layer_0 (
    .clk(clk),
    .rst(rst),
    .next(next_2),
    .row(read_layer_0_row)
  );

  always @(posedge clk)
    if (rst) begin
      started <= 1'b0;
      clear <= 1'b0;
    end else if (start) begin
      started <= 1'b1;
      clear <= started ? step_firsts : 1'b1;
    end
  always @(posedge clk)
    if (rst) row_0 <= 1'b0;
    else if (write_0) row_0 <= row_0 + 1'b1;
  always @(posedge clk)
    if (rst) row_1 <= 1'b0;
    else if (write_1) row_1 <= row_1 + 1'b1;
endmodule

// Address counter of a vector: addresses its words from the first to the last, and then again.
module lmu_network_read_layer_0 (
  input  wire clk,
  input  wire rst,
  input  wire next,
  output reg  row = 1'b0
);
  always @(posedge clk)
    if (rst) row <= 1'b0;
    else if (next) row <= row + 1'b1;
endmodule

// Address counter of a vector: addresses its words from the first to the last, and then again.
module lmu_network_read_memory_0 (
  input  wire clk,
  input  wire rst,
  input  wire next,
  output reg  read_word = 1'b0
);
  reg word = 1'b0;

  always @(posedge clk)
    if (rst) word <= 1'b0;
    else if (next) word <= word + 1'b1;
  always @(posedge clk)
    if (rst) read_word <= 1'b0;
    else read_word <= word;
endmodule

// Controls the sample buffers of a layer's memories: offers the samples one by one when all of a step are there.
module lmu_network_feeder_0 (
  input  wire clk,
  input  wire rst,
  input  wire sample,
  input  wire ready,
  output reg  samples_offer = 1'b0
);
  always @(posedge clk)
    if (rst) samples_offer <= 1'b0;
    else begin
      if (sample) samples_offer <= 1'b1;
      if (samples_offer & ready) samples_offer <= 1'b0;
    end
endmodule

// The datapath of one sequence: lanes, accumulators, vectors, memories and activations.
module lmu_network_slice_0 (
  input  wire        clk,
  input  wire        rst,
  input  wire        clear,
  input  wire [6:0]  x,
  input  wire        steps_slots_issue_previous,
  input  wire [1:0]  steps_slots_read_vector,
  input  wire        vectors_x_read_address,
  input  wire        vectors_x_write_address,
  input  wire        vectors_x_write_valid,
  input  wire        vectors_memory_0_read_word,
  input  wire [1:0]  vectors_layer_0_write_address,
  input  wire        vectors_layer_0_write_valid,
  input  wire        steps_slots_multiply_valid,
  input  wire [6:0]  steps_weights_0,
  input  wire [6:0]  steps_weights_1,
  input  wire        steps_slots_accumulate_valid,
  input  wire        steps_slots_accumulate_opens,
  input  wire [3:0]  steps_slots_accumulate_alignment_shifts_0,
  input  wire [3:0]  steps_slots_accumulate_alignment_shifts_1,
  input  wire [20:0] steps_biases_0,
  input  wire [20:0] steps_biases_1,
  input  wire        steps_slots_close_valid,
  input  wire        steps_slots_close_closes,
  input  wire [1:0]  steps_rows_round_map,
  input  wire [1:0]  steps_rows_lookup_map,
  input  wire        memories_memory_0_samples_write,
  input  wire        memories_memory_0_samples_offer,
  input  wire [1:0]  outputs_read_address,
  input  wire [1:0]  outputs_write_address,
  input  wire        outputs_write_valid,
  input  wire        vectors_layer_0_read_address,
  output wire [4:0]  y,
  output wire        memories_memory_0_ready
);
  wire [24:0] multipliers_0_product;
  wire [24:0] multipliers_1_product;
  wire [20:0] sum;
  wire [4:0] row;
  wire [6:0] word;
  wire [13:0] word_2;
  wire [4:0] word_3;
  wire [4:0] code;
  wire [11:0] memory_0_0_operand;
  wire [12:0] memory_0_0_coefficient;
  wire [11:0] memory_0_1_operand;
  wire [12:0] memory_0_1_coefficient;
  wire access_write_valid;
  wire [13:0] row_0;
  wire [13:0] row_1;
  wire [4:0] samples_payload_data;
  reg blank = 1'b0;
  reg [13:0] word_4 = 14'd0;

  wire close = steps_slots_close_valid & steps_slots_close_closes;
  wire [13:0] chosen =
      steps_slots_read_vector == 2'd2 ? {{9{word_3[4]}}, word_3} :
      steps_slots_read_vector == 2'd1 ? word_2 :
      {{7{word[6]}}, word};

  // Multipliers with a register behind each, shared by the affine maps and the memories of all layers.
  lmu_network_slice_0_lanes lanes (
    .clk(clk),
    .rst(rst),
    .affine_valid(steps_slots_multiply_valid),
    .affine_word(word_4),
    .affine_weights_0(steps_weights_0),
    .affine_weights_1(steps_weights_1),
    .memory_0_0_operand(memory_0_0_operand),
    .memory_0_0_coefficient(memory_0_0_coefficient),
    .memory_0_1_operand(memory_0_1_operand),
    .memory_0_1_coefficient(memory_0_1_coefficient),
    .memory_0_0_product(multipliers_0_product),
    .memory_0_1_product(multipliers_1_product)
  );
  // Accumulators of the rows of a group, one per lane, and a shift register in which finished sums leave one by one.
  lmu_network_slice_0_accumulators accumulators (
    .clk(clk),
    .rst(rst),
    .close(close),
    .add_valid(steps_slots_accumulate_valid),
    .add_opens(steps_slots_accumulate_opens),
    .add_biases_0(steps_biases_0),
    .add_biases_1(steps_biases_1),
    .add_products_0(multipliers_0_product[20:0]),
    .add_products_1(multipliers_1_product[20:0]),
    .add_alignment_shifts_0(steps_slots_accumulate_alignment_shifts_0),
    .add_alignment_shifts_1(steps_slots_accumulate_alignment_shifts_1),
    .sum(sum)
  );
  // Applies the activations of all layers to codes: piecewise linear from tables, ReLU, identity; one word a cycle.
  lmu_network_slice_0_activations activations (
    .clk(clk),
    .rst(rst),
    .map(steps_rows_lookup_map),
    .code(code),
    .word(row)
  );
  // The memory of a vector, which is written row by row and read word by word.
  lmu_network_slice_0_vector_x vector_x (
    .clk(clk),
    .row(x),
    .access_read_address(vectors_x_read_address),
    .access_write_address(vectors_x_write_address),
    .access_write_valid(vectors_x_write_valid),
    .word(word)
  );
  // The memory of a vector, which is written row by row and read word by word.
  lmu_network_slice_0_vector_memory_0 vector_memory_0 (
    .clk(clk),
    .row_0(row_0),
    .row_1(row_1),
    .access_write_valid(access_write_valid),
    .access_read_word(vectors_memory_0_read_word),
    .word(word_2)
  );
  // The memory of a vector, which is written row by row and read word by word.
  lmu_network_slice_0_vector_layer_0 vector_layer_0 (
    .clk(clk),
    .row(row),
    .access_read_address({vectors_layer_0_read_address, vectors_x_read_address}),
    .access_write_address(vectors_layer_0_write_address),
    .access_write_valid(vectors_layer_0_write_valid),
    .word(word_3)
  );
  // Rounds and saturates the sum of a row to a code in its map's target format; one a cycle, latency one cycle.
  lmu_network_slice_0_rounder rounder (
    .clk(clk),
    .rst(rst),
    .map(steps_rows_round_map),
    .sum(sum),
    .code(code)
  );
  // The datapath of the chain memory: issues a group of states a cycle, one state in each lane.
  lmu_network_slice_0_memory_0 memory_0 (
    .clk(clk),
    .rst(rst),
    .samples_valid(memories_memory_0_samples_offer),
    .samples_payload_data(samples_payload_data),
    .samples_payload_first(clear),
    .multipliers_0_product(multipliers_0_product),
    .multipliers_1_product(multipliers_1_product),
    .samples_ready(memories_memory_0_ready),
    .multipliers_0_operand(memory_0_0_operand),
    .multipliers_0_coefficient(memory_0_0_coefficient),
    .multipliers_1_operand(memory_0_1_operand),
    .multipliers_1_coefficient(memory_0_1_coefficient),
    .beats_valid(access_write_valid),
    .beats_payload_data_0(row_0),
    .beats_payload_data_1(row_1)
  );
  // A memory of a single row: a register, or a constant if it has no write port.
  lmu_network_slice_0_samples_0 samples_0 (
    .clk(clk),
    .samples_write_en(memories_memory_0_samples_write),
    .samples_write_data(code),
    .samples_read_data(samples_payload_data)
  );
  // The memory of a vector, which is written row by row and read word by word.
  lmu_network_slice_0_vector_layer_0 outputs (
    .clk(clk),
    .row(row),
    .access_read_address(outputs_read_address),
    .access_write_address(outputs_write_address),
    .access_write_valid(outputs_write_valid),
    .word(y)
  );

  always @(posedge clk)
    if (rst) begin
      blank <= 1'b0;
      word_4 <= 14'd0;
    end else begin
      blank <= steps_slots_issue_previous & clear;
      word_4 <= blank ? 14'd0 : chosen;
    end
endmodule

// A memory of a single row: a register, or a constant if it has no write port.
module lmu_network_slice_0_samples_0 (
  input  wire       clk,
  input  wire       samples_write_en,
  input  wire [4:0] samples_write_data,
  output reg  [4:0] samples_read_data = 5'd0
);
  reg [4:0] row = 5'd0;

  always @(posedge clk)
    if (samples_write_en) row <= samples_write_data;
  always @(posedge clk)
    samples_read_data <= samples_write_en ? samples_write_data : row;
endmodule

// The datapath of the chain memory: issues a group of states a cycle, one state in each lane.
module lmu_network_slice_0_memory_0 (
  input  wire        clk,
  input  wire        rst,
  input  wire        samples_valid,
  input  wire [4:0]  samples_payload_data,
  input  wire        samples_payload_first,
  input  wire [24:0] multipliers_0_product,
  input  wire [24:0] multipliers_1_product,
  output wire        samples_ready,
  output reg  [11:0] multipliers_0_operand = 12'd0,
  output reg  [12:0] multipliers_0_coefficient = 13'd0,
  output reg  [11:0] multipliers_1_operand = 12'd0,
  output reg  [12:0] multipliers_1_coefficient = 13'd0,
  output reg         beats_valid = 1'b0,
  output wire [13:0] beats_payload_data_0,
  output wire [13:0] beats_payload_data_1
);
  wire group_issue_valid;
  wire clear;
  wire [10:0] words_read_data_0;
  wire [10:0] words_0;
  wire [10:0] words_1;
  reg group_multiply_valid = 1'b0;
  reg group_integrate_valid = 1'b0;
  reg [1:0] coefficients_1_alignment_shift = 2'd0;
  reg [1:0] alignment_shift_1 = 2'd0;
  reg [11:0] total_0 = 12'd0;

  wire [11:0] total = clear ? 12'd0 : total_0;
  wire [11:0] s_before = $signed(total) + $signed({samples_payload_data, 5'd0});
  wire [11:0] s_0 = $signed(total) - $signed({samples_payload_data, 5'd0});
  wire [10:0] word_0 = clear ? 11'd0 : words_read_data_0;
  wire [11:0] s_1 = s_before - {word_0, 1'b0};
  wire [11:0] new_total = $signed(words_0) + $signed(words_1);
  wire [24:0] add_increments_1 = multipliers_1_product << alignment_shift_1;

  // Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
  lmu_network_slice_0_memory_0_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .valid(samples_valid),
    .first(samples_payload_first),
    .ends(group_issue_valid),
    .ready(samples_ready),
    .clear(clear)
  );
  // A memory of a single row: a register, or a constant if it has no write port.
  lmu_network_slice_0_memory_0_words words (
    .clk(clk),
    .words_write_en(beats_valid),
    .words_write_data_0(words_0),
    .words_read_data_0(words_read_data_0)
  );
  // Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
  lmu_network_slice_0_memory_0_bank bank (
    .clk(clk),
    .rst(rst),
    .add_increments_0(multipliers_0_product),
    .add_increments_1(add_increments_1),
    .read_clear(clear),
    .add_valid(group_integrate_valid),
    .words_0(words_0),
    .words_1(words_1),
    .outputs_0(beats_payload_data_0),
    .outputs_1(beats_payload_data_1)
  );

  always @(posedge clk)
    if (rst) begin
      group_multiply_valid <= 1'b0;
      group_integrate_valid <= 1'b0;
      beats_valid <= 1'b0;
      multipliers_0_operand <= 12'd0;
      multipliers_1_operand <= 12'd0;
      multipliers_0_coefficient <= 13'd0;
      multipliers_1_coefficient <= 13'd0;
      coefficients_1_alignment_shift <= 2'd0;
      alignment_shift_1 <= 2'd0;
    end else begin
      group_multiply_valid <= group_issue_valid;
      group_integrate_valid <= group_multiply_valid;
      beats_valid <= group_integrate_valid;
      multipliers_0_operand <= s_0;
      multipliers_1_operand <= s_1;
      multipliers_0_coefficient <= 13'h1333;
      multipliers_1_coefficient <= 13'h1666;
      coefficients_1_alignment_shift <= 2'd2;
      alignment_shift_1 <= coefficients_1_alignment_shift;
    end
  always @(posedge clk)
    if (rst) total_0 <= 12'd0;
    else if (beats_valid) total_0 <= new_total;
endmodule

// Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
module lmu_network_slice_0_memory_0_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [24:0] add_increments_0,
  input  wire [24:0] add_increments_1,
  input  wire        read_clear,
  input  wire        add_valid,
  output reg  [10:0] words_0 = 11'd0,
  output reg  [10:0] words_1 = 11'd0,
  output reg  [13:0] outputs_0 = 14'd0,
  output reg  [13:0] outputs_1 = 14'd0
);
  wire [25:0] fetch_data_0_accumulator;
  wire [14:0] fetch_data_0_residue;
  wire [25:0] fetch_data_1_accumulator;
  wire [14:0] fetch_data_1_residue;
  reg clear = 1'b0;
  reg store_en = 1'b0;
  reg [25:0] old_accumulator_0 = 26'd0;
  reg [27:0] base_0 = 28'd0;
  reg [25:0] store_data_0_accumulator = 26'd0;
  reg [14:0] store_data_0_residue = 15'd0;
  reg [25:0] store_data_1_accumulator = 26'd0;
  reg [14:0] store_data_1_residue = 15'd0;
  reg [26:0] unfed_0 = 27'd0;
  reg [25:0] old_accumulator_1 = 26'd0;
  reg [27:0] base_1 = 28'd0;
  reg [26:0] unfed_1 = 27'd0;

  wire [40:0] chosen = clear ? 41'd0 : {fetch_data_0_residue, fetch_data_0_accumulator};
  wire [25:0] step_0 = $signed(add_increments_0) + 26'sd2;
  wire [25:0] new_accumulator_0 = $signed(old_accumulator_0) + $signed(step_0[25:2]);
  wire [25:0] sum = $signed(step_0[25:2]) + $signed({step_0[25:2], 1'b0});
  wire [25:0] sum_0 = base_0[25:0] + sum;
  wire [40:0] chosen_2 = clear ? 41'd0 : {fetch_data_1_residue, fetch_data_1_accumulator};
  wire [25:0] step_1 = $signed(add_increments_1) + 26'sd2;
  wire [25:0] new_accumulator_1 = $signed(old_accumulator_1) + $signed(step_1[25:2]);
  wire [25:0] sum_2 = $signed(step_1[25:2]) + $signed({step_1[25:2], 1'b0});
  wire [25:0] sum_1 = base_1[25:0] + sum_2;
  wire [25:0] sum_3 = (unfed_0[25:0] + sum) + 26'h800;
  wire [25:0] sum_4 = (unfed_1[25:0] + sum_2) + 26'h800;
  wire [27:0] sum_5 = $signed({chosen[25:0], 1'b0}) + 28'sd16384;
  wire [27:0] sum_6 = $signed({chosen_2[25:0], 1'b0}) + 28'sd16384;

  // A memory of a single row: a register, or a constant if it has no write port.
  lmu_network_slice_0_memory_0_bank_integrators integrators (
    .clk(clk),
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
      old_accumulator_0 <= 26'd0;
      base_0 <= 28'd0;
      words_0 <= 11'd0;
      words_1 <= 11'd0;
      store_data_0_accumulator <= 26'd0;
      store_data_0_residue <= 15'd0;
      store_data_1_accumulator <= 26'd0;
      store_data_1_residue <= 15'd0;
      unfed_0 <= 27'd0;
      outputs_0 <= 14'd0;
      outputs_1 <= 14'd0;
      old_accumulator_1 <= 26'd0;
      base_1 <= 28'd0;
      unfed_1 <= 27'd0;
    end else begin
      clear <= read_clear;
      store_en <= add_valid;
      old_accumulator_0 <= chosen[25:0];
      base_0 <= $signed(sum_5) + $signed(chosen[40:26]);
      words_0 <= sum_0[25:15];
      words_1 <= sum_1[25:15];
      store_data_0_accumulator <= new_accumulator_0;
      store_data_0_residue <= {~sum_0[14], sum_0[13:0]};
      store_data_1_accumulator <= new_accumulator_1;
      store_data_1_residue <= {~sum_1[14], sum_1[13:0]};
      unfed_0 <= {chosen[25:0], 1'b0};
      outputs_0 <= sum_3[25:12];
      outputs_1 <= sum_4[25:12];
      old_accumulator_1 <= chosen_2[25:0];
      base_1 <= $signed(sum_6) + $signed(chosen_2[40:26]);
      unfed_1 <= {chosen_2[25:0], 1'b0};
    end
endmodule

// A memory of a single row: a register, or a constant if it has no write port.
module lmu_network_slice_0_memory_0_bank_integrators (
  input  wire        clk,
  input  wire        store_en,
  input  wire [25:0] store_data_0_accumulator,
  input  wire [14:0] store_data_0_residue,
  input  wire [25:0] store_data_1_accumulator,
  input  wire [14:0] store_data_1_residue,
  output reg  [25:0] fetch_data_0_accumulator = 26'd0,
  output reg  [14:0] fetch_data_0_residue = 15'd0,
  output reg  [25:0] fetch_data_1_accumulator = 26'd0,
  output reg  [14:0] fetch_data_1_residue = 15'd0
);
  reg [25:0] row_0_accumulator = 26'd0;
  reg [14:0] row_0_residue = 15'd0;
  reg [25:0] row_1_accumulator = 26'd0;
  reg [14:0] row_1_residue = 15'd0;

  wire [81:0] chosen =
      store_en ? {store_data_1_residue, store_data_1_accumulator, store_data_0_residue,
          store_data_0_accumulator} :
      {row_1_residue, row_1_accumulator, row_0_residue, row_0_accumulator};

  always @(posedge clk)
    if (store_en) begin
      row_0_accumulator <= store_data_0_accumulator;
      row_0_residue <= store_data_0_residue;
      row_1_accumulator <= store_data_1_accumulator;
      row_1_residue <= store_data_1_residue;
    end
  always @(posedge clk) begin
    fetch_data_0_accumulator <= chosen[25:0];
    fetch_data_0_residue <= chosen[40:26];
    fetch_data_1_accumulator <= chosen[66:41];
    fetch_data_1_residue <= chosen[81:67];
  end
endmodule

// A memory of a single row: a register, or a constant if it has no write port.
module lmu_network_slice_0_memory_0_words (
  input  wire        clk,
  input  wire        words_write_en,
  input  wire [10:0] words_write_data_0,
  output reg  [10:0] words_read_data_0 = 11'd0
);
  reg [10:0] row_0 = 11'd0;

  always @(posedge clk)
    if (words_write_en) row_0 <= words_write_data_0;
  always @(posedge clk)
    words_read_data_0 <= words_write_en ? words_write_data_0 : row_0;
endmodule

// Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
module lmu_network_slice_0_memory_0_sequencer (
  input  wire clk,
  input  wire rst,
  input  wire valid,
  input  wire first,
  output wire ends,
  output wire ready,
  output wire clear
);
  reg awake = 1'b0;
  reg [1:0] pause_left = 2'd0;
  reg started = 1'b0;

  assign clear = first | ~started;
  assign ready = awake & (pause_left == 2'd0);
  assign ends = valid & ready;

  always @(posedge clk)
    if (rst) awake <= 1'b0;
    else awake <= 1'b1;
  always @(posedge clk)
    if (rst) pause_left <= 2'd0;
    else if (ends) pause_left <= 2'd3;
    else if (pause_left != 2'd0) pause_left <= pause_left - 2'd1;
  always @(posedge clk)
    if (rst) started <= 1'b0;
    else if (ends) started <= 1'b1;
endmodule

// Rounds and saturates the sum of a row to a code in its map's target format; one a cycle, latency one cycle.
module lmu_network_slice_0_rounder (
  input  wire        clk,
  input  wire        rst,
  input  wire [1:0]  map,
  input  wire [20:0] sum,
  output reg  [4:0]  code = 5'd0
);
  wire [21:0] sum_2 = $signed(sum) + 22'sd4;
  wire [21:0] sum_3 = $signed(sum) + 22'sd2048;
  wire [21:0] sum_4 = $signed(sum) + 22'sd16;

  always @(posedge clk)
    if (rst) code <= 5'd0;
    else begin
      case (map)
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

// The memory of a vector, which is written row by row and read word by word.
module lmu_network_slice_0_vector_layer_0 (
  input  wire       clk,
  input  wire [4:0] row,
  input  wire [1:0] access_read_address,
  input  wire [1:0] access_write_address,
  input  wire       access_write_valid,
  output reg  [4:0] word
);
  reg [4:0] words [0:3];

  always @(posedge clk)
    if (access_write_valid) words[access_write_address] <= row;
  always @(posedge clk)
    word <= words[access_read_address];
endmodule

// The memory of a vector, which is written row by row and read word by word.
module lmu_network_slice_0_vector_memory_0 (
  input  wire        clk,
  input  wire [13:0] row_0,
  input  wire [13:0] row_1,
  input  wire        access_write_valid,
  input  wire        access_read_word,
  output wire [13:0] word
);
  wire [13:0] words_read_data_0;
  wire [13:0] words_read_data_1;

  assign word = access_read_word ? words_read_data_1 : words_read_data_0;

  // A memory of a single row: a register, or a constant if it has no write port.
  lmu_network_slice_0_vector_memory_0_words words (
    .clk(clk),
    .words_write_en(access_write_valid),
    .words_write_data_0(row_0),
    .words_write_data_1(row_1),
    .words_read_data_0(words_read_data_0),
    .words_read_data_1(words_read_data_1)
  );
endmodule

// A memory of a single row: a register, or a constant if it has no write port.
module lmu_network_slice_0_vector_memory_0_words (
  input  wire        clk,
  input  wire        words_write_en,
  input  wire [13:0] words_write_data_0,
  input  wire [13:0] words_write_data_1,
  output reg  [13:0] words_read_data_0 = 14'd0,
  output reg  [13:0] words_read_data_1 = 14'd0
);
  reg [13:0] row_0 = 14'd0;
  reg [13:0] row_1 = 14'd0;

  always @(posedge clk)
    if (words_write_en) begin
      row_0 <= words_write_data_0;
      row_1 <= words_write_data_1;
    end
  always @(posedge clk) begin
    words_read_data_0 <= row_0;
    words_read_data_1 <= row_1;
  end
endmodule

// The memory of a vector, which is written row by row and read word by word.
module lmu_network_slice_0_vector_x (
  input  wire       clk,
  input  wire [6:0] row,
  input  wire       access_read_address,
  input  wire       access_write_address,
  input  wire       access_write_valid,
  output reg  [6:0] word
);
  reg [6:0] words [0:1];

  always @(posedge clk)
    if (access_write_valid) words[access_write_address] <= row;
  always @(posedge clk)
    word <= words[access_read_address];
endmodule

// Applies the activations of all layers to codes: piecewise linear from tables, ReLU, identity; one word a cycle.
module lmu_network_slice_0_activations (
  input  wire       clk,
  input  wire       rst,
  input  wire [1:0] map,
  input  wire [4:0] code,
  output reg  [4:0] word = 5'd0
);
  reg [1:0] scale_map = 2'd0;
  reg [1:0] add_map = 2'd0;
  reg [4:0] scale_code = 5'd0;
  reg [4:0] add_code = 5'd0;

  wire [4:0] chosen = $signed(add_code) < 5'sd0 ? 5'd0 : add_code;

  always @(posedge clk)
    if (rst) begin
      scale_map <= 2'd0;
      add_map <= 2'd0;
      scale_code <= 5'd0;
      add_code <= 5'd0;
    end else begin
      scale_map <= map;
      add_map <= scale_map;
      scale_code <= code;
      add_code <= scale_code;
    end
  always @(posedge clk)
    if (rst) word <= 5'd0;
    else if (add_map == 2'd1) word <= chosen;
    else if (add_map == 2'd2) word <= chosen;
endmodule

// Accumulators of the rows of a group, one per lane, and a shift register in which finished sums leave one by one.
module lmu_network_slice_0_accumulators (
  input  wire        clk,
  input  wire        rst,
  input  wire        close,
  input  wire        add_valid,
  input  wire        add_opens,
  input  wire [20:0] add_biases_0,
  input  wire [20:0] add_biases_1,
  input  wire [20:0] add_products_0,
  input  wire [20:0] add_products_1,
  input  wire [3:0]  add_alignment_shifts_0,
  input  wire [3:0]  add_alignment_shifts_1,
  output reg  [20:0] sum = 21'd0
);
  reg [20:0] sum_0 = 21'd0;
  reg [20:0] sum_1 = 21'd0;
  reg [20:0] leaving_1 = 21'd0;

  wire [20:0] shifted = add_products_0 << add_alignment_shifts_0;
  wire [20:0] shifted_2 = add_products_1 << add_alignment_shifts_1;

  always @(posedge clk)
    if (rst) begin
      sum_0 <= 21'd0;
      sum_1 <= 21'd0;
    end else if (add_valid) begin
      sum_0 <= (add_opens ? add_biases_0 : sum_0) + shifted;
      sum_1 <= (add_opens ? add_biases_1 : sum_1) + shifted_2;
    end
  always @(posedge clk)
    if (rst) begin
      sum <= 21'd0;
      leaving_1 <= 21'd0;
    end else begin
      sum <= close ? sum_0 : leaving_1;
      leaving_1 <= close ? sum_1 : 21'd0;
    end
endmodule

// Multipliers with a register behind each, shared by the affine maps and the memories of all layers.
module lmu_network_slice_0_lanes (
  input  wire        clk,
  input  wire        rst,
  input  wire        affine_valid,
  input  wire [13:0] affine_word,
  input  wire [6:0]  affine_weights_0,
  input  wire [6:0]  affine_weights_1,
  input  wire [11:0] memory_0_0_operand,
  input  wire [12:0] memory_0_0_coefficient,
  input  wire [11:0] memory_0_1_operand,
  input  wire [12:0] memory_0_1_coefficient,
  output wire [24:0] memory_0_0_product,
  output wire [24:0] memory_0_1_product
);
  reg [26:0] products_0 = 27'd0;
  reg [26:0] products_1 = 27'd0;

  wire [13:0] operand_0 =
      affine_valid ? affine_word :
      {{2{memory_0_0_operand[11]}}, memory_0_0_operand};
  wire [12:0] coefficient_0 =
      affine_valid ? {{6{affine_weights_0[6]}}, affine_weights_0} :
      memory_0_0_coefficient;
  wire [13:0] operand_1 =
      affine_valid ? affine_word :
      {{2{memory_0_1_operand[11]}}, memory_0_1_operand};
  wire [12:0] coefficient_1 =
      affine_valid ? {{6{affine_weights_1[6]}}, affine_weights_1} :
      memory_0_1_coefficient;
  assign memory_0_0_product = products_0[24:0];
  assign memory_0_1_product = products_1[24:0];

  always @(posedge clk)
    if (rst) begin
      products_0 <= 27'd0;
      products_1 <= 27'd0;
    end else begin
      products_0 <= $signed(operand_0) * $signed(coefficient_0);
      products_1 <= $signed(operand_1) * $signed(coefficient_1);
    end
endmodule

// Output port of a network: sends the outputs of a step, sequence after sequence, while the next step is at work.
module lmu_network_output (
  input  wire       clk,
  input  wire       rst,
  input  wire [4:0] words,
  input  wire       start,
  input  wire       gives,
  input  wire       done,
  input  wire       bank,
  input  wire       o_ready,
  input  wire       step_firsts,
  output wire       room,
  output wire [1:0] read_address,
  output reg        o_valid = 1'b0,
  output reg        o_payload_index = 1'b0,
  output wire       o_payload_argmax,
  output wire       o_payload_first,
  output wire       o_payload_last
);
  reg next_step = 1'b0;
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
  reg bank_2 = 1'b0;
  reg row = 1'b0;
  reg [4:0] best = 5'd0;
  reg best_index = 1'b0;

  assign room = ~(!next_step ? claimed_0 : next_step ? claimed_1 : 1'b0);
  wire both = o_valid & o_ready;
  wire both_2 = (!bank_2 ? full_0 : bank_2 ? full_1 : 1'b0) & ~(!bank_2 ? gives_0 : bank_2 ? gives_1 : 1'b0);
  wire sequence_ends = (both & o_payload_index) | both_2;
  wire next_bank = bank_2 ^ sequence_ends;
  assign o_payload_first = !bank_2 ? firsts_0 : bank_2 ? firsts_1 : 1'b0;
  assign o_payload_last = !bank_2 ? lasts_0 : bank_2 ? lasts_1 : 1'b0;
  wire better = ~o_payload_index | ($signed(words) > $signed(best));
  assign o_payload_argmax = better ? o_payload_index : best_index;
  wire next_row = sequence_ends ? 1'b0 : both ? row + 1'b1 : row;
  assign read_address = {next_row, next_bank};

  always @(posedge clk)
    if (rst) next_step <= 1'b0;
    else if (start) next_step <= ~next_step;
  always @(posedge clk)
    if (rst) claimed_0 <= 1'b0;
    else begin
      if (start && !next_step) claimed_0 <= 1'b1;
      if (sequence_ends && !bank_2) claimed_0 <= 1'b0;
    end
  always @(posedge clk)
    if (rst) claimed_1 <= 1'b0;
    else begin
      if (start && (!(!next_step) && next_step)) claimed_1 <= 1'b1;
      if (sequence_ends && (!(!bank_2) && bank_2)) claimed_1 <= 1'b0;
    end
  always @(posedge clk)
    if (rst) begin
      gives_0 <= 1'b0;
      firsts_0 <= 1'b0;
      lasts_0 <= 1'b0;
    end else if (start && !next_step) begin
      gives_0 <= gives;
      firsts_0 <= step_firsts;
      lasts_0 <= gives;
    end
  always @(posedge clk)
    if (rst) begin
      gives_1 <= 1'b0;
      firsts_1 <= 1'b0;
      lasts_1 <= 1'b0;
    end else if (start && (!(!next_step) && next_step)) begin
      gives_1 <= gives;
      firsts_1 <= step_firsts;
      lasts_1 <= gives;
    end
  always @(posedge clk)
    if (rst) full_0 <= 1'b0;
    else begin
      if (done && !bank) full_0 <= 1'b1;
      if (sequence_ends && !bank_2) full_0 <= 1'b0;
    end
  always @(posedge clk)
    if (rst) full_1 <= 1'b0;
    else begin
      if (done && (!(!bank) && bank)) full_1 <= 1'b1;
      if (sequence_ends && (!(!bank_2) && bank_2)) full_1 <= 1'b0;
    end
  always @(posedge clk)
    if (rst) begin
      bank_2 <= 1'b0;
      o_valid <= 1'b0;
      row <= 1'b0;
    end else begin
      bank_2 <= next_bank;
      o_valid <= (!next_bank ? full_0 : next_bank ? full_1 : 1'b0) & (!next_bank ? gives_0 : next_bank ?
          gives_1 : 1'b0);
      row <= next_row;
    end
  always @(posedge clk)
    if (rst) o_payload_index <= 1'b0;
    else if (sequence_ends) o_payload_index <= 1'b0;
    else if (both) o_payload_index <= o_payload_index + 1'b1;
  always @(posedge clk)
    if (rst) begin
      best <= 5'd0;
      best_index <= 1'b0;
    end else if (both & better) begin
      best <= words;
      best_index <= o_payload_index;
    end
endmodule

// Input port of a network: collects the words of a step for all sequences while the step before is at work.
module lmu_network_input (
  input  wire clk,
  input  wire rst,
  input  wire finish,
  input  wire start,
  input  wire i_valid,
  input  wire i_payload_first,
  input  wire i_payload_last,
  output wire slices,
  output reg  address = 1'b0,
  output wire waiting,
  output wire i_ready,
  output wire step_firsts,
  output wire step_lasts
);
  reg firsts_0 = 1'b0;
  reg firsts_1 = 1'b0;
  reg lasts_0 = 1'b0;
  reg lasts_1 = 1'b0;
  reg full_0 = 1'b0;
  reg full_1 = 1'b0;
  reg at_work = 1'b0;
  reg next_step = 1'b0;

  assign step_lasts = !next_step ? lasts_0 : next_step ? lasts_1 : 1'b0;
  assign waiting = !next_step ? full_0 : next_step ? full_1 : 1'b0;
  assign step_firsts = !next_step ? firsts_0 : next_step ? firsts_1 : 1'b0;
  assign i_ready = ~(!address ? full_0 : address ? full_1 : 1'b0);
  assign slices = i_valid & i_ready;

  always @(posedge clk)
    if (rst) begin
      firsts_0 <= 1'b0;
      lasts_0 <= 1'b0;
    end else if (slices && !address) begin
      firsts_0 <= i_payload_first;
      lasts_0 <= i_payload_last;
    end
  always @(posedge clk)
    if (rst) begin
      firsts_1 <= 1'b0;
      lasts_1 <= 1'b0;
    end else if (slices && (!(!address) && address)) begin
      firsts_1 <= i_payload_first;
      lasts_1 <= i_payload_last;
    end
  always @(posedge clk)
    if (rst) full_0 <= 1'b0;
    else begin
      if (slices && !address) full_0 <= 1'b1;
      if (finish && !at_work) full_0 <= 1'b0;
    end
  always @(posedge clk)
    if (rst) full_1 <= 1'b0;
    else begin
      if (slices && (!(!address) && address)) full_1 <= 1'b1;
      if (finish && (!(!at_work) && at_work)) full_1 <= 1'b0;
    end
  always @(posedge clk)
    if (rst) address <= 1'b0;
    else if (slices) address <= ~address;
  always @(posedge clk)
    if (rst) begin
      at_work <= 1'b0;
      next_step <= 1'b0;
    end else if (start) begin
      at_work <= next_step;
      next_step <= ~next_step;
    end
endmodule

// Sequencer of a network: runs the program of a step when its inputs are there and its outputs have room.
module lmu_network_control (
  input  wire        clk,
  input  wire        rst,
  input  wire        gives,
  input  wire        waiting,
  input  wire        room,
  output wire        start,
  output wire        finish,
  output reg         bank = 1'b1,
  output reg  [6:0]  steps_weights_0 = 7'd0,
  output reg  [6:0]  steps_weights_1 = 7'd0,
  output wire [20:0] steps_biases_0,
  output wire [20:0] steps_biases_1,
  output wire        steps_slots_issue_valid,
  output wire [1:0]  steps_slots_issue_vector,
  output wire        steps_slots_issue_previous,
  output reg  [1:0]  steps_slots_read_vector = 2'd0,
  output reg         steps_slots_multiply_valid = 1'b0,
  output reg         steps_slots_accumulate_valid = 1'b0,
  output reg         steps_slots_accumulate_opens = 1'b0,
  output reg  [3:0]  steps_slots_accumulate_alignment_shifts_0 = 4'd0,
  output reg  [3:0]  steps_slots_accumulate_alignment_shifts_1 = 4'd0,
  output reg         steps_slots_close_valid = 1'b0,
  output reg         steps_slots_close_closes = 1'b0,
  output reg  [1:0]  steps_rows_round_map = 2'd0,
  output reg         steps_rows_lookup_valid = 1'b0,
  output reg  [1:0]  steps_rows_lookup_map = 2'd0,
  output reg         steps_rows_write_valid = 1'b0,
  output reg  [1:0]  steps_rows_write_map = 2'd0,
  output reg         steps_rows_write_bank = 1'b0,
  output reg         steps_rows_write_outputs = 1'b0,
  output reg         steps_rows_write_gives = 1'b0
);
  reg [24:0] program_ [0:8];
  reg [24:0] program_word;
  reg [13:0] weights [0:7];
  reg [13:0] weights_read_data;
  reg [41:0] biases [0:2];
  reg [41:0] biases_read_data;
  reg slot_read_valid = 1'b0;
  reg slot_read_opens = 1'b0;
  reg slot_read_closes = 1'b0;
  reg [1:0] slot_read_map = 2'd0;
  reg slot_read_last_row = 1'b0;
  reg [3:0] slot_read_alignment_shifts_0 = 4'd0;
  reg [3:0] slot_read_alignment_shifts_1 = 4'd0;
  reg [1:0] slot_read_group = 2'd0;
  reg slot_read_bank = 1'b0;
  reg slot_read_outputs = 1'b0;
  reg slot_read_gives = 1'b0;
  reg slot_multiply_opens = 1'b0;
  reg slot_multiply_closes = 1'b0;
  reg [1:0] slot_multiply_map = 2'd0;
  reg slot_multiply_last_row = 1'b0;
  reg [3:0] slot_multiply_alignment_shifts_0 = 4'd0;
  reg [3:0] slot_multiply_alignment_shifts_1 = 4'd0;
  reg [1:0] slot_multiply_group = 2'd0;
  reg slot_multiply_bank = 1'b0;
  reg slot_multiply_outputs = 1'b0;
  reg slot_multiply_gives = 1'b0;
  reg slot_accumulate_closes = 1'b0;
  reg [1:0] slot_accumulate_map = 2'd0;
  reg slot_accumulate_last_row = 1'b0;
  reg slot_accumulate_bank = 1'b0;
  reg slot_accumulate_outputs = 1'b0;
  reg slot_accumulate_gives = 1'b0;
  reg [1:0] slot_close_map = 2'd0;
  reg slot_close_last_row = 1'b0;
  reg slot_close_bank = 1'b0;
  reg slot_close_outputs = 1'b0;
  reg slot_close_gives = 1'b0;
  reg row_lookup_bank = 1'b0;
  reg row_lookup_outputs = 1'b0;
  reg row_lookup_gives = 1'b0;
  reg row_scale_valid = 1'b0;
  reg [1:0] row_scale_map = 2'd0;
  reg row_scale_bank = 1'b0;
  reg row_scale_outputs = 1'b0;
  reg row_scale_gives = 1'b0;
  reg row_add_valid = 1'b0;
  reg [1:0] row_add_map = 2'd0;
  reg row_add_bank = 1'b0;
  reg row_add_outputs = 1'b0;
  reg row_add_gives = 1'b0;
  reg [3:0] run_index = 4'd0;
  reg [4:0] cycle = 5'd0;
  reg running = 1'b0;
  reg giving = 1'b0;
  reg outputs = 1'b1;
  reg [2:0] weight = 3'd0;
  reg [1:0] group = 2'd0;
  reg row_round_valid = 1'b0;
  reg row_round_bank = 1'b0;
  reg row_round_outputs = 1'b0;
  reg row_round_gives = 1'b0;
  reg rows_left = 1'b0;

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
  initial begin
    weights[0] = 14'h7e;
    weights[1] = 14'hfd;
    weights[2] = 14'h3f02;
    weights[3] = 14'h3ffd;
    weights[4] = 14'h2b61;
    weights[5] = 14'h193c;
    weights[6] = 14'h3ae7;
    weights[7] = 14'h3717;
  end
  initial begin
    biases[0] = 42'h1fffc4;
    biases[1] = 42'h3fd85bfdf4a;
    biases[2] = 42'hcbfff50;
  end

  wire is_equal = cycle == program_word[4:0];
  wire run_ends = running & is_equal;
  assign finish = run_ends & (program_word[15] | (program_word[14] & ~giving));
  assign start = waiting & (~gives | room) & (finish | ~running);
  assign steps_slots_issue_valid = running & program_word[5];
  wire slot_issue_closes = program_word[10] & is_equal;
  wire both = steps_slots_close_valid & steps_slots_close_closes;
  wire inverse = ~rows_left;
  wire slot_issue_opens = program_word[9] & (cycle == 5'd0);
  wire [3:0] next_run_index =
      finish ? 4'd0 :
      run_ends ? (run_index + 4'd1) + {3'd0, program_word[16] & giving} :
      run_index;
  assign steps_biases_0 = biases_read_data[20:0];
  assign steps_biases_1 = biases_read_data[41:21];
  assign steps_slots_issue_vector = program_word[7:6];
  assign steps_slots_issue_previous = program_word[8];

  always @(posedge clk)
    program_word <= program_[next_run_index];
  always @(posedge clk)
    weights_read_data <= weights[weight];
  always @(posedge clk)
    biases_read_data <= biases[slot_multiply_group];
  always @(posedge clk)
    if (rst) begin
      slot_read_valid <= 1'b0;
      steps_slots_read_vector <= 2'd0;
      slot_read_opens <= 1'b0;
      slot_read_closes <= 1'b0;
      slot_read_map <= 2'd0;
      slot_read_last_row <= 1'b0;
      slot_read_alignment_shifts_0 <= 4'd0;
      slot_read_alignment_shifts_1 <= 4'd0;
      slot_read_group <= 2'd0;
      slot_read_bank <= 1'b0;
      slot_read_outputs <= 1'b0;
      slot_read_gives <= 1'b0;
      steps_slots_multiply_valid <= 1'b0;
      slot_multiply_opens <= 1'b0;
      slot_multiply_closes <= 1'b0;
      slot_multiply_map <= 2'd0;
      slot_multiply_last_row <= 1'b0;
      slot_multiply_alignment_shifts_0 <= 4'd0;
      slot_multiply_alignment_shifts_1 <= 4'd0;
      slot_multiply_group <= 2'd0;
      slot_multiply_bank <= 1'b0;
      slot_multiply_outputs <= 1'b0;
      slot_multiply_gives <= 1'b0;
      steps_slots_accumulate_valid <= 1'b0;
      steps_slots_accumulate_opens <= 1'b0;
      slot_accumulate_closes <= 1'b0;
      slot_accumulate_map <= 2'd0;
      slot_accumulate_last_row <= 1'b0;
      steps_slots_accumulate_alignment_shifts_0 <= 4'd0;
      steps_slots_accumulate_alignment_shifts_1 <= 4'd0;
      slot_accumulate_bank <= 1'b0;
      slot_accumulate_outputs <= 1'b0;
      slot_accumulate_gives <= 1'b0;
      steps_slots_close_valid <= 1'b0;
      steps_slots_close_closes <= 1'b0;
      slot_close_map <= 2'd0;
      slot_close_last_row <= 1'b0;
      slot_close_bank <= 1'b0;
      slot_close_outputs <= 1'b0;
      slot_close_gives <= 1'b0;
      steps_rows_lookup_valid <= 1'b0;
      steps_rows_lookup_map <= 2'd0;
      row_lookup_bank <= 1'b0;
      row_lookup_outputs <= 1'b0;
      row_lookup_gives <= 1'b0;
      row_scale_valid <= 1'b0;
      row_scale_map <= 2'd0;
      row_scale_bank <= 1'b0;
      row_scale_outputs <= 1'b0;
      row_scale_gives <= 1'b0;
      row_add_valid <= 1'b0;
      row_add_map <= 2'd0;
      row_add_bank <= 1'b0;
      row_add_outputs <= 1'b0;
      row_add_gives <= 1'b0;
      steps_rows_write_valid <= 1'b0;
      steps_rows_write_map <= 2'd0;
      steps_rows_write_bank <= 1'b0;
      steps_rows_write_outputs <= 1'b0;
      steps_rows_write_gives <= 1'b0;
      run_index <= 4'd0;
      cycle <= 5'd0;
      steps_weights_0 <= 7'd0;
      steps_weights_1 <= 7'd0;
    end else begin
      slot_read_valid <= steps_slots_issue_valid;
      steps_slots_read_vector <= program_word[7:6];
      slot_read_opens <= slot_issue_opens;
      slot_read_closes <= slot_issue_closes;
      slot_read_map <= program_word[12:11];
      slot_read_last_row <= program_word[13];
      slot_read_alignment_shifts_0 <= program_word[20:17];
      slot_read_alignment_shifts_1 <= program_word[24:21];
      slot_read_group <= group;
      slot_read_bank <= bank;
      slot_read_outputs <= outputs;
      slot_read_gives <= giving;
      steps_slots_multiply_valid <= slot_read_valid;
      slot_multiply_opens <= slot_read_opens;
      slot_multiply_closes <= slot_read_closes;
      slot_multiply_map <= slot_read_map;
      slot_multiply_last_row <= slot_read_last_row;
      slot_multiply_alignment_shifts_0 <= slot_read_alignment_shifts_0;
      slot_multiply_alignment_shifts_1 <= slot_read_alignment_shifts_1;
      slot_multiply_group <= slot_read_group;
      slot_multiply_bank <= slot_read_bank;
      slot_multiply_outputs <= slot_read_outputs;
      slot_multiply_gives <= slot_read_gives;
      steps_slots_accumulate_valid <= steps_slots_multiply_valid;
      steps_slots_accumulate_opens <= slot_multiply_opens;
      slot_accumulate_closes <= slot_multiply_closes;
      slot_accumulate_map <= slot_multiply_map;
      slot_accumulate_last_row <= slot_multiply_last_row;
      steps_slots_accumulate_alignment_shifts_0 <= slot_multiply_alignment_shifts_0;
      steps_slots_accumulate_alignment_shifts_1 <= slot_multiply_alignment_shifts_1;
      slot_accumulate_bank <= slot_multiply_bank;
      slot_accumulate_outputs <= slot_multiply_outputs;
      slot_accumulate_gives <= slot_multiply_gives;
      steps_slots_close_valid <= steps_slots_accumulate_valid;
      steps_slots_close_closes <= slot_accumulate_closes;
      slot_close_map <= slot_accumulate_map;
      slot_close_last_row <= slot_accumulate_last_row;
      slot_close_bank <= slot_accumulate_bank;
      slot_close_outputs <= slot_accumulate_outputs;
      slot_close_gives <= slot_accumulate_gives;
      steps_rows_lookup_valid <= row_round_valid;
      steps_rows_lookup_map <= steps_rows_round_map;
      row_lookup_bank <= row_round_bank;
      row_lookup_outputs <= row_round_outputs;
      row_lookup_gives <= row_round_gives;
      row_scale_valid <= steps_rows_lookup_valid;
      row_scale_map <= steps_rows_lookup_map;
      row_scale_bank <= row_lookup_bank;
      row_scale_outputs <= row_lookup_outputs;
      row_scale_gives <= row_lookup_gives;
      row_add_valid <= row_scale_valid;
      row_add_map <= row_scale_map;
      row_add_bank <= row_scale_bank;
      row_add_outputs <= row_scale_outputs;
      row_add_gives <= row_scale_gives;
      steps_rows_write_valid <= row_add_valid;
      steps_rows_write_map <= row_add_map;
      steps_rows_write_bank <= row_add_bank;
      steps_rows_write_outputs <= row_add_outputs;
      steps_rows_write_gives <= row_add_gives;
      run_index <= next_run_index;
      cycle <= (running & ~run_ends) ? cycle + 5'd1 : 5'd0;
      steps_weights_0 <= weights_read_data[6:0];
      steps_weights_1 <= weights_read_data[13:7];
    end
  always @(posedge clk)
    if (rst) running <= 1'b0;
    else if (start) running <= 1'b1;
    else if (finish) running <= 1'b0;
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
    if (rst) weight <= 3'd0;
    else if (finish) weight <= 3'd0;
    else if (steps_slots_issue_valid) weight <= weight + 3'd1;
  always @(posedge clk)
    if (rst) group <= 2'd0;
    else if (finish) group <= 2'd0;
    else if (steps_slots_issue_valid) begin
      if (slot_issue_closes) group <= group == 2'd2 ? 2'd0 : group + 2'd1;
    end
  always @(posedge clk)
    if (rst) row_round_valid <= 1'b0;
    else if (both) row_round_valid <= 1'b1;
    else if (inverse) row_round_valid <= 1'b0;
  always @(posedge clk)
    if (rst) begin
      steps_rows_round_map <= 2'd0;
      row_round_bank <= 1'b0;
      row_round_outputs <= 1'b0;
      row_round_gives <= 1'b0;
    end else if (both) begin
      steps_rows_round_map <= slot_close_map;
      row_round_bank <= slot_close_bank;
      row_round_outputs <= slot_close_outputs;
      row_round_gives <= slot_close_gives;
    end
  always @(posedge clk)
    if (rst) rows_left <= 1'b0;
    else if (both) rows_left <= slot_close_last_row;
    else if (!inverse) rows_left <= rows_left - 1'b1;
endmodule

// lmu_network.core waives these warnings of Verilator's -Wall:
//   DECLFILENAME: the modules of a design stand in one file
//   PROCASSINIT: registers have the value at which an FPGA starts them
//   UNUSEDSIGNAL: rounding drops the lowest bits of its sum
//   WIDTHEXPAND: signed operands extend to the width of their result
