// lmu_memory: Legendre memory, tridiagonal datapath.
// order 3, theta 1.0 s, dt 0.01 s, bilinear step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.17, 1 multiplier(s), 1 channel(s)
// A word moves at each rising edge of clk at which valid and ready of its stream are 1; until then it is held.
// A sample takes at least 19 cycles; its first answer comes 15 cycles after the sample was taken, if nothing holds it up.
// sQm.n has m bits before the binary point, the sign among them, and n behind it; uQm.n has no sign.
// Made by: golden
// Tridiagonal memory: the bilinear step by elimination from both ends, one operand per lane and cycle.
module lmu_memory (
  input  wire       clk,          // clock, rising edge
  input  wire       rst,          // synchronous reset, active high; forgets all state
  input  wire       in_valid,     // a sample is offered
  output wire       in_ready,     // it is taken at this clock edge
  input  wire [3:0] in_data,      // sample, sQ1.3 two's complement
  input  wire       in_first,     // it starts a sequence: the state counts as zero
  input  wire       in_last,      // it ends a sequence; handed on as out_last
  output wire       out_valid,    // a beat of state words is offered
  input  wire       out_ready,    // it is taken at this clock edge
  output wire [6:0] out_data,     // 1 state word(s), sQ2.5 each, the first in the lowest bits
  output wire [1:0] out_index,    // state of the first word, 0 to 2
  output wire       out_channel,  // channel of the sample
  output wire       out_first,    // in_first of the sample
  output wire       out_last      // in_last of the sample
);
  wire samples_ready;

  wire advance = ~out_valid | out_ready;
  assign in_ready = samples_ready & advance;
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
    .beats_payload_data(out_data),
    .beats_payload_index(out_index),
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
  output wire [6:0] beats_payload_data,
  output wire [1:0] beats_payload_index,
  output wire       beats_payload_first,
  output wire       beats_payload_last
);
  wire [4:0] rom_read_addr;
  wire [5:0] multipliers_0_coefficient;
  wire [11:0] multipliers_0_operand;
  reg [21:0] rom [0:17];
  reg [21:0] rom_word;
  reg [17:0] multipliers_0_product = 18'd0;

  initial begin
    rom[0] = 22'h250c24;
    rom[1] = 22'd0;
    rom[2] = 22'he5;
    rom[3] = 22'h60c06;
    rom[4] = 22'd0;
    rom[5] = 22'h2901cd;
    rom[6] = 22'd0;
    rom[7] = 22'h2507d1;
    rom[8] = 22'd0;
    rom[9] = 22'hb31c8;
    rom[10] = 22'h6000d;
    rom[11] = 22'd0;
    rom[12] = 22'h4ea;
    rom[13] = 22'd0;
    rom[14] = 22'd0;
    rom[15] = 22'd0;
    rom[16] = 22'h18b009;
    rom[17] = 22'h29f00a;
  end

  // The datapath of the tridiagonal memory: runs the elimination's program, one operand per lane and cycle.
  lmu_memory_pipeline_datapath datapath (
    .clk(clk),
    .rst(rst),
    .samples_valid(samples_valid),
    .rom_data_row(rom_word[1:0]),
    .rom_data_base(rom_word[4:2]),
    .rom_data_addend(rom_word[6:5]),
    .rom_data_adds_product(rom_word[7]),
    .rom_data_subtracts(rom_word[8]),
    .rom_data_halved(rom_word[9]),
    .rom_data_store(rom_word[10]),
    .rom_data_reduced(rom_word[11]),
    .rom_data_retire(rom_word[12]),
    .rom_data_ends(rom_word[13]),
    .rom_data_coefficient(rom_word[19:14]),
    .rom_data_shift(rom_word[21:20]),
    .multipliers_0_product(multipliers_0_product),
    .samples_payload_data(samples_payload_data),
    .samples_payload_first(samples_payload_first),
    .samples_payload_last(samples_payload_last),
    .advance(advance),
    .rom_address(rom_read_addr),
    .samples_ready(samples_ready),
    .multipliers_0_coefficient(multipliers_0_coefficient),
    .multipliers_0_operand(multipliers_0_operand),
    .beats_valid(beats_valid),
    .beats_payload_data(beats_payload_data),
    .beats_payload_index(beats_payload_index),
    .beats_payload_first(beats_payload_first),
    .beats_payload_last(beats_payload_last)
  );

  always @(posedge clk)
    if (advance) rom_word <= rom[rom_read_addr];
  always @(posedge clk)
    if (rst) multipliers_0_product <= 18'd0;
    else if (advance) multipliers_0_product <= $signed(multipliers_0_operand) *
        $signed(multipliers_0_coefficient);
endmodule

// The datapath of the tridiagonal memory: runs the elimination's program, one operand per lane and cycle.
module lmu_memory_pipeline_datapath (
  input  wire        clk,
  input  wire        rst,
  input  wire        samples_valid,
  input  wire [1:0]  rom_data_row,
  input  wire [2:0]  rom_data_base,
  input  wire [1:0]  rom_data_addend,
  input  wire        rom_data_adds_product,
  input  wire        rom_data_subtracts,
  input  wire        rom_data_halved,
  input  wire        rom_data_store,
  input  wire        rom_data_reduced,
  input  wire        rom_data_retire,
  input  wire        rom_data_ends,
  input  wire [5:0]  rom_data_coefficient,
  input  wire [1:0]  rom_data_shift,
  input  wire [17:0] multipliers_0_product,
  input  wire [3:0]  samples_payload_data,
  input  wire        samples_payload_first,
  input  wire        samples_payload_last,
  input  wire        advance,
  output wire [4:0]  rom_address,
  output wire        samples_ready,
  output wire [5:0]  multipliers_0_coefficient,
  output wire [11:0] multipliers_0_operand,
  output wire        beats_valid,
  output wire [6:0]  beats_payload_data,
  output wire [1:0]  beats_payload_index,
  output wire        beats_payload_first,
  output wire        beats_payload_last
);
  wire issue;
  wire starts;
  wire issued_clear;
  wire beats_valid_2;
  wire [6:0] beats_payload_data_2;
  wire [1:0] beats_payload_row;
  wire beats_payload_first_2;
  wire beats_payload_last_2;
  reg [3:0] sample_0_data = 4'd0;
  reg sample_0_first = 1'b0;
  reg sample_0_last = 1'b0;
  reg request_0_starts = 1'b0;
  reg request_0_clear = 1'b0;
  reg [1:0] request_0_entry_row = 2'd0;
  reg [2:0] request_0_entry_base = 3'd0;
  reg [1:0] request_0_entry_addend = 2'd0;
  reg request_0_entry_adds_product = 1'b0;
  reg request_0_entry_subtracts = 1'b0;
  reg request_0_entry_halved = 1'b0;
  reg request_0_entry_store = 1'b0;
  reg request_0_entry_reduced = 1'b0;
  reg request_0_entry_retire = 1'b0;
  reg request_0_entry_ends = 1'b0;
  reg [5:0] request_0_entry_coefficient = 6'd0;
  reg [1:0] request_0_entry_shift = 2'd0;

  assign beats_valid = beats_valid_2 ? 1'b1 : 1'b0;
  wire issued_starts = issue & starts;
  wire [21:0] chosen =
      issue ? {rom_data_shift, rom_data_coefficient, rom_data_ends, rom_data_retire, rom_data_reduced,
          rom_data_store, rom_data_halved, rom_data_subtracts, rom_data_adds_product, rom_data_addend,
          rom_data_base, rom_data_row} :
      22'd0;
  assign beats_payload_data = beats_valid_2 ? beats_payload_data_2 : 7'd0;
  assign beats_payload_index = beats_valid_2 ? beats_payload_row : 2'd0;
  assign beats_payload_first = beats_valid_2 ? beats_payload_first_2 : 1'b0;
  assign beats_payload_last = beats_valid_2 ? beats_payload_last_2 : 1'b0;

  // Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
  lmu_memory_pipeline_datapath_sequencer sequencer (
    .clk(clk),
    .rst(rst),
    .valid(samples_valid),
    .advance(advance),
    .next_slot(rom_address),
    .issue(issue),
    .starts(starts),
    .clear(issued_clear),
    .ready(samples_ready)
  );
  // One lane of the tridiagonal memory: the recurrence around one multiplier, a stored value per row, integrators.
  lmu_memory_pipeline_datapath_lane_0 lane_0 (
    .clk(clk),
    .rst(rst),
    .request_starts(request_0_starts),
    .request_clear(request_0_clear),
    .request_entry_row(request_0_entry_row),
    .request_entry_base(request_0_entry_base),
    .request_entry_addend(request_0_entry_addend),
    .request_entry_adds_product(request_0_entry_adds_product),
    .request_entry_subtracts(request_0_entry_subtracts),
    .request_entry_halved(request_0_entry_halved),
    .request_entry_store(request_0_entry_store),
    .request_entry_reduced(request_0_entry_reduced),
    .request_entry_retire(request_0_entry_retire),
    .request_entry_ends(request_0_entry_ends),
    .request_entry_coefficient(request_0_entry_coefficient),
    .request_entry_shift(request_0_entry_shift),
    .sample_data(sample_0_data),
    .sample_first(sample_0_first),
    .sample_last(sample_0_last),
    .multiplier_product(multipliers_0_product),
    .advance(advance),
    .multiplier_operand(multipliers_0_operand),
    .multiplier_coefficient(multipliers_0_coefficient),
    .beats_valid(beats_valid_2),
    .beats_payload_data(beats_payload_data_2),
    .beats_payload_row(beats_payload_row),
    .beats_payload_first(beats_payload_first_2),
    .beats_payload_last(beats_payload_last_2)
  );

  always @(posedge clk)
    if (rst) begin
      sample_0_data <= 4'd0;
      sample_0_first <= 1'b0;
      sample_0_last <= 1'b0;
    end else if (advance && (samples_valid & samples_ready)) begin
      sample_0_data <= samples_payload_data;
      sample_0_first <= samples_payload_first;
      sample_0_last <= samples_payload_last;
    end
  always @(posedge clk)
    if (rst) begin
      request_0_starts <= 1'b0;
      request_0_clear <= 1'b0;
      request_0_entry_row <= 2'd0;
      request_0_entry_base <= 3'd0;
      request_0_entry_addend <= 2'd0;
      request_0_entry_adds_product <= 1'b0;
      request_0_entry_subtracts <= 1'b0;
      request_0_entry_halved <= 1'b0;
      request_0_entry_store <= 1'b0;
      request_0_entry_reduced <= 1'b0;
      request_0_entry_retire <= 1'b0;
      request_0_entry_ends <= 1'b0;
      request_0_entry_coefficient <= 6'd0;
      request_0_entry_shift <= 2'd0;
    end else if (advance) begin
      request_0_starts <= issued_starts;
      request_0_clear <= issued_clear;
      request_0_entry_row <= chosen[1:0];
      request_0_entry_base <= chosen[4:2];
      request_0_entry_addend <= chosen[6:5];
      request_0_entry_adds_product <= chosen[7];
      request_0_entry_subtracts <= chosen[8];
      request_0_entry_halved <= chosen[9];
      request_0_entry_store <= chosen[10];
      request_0_entry_reduced <= chosen[11];
      request_0_entry_retire <= chosen[12];
      request_0_entry_ends <= chosen[13];
      request_0_entry_coefficient <= chosen[19:14];
      request_0_entry_shift <= chosen[21:20];
    end
endmodule

// One lane of the tridiagonal memory: the recurrence around one multiplier, a stored value per row, integrators.
module lmu_memory_pipeline_datapath_lane_0 (
  input  wire        clk,
  input  wire        rst,
  input  wire        request_starts,
  input  wire        request_clear,
  input  wire [1:0]  request_entry_row,
  input  wire [2:0]  request_entry_base,
  input  wire [1:0]  request_entry_addend,
  input  wire        request_entry_adds_product,
  input  wire        request_entry_subtracts,
  input  wire        request_entry_halved,
  input  wire        request_entry_store,
  input  wire        request_entry_reduced,
  input  wire        request_entry_retire,
  input  wire        request_entry_ends,
  input  wire [5:0]  request_entry_coefficient,
  input  wire [1:0]  request_entry_shift,
  input  wire [3:0]  sample_data,
  input  wire        sample_first,
  input  wire        sample_last,
  input  wire [17:0] multiplier_product,
  input  wire        advance,
  output reg  [11:0] multiplier_operand = 12'd0,
  output reg  [5:0]  multiplier_coefficient = 6'd0,
  output reg         beats_valid = 1'b0,
  output wire [6:0]  beats_payload_data,
  output reg  [1:0]  beats_payload_row = 2'd0,
  output reg         beats_payload_first = 1'b0,
  output reg         beats_payload_last = 1'b0
);
  reg [6:0] words [0:2];
  reg [6:0] words_read_data;
  reg [11:0] stored [0:2];
  reg [11:0] stored_read_data;
  reg [3:0] held_sample = 4'd0;
  reg [1:0] slot_add_entry_row = 2'd0;
  reg [2:0] slot_add_entry_base = 3'd0;
  reg [1:0] slot_add_entry_addend = 2'd0;
  reg slot_add_entry_adds_product = 1'b0;
  reg slot_add_entry_subtracts = 1'b0;
  reg slot_add_entry_halved = 1'b0;
  reg slot_add_entry_store = 1'b0;
  reg slot_add_entry_reduced = 1'b0;
  reg slot_add_entry_retire = 1'b0;
  reg slot_add_entry_ends = 1'b0;
  reg [5:0] slot_add_entry_coefficient = 6'd0;
  reg [1:0] slot_add_entry_shift = 2'd0;
  reg slot_add_owner_clear = 1'b0;
  reg slot_add_owner_first = 1'b0;
  reg slot_add_owner_last = 1'b0;
  reg [1:0] slot_complete_entry_row = 2'd0;
  reg slot_complete_entry_adds_product = 1'b0;
  reg slot_complete_entry_subtracts = 1'b0;
  reg slot_complete_entry_halved = 1'b0;
  reg slot_complete_entry_store = 1'b0;
  reg slot_complete_entry_reduced = 1'b0;
  reg slot_complete_entry_retire = 1'b0;
  reg slot_complete_entry_ends = 1'b0;
  reg [5:0] slot_complete_entry_coefficient = 6'd0;
  reg [1:0] slot_complete_entry_shift = 2'd0;
  reg slot_complete_owner_clear = 1'b0;
  reg slot_complete_owner_first = 1'b0;
  reg slot_complete_owner_last = 1'b0;
  reg [1:0] slot_multiply_entry_row = 2'd0;
  reg slot_multiply_entry_store = 1'b0;
  reg slot_multiply_entry_reduced = 1'b0;
  reg slot_multiply_entry_retire = 1'b0;
  reg slot_multiply_entry_ends = 1'b0;
  reg [1:0] slot_multiply_entry_shift = 2'd0;
  reg slot_multiply_owner_first = 1'b0;
  reg slot_multiply_owner_last = 1'b0;
  reg [1:0] slot_round_entry_row = 2'd0;
  reg slot_round_entry_store = 1'b0;
  reg slot_round_entry_reduced = 1'b0;
  reg slot_round_entry_retire = 1'b0;
  reg slot_round_entry_ends = 1'b0;
  reg [1:0] slot_round_entry_shift = 2'd0;
  reg slot_round_owner_first = 1'b0;
  reg slot_round_owner_last = 1'b0;
  reg slot_write_entry_store = 1'b0;
  reg slot_write_entry_retire = 1'b0;
  reg held_owner_clear = 1'b0;
  reg held_owner_first = 1'b0;
  reg held_owner_last = 1'b0;
  reg [12:0] base_and_addend = 13'd0;
  reg [11:0] last_operand = 12'd0;
  reg [11:0] to_store = 12'd0;

  wire [6:0] word = slot_add_owner_clear ? 7'd0 : words_read_data;
  wire [11:0] base =
      slot_add_entry_base == 3'd1 ? {word[6], word, 4'd0} :
      slot_add_entry_base == 3'd2 ? stored_read_data :
      slot_add_entry_base == 3'd3 ? last_operand :
      slot_add_entry_base == 3'd4 ? 12'd1 :
      12'd0;
  wire [11:0] addend =
      slot_add_entry_addend == 2'd1 ? {{2{held_sample[3]}}, held_sample, 6'd0} :
      slot_add_entry_addend == 2'd2 ? multiplier_operand :
      slot_add_entry_addend == 2'd3 ? multiplier_operand :
      12'd0;
  wire minus =
      slot_add_entry_addend == 2'd1 ? 1'b1 :
      slot_add_entry_addend == 2'd3 ? 1'b1 :
      1'b0;
  wire [17:0] floor_and_carry = $signed({{8{multiplier_product[17]}}, multiplier_product[17:8]}) >>>
      slot_round_entry_shift;
  wire [12:0] inverse = ~floor_and_carry[13:1];
  wire [12:0] chosen =
      slot_complete_entry_adds_product ? (slot_complete_entry_subtracts ? inverse : floor_and_carry[13:1]) :
      13'd0;
  wire both = slot_complete_entry_adds_product & (floor_and_carry[0] ^ slot_complete_entry_subtracts);
  wire [12:0] total = (base_and_addend + chosen) + {12'd0, both};
  wire slot_read_owner_clear =
      request_starts ? request_clear | sample_first :
      held_owner_clear;
  wire slot_read_owner_first = request_starts ? sample_first : held_owner_first;
  wire slot_read_owner_last = request_starts ? sample_last : held_owner_last;
  wire [17:0] add_increments = multiplier_product << slot_round_entry_shift;
  wire [12:0] difference = $signed(base) - $signed(addend);
  wire [12:0] sum = $signed(base) + $signed(addend);

  // Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
  lmu_memory_pipeline_datapath_lane_0_bank bank (
    .clk(clk),
    .rst(rst),
    .read_address(slot_complete_entry_row),
    .add_increments(add_increments),
    .read_clear(slot_complete_owner_clear),
    .add_address(slot_round_entry_row),
    .add_valid(slot_round_entry_retire),
    .advance(advance),
    .outputs(beats_payload_data)
  );

  always @(posedge clk)
    if (advance & slot_write_entry_retire) words[beats_payload_row] <= beats_payload_data;
  always @(posedge clk)
    if (advance) begin
      words_read_data <= words[request_entry_row];
      if ((advance & slot_write_entry_retire) && beats_payload_row == request_entry_row) words_read_data <=
          beats_payload_data;
    end
  always @(posedge clk)
    if (advance & slot_write_entry_store) stored[beats_payload_row] <= to_store;
  always @(posedge clk)
    if (advance) begin
      stored_read_data <= stored[request_entry_row];
      if ((advance & slot_write_entry_store) && beats_payload_row == request_entry_row) stored_read_data <=
          to_store;
    end
  always @(posedge clk)
    if (rst) held_sample <= 4'd0;
    else if (advance && request_starts) held_sample <= sample_data;
  always @(posedge clk)
    if (rst) begin
      slot_add_entry_row <= 2'd0;
      slot_add_entry_base <= 3'd0;
      slot_add_entry_addend <= 2'd0;
      slot_add_entry_adds_product <= 1'b0;
      slot_add_entry_subtracts <= 1'b0;
      slot_add_entry_halved <= 1'b0;
      slot_add_entry_store <= 1'b0;
      slot_add_entry_reduced <= 1'b0;
      slot_add_entry_retire <= 1'b0;
      slot_add_entry_ends <= 1'b0;
      slot_add_entry_coefficient <= 6'd0;
      slot_add_entry_shift <= 2'd0;
      slot_add_owner_clear <= 1'b0;
      slot_add_owner_first <= 1'b0;
      slot_add_owner_last <= 1'b0;
      slot_complete_entry_row <= 2'd0;
      slot_complete_entry_adds_product <= 1'b0;
      slot_complete_entry_subtracts <= 1'b0;
      slot_complete_entry_halved <= 1'b0;
      slot_complete_entry_store <= 1'b0;
      slot_complete_entry_reduced <= 1'b0;
      slot_complete_entry_retire <= 1'b0;
      slot_complete_entry_ends <= 1'b0;
      slot_complete_entry_coefficient <= 6'd0;
      slot_complete_entry_shift <= 2'd0;
      slot_complete_owner_clear <= 1'b0;
      slot_complete_owner_first <= 1'b0;
      slot_complete_owner_last <= 1'b0;
      slot_multiply_entry_row <= 2'd0;
      slot_multiply_entry_store <= 1'b0;
      slot_multiply_entry_reduced <= 1'b0;
      slot_multiply_entry_retire <= 1'b0;
      slot_multiply_entry_ends <= 1'b0;
      multiplier_coefficient <= 6'd0;
      slot_multiply_entry_shift <= 2'd0;
      slot_multiply_owner_first <= 1'b0;
      slot_multiply_owner_last <= 1'b0;
      slot_round_entry_row <= 2'd0;
      slot_round_entry_store <= 1'b0;
      slot_round_entry_reduced <= 1'b0;
      slot_round_entry_retire <= 1'b0;
      slot_round_entry_ends <= 1'b0;
      slot_round_entry_shift <= 2'd0;
      slot_round_owner_first <= 1'b0;
      slot_round_owner_last <= 1'b0;
      beats_payload_row <= 2'd0;
      slot_write_entry_store <= 1'b0;
      slot_write_entry_retire <= 1'b0;
      beats_valid <= 1'b0;
      beats_payload_first <= 1'b0;
      beats_payload_last <= 1'b0;
      held_owner_clear <= 1'b0;
      held_owner_first <= 1'b0;
      held_owner_last <= 1'b0;
      base_and_addend <= 13'd0;
      multiplier_operand <= 12'd0;
      last_operand <= 12'd0;
      to_store <= 12'd0;
    end else if (advance) begin
      slot_add_entry_row <= request_entry_row;
      slot_add_entry_base <= request_entry_base;
      slot_add_entry_addend <= request_entry_addend;
      slot_add_entry_adds_product <= request_entry_adds_product;
      slot_add_entry_subtracts <= request_entry_subtracts;
      slot_add_entry_halved <= request_entry_halved;
      slot_add_entry_store <= request_entry_store;
      slot_add_entry_reduced <= request_entry_reduced;
      slot_add_entry_retire <= request_entry_retire;
      slot_add_entry_ends <= request_entry_ends;
      slot_add_entry_coefficient <= request_entry_coefficient;
      slot_add_entry_shift <= request_entry_shift;
      slot_add_owner_clear <= slot_read_owner_clear;
      slot_add_owner_first <= slot_read_owner_first;
      slot_add_owner_last <= slot_read_owner_last;
      slot_complete_entry_row <= slot_add_entry_row;
      slot_complete_entry_adds_product <= slot_add_entry_adds_product;
      slot_complete_entry_subtracts <= slot_add_entry_subtracts;
      slot_complete_entry_halved <= slot_add_entry_halved;
      slot_complete_entry_store <= slot_add_entry_store;
      slot_complete_entry_reduced <= slot_add_entry_reduced;
      slot_complete_entry_retire <= slot_add_entry_retire;
      slot_complete_entry_ends <= slot_add_entry_ends;
      slot_complete_entry_coefficient <= slot_add_entry_coefficient;
      slot_complete_entry_shift <= slot_add_entry_shift;
      slot_complete_owner_clear <= slot_add_owner_clear;
      slot_complete_owner_first <= slot_add_owner_first;
      slot_complete_owner_last <= slot_add_owner_last;
      slot_multiply_entry_row <= slot_complete_entry_row;
      slot_multiply_entry_store <= slot_complete_entry_store;
      slot_multiply_entry_reduced <= slot_complete_entry_reduced;
      slot_multiply_entry_retire <= slot_complete_entry_retire;
      slot_multiply_entry_ends <= slot_complete_entry_ends;
      multiplier_coefficient <= slot_complete_entry_coefficient;
      slot_multiply_entry_shift <= slot_complete_entry_shift;
      slot_multiply_owner_first <= slot_complete_owner_first;
      slot_multiply_owner_last <= slot_complete_owner_last;
      slot_round_entry_row <= slot_multiply_entry_row;
      slot_round_entry_store <= slot_multiply_entry_store;
      slot_round_entry_reduced <= slot_multiply_entry_reduced;
      slot_round_entry_retire <= slot_multiply_entry_retire;
      slot_round_entry_ends <= slot_multiply_entry_ends;
      slot_round_entry_shift <= slot_multiply_entry_shift;
      slot_round_owner_first <= slot_multiply_owner_first;
      slot_round_owner_last <= slot_multiply_owner_last;
      beats_payload_row <= slot_round_entry_row;
      slot_write_entry_store <= slot_round_entry_store;
      slot_write_entry_retire <= slot_round_entry_retire;
      beats_valid <= slot_round_entry_ends;
      beats_payload_first <= slot_round_owner_first;
      beats_payload_last <= slot_round_owner_last;
      held_owner_clear <= slot_read_owner_clear;
      held_owner_first <= slot_read_owner_first;
      held_owner_last <= slot_read_owner_last;
      base_and_addend <= minus ? difference : sum;
      multiplier_operand <= slot_complete_entry_halved ? total[12:1] : total[11:0];
      last_operand <= multiplier_operand;
      to_store <= (last_operand + (slot_round_entry_reduced ? inverse[11:0] : 12'd0)) + {11'd0,
          slot_round_entry_reduced & ~floor_and_carry[0]};
    end
endmodule

// Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
module lmu_memory_pipeline_datapath_lane_0_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [1:0]  read_address,
  input  wire [17:0] add_increments,
  input  wire        read_clear,
  input  wire [1:0]  add_address,
  input  wire        add_valid,
  input  wire        advance,
  output reg  [6:0]  outputs = 7'd0
);
  reg [31:0] integrators [0:2];
  reg [31:0] integrators_word;
  reg clear = 1'b0;
  reg [1:0] store_addr = 2'd0;
  reg store_en = 1'b0;
  reg [19:0] old_accumulator_0 = 20'd0;
  reg [20:0] base_0 = 21'd0;
  reg [19:0] store_data_accumulator = 20'd0;
  reg [11:0] store_data_residue = 12'd0;

  wire [31:0] chosen = clear ? 32'd0 : integrators_word;
  wire [18:0] step_0 = $signed(add_increments) + 19'sd2;
  wire [19:0] new_accumulator_0 = $signed(old_accumulator_0) + $signed(step_0[18:2]);
  wire [18:0] sum_0 = $signed(base_0[18:0]) + $signed(step_0[18:2]);
  wire [20:0] sum = $signed(chosen[19:0]) + 21'sd2048;

  always @(posedge clk)
    if (advance & store_en) integrators[store_addr] <= {store_data_residue, store_data_accumulator};
  always @(posedge clk)
    if (advance) begin
      integrators_word <= integrators[read_address];
      if ((advance & store_en) && store_addr == read_address) integrators_word <= {store_data_residue,
          store_data_accumulator};
    end
  always @(posedge clk)
    if (rst) begin
      clear <= 1'b0;
      store_addr <= 2'd0;
      store_en <= 1'b0;
      old_accumulator_0 <= 20'd0;
      base_0 <= 21'd0;
      outputs <= 7'd0;
      store_data_accumulator <= 20'd0;
      store_data_residue <= 12'd0;
    end else if (advance) begin
      clear <= read_clear;
      store_addr <= add_address;
      store_en <= add_valid;
      old_accumulator_0 <= chosen[19:0];
      base_0 <= $signed(sum) + $signed(chosen[31:20]);
      outputs <= sum_0[18:12];
      store_data_accumulator <= new_accumulator_0;
      store_data_residue <= {~sum_0[11], sum_0[10:0]};
    end
endmodule

// Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
module lmu_memory_pipeline_datapath_sequencer (
  input  wire       clk,
  input  wire       rst,
  input  wire       valid,
  input  wire       advance,
  output wire [4:0] next_slot,
  output wire       issue,
  output wire       starts,
  output wire       clear,
  output wire       ready
);
  reg awake = 1'b0;
  reg pause_left = 1'b0;
  reg [4:0] slot = 5'd0;
  reg started = 1'b0;
  reg held_clear = 1'b0;

  assign starts = slot == 5'd0;
  assign ready = starts & awake & ~pause_left;
  assign issue = starts ? valid & ready : 1'b1;
  wire ends = issue & (slot == 5'h11);
  wire inverse = ~starts;
  assign next_slot = ends ? 5'd0 : slot + {4'd0, issue};
  assign clear = inverse ? held_clear : ~started;

  always @(posedge clk)
    if (rst) begin
      awake <= 1'b0;
      slot <= 5'd0;
    end else if (advance) begin
      awake <= 1'b1;
      slot <= next_slot;
    end
  always @(posedge clk)
    if (rst) pause_left <= 1'b0;
    else if (advance) begin
      if (ends) pause_left <= 1'b1;
      else if (pause_left) pause_left <= pause_left - 1'b1;
    end
  always @(posedge clk)
    if (rst) started <= 1'b0;
    else if (advance && (issue & starts)) started <= 1'b1;
  always @(posedge clk)
    if (rst) held_clear <= 1'b0;
    else if (advance && !inverse && issue) held_clear <= clear;
endmodule

// lmu_memory.core waives these warnings of Verilator's -Wall:
//   DECLFILENAME: the modules of a design stand in one file
//   PROCASSINIT: registers have the value at which an FPGA starts them
//   UNUSEDSIGNAL: rounding drops the lowest bits of its sum
//   WIDTHEXPAND: signed operands extend to the width of their result
