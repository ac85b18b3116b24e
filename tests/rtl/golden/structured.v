// lmu_memory: Legendre memory, structured datapath.
// order 4, theta 1.0 s, dt 0.01 s, zoh step, legendre basis
// input sQ1.3, state sQ2.5, accumulator sQ3.16, 1 multiplier(s), 1 channel(s)
// A word moves at each rising edge of clk at which valid and ready of its stream are 1; until then it is held.
// A sample takes at least 18 cycles; its first answer comes 10 cycles after the sample was taken, if nothing holds it up.
// sQm.n has m bits before the binary point, the sign among them, and n behind it; uQm.n has no sign.
// Made by: golden
// Structured memory: the zero-order hold with fewer products than its matrix has entries, one per lane and cycle.
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
  output wire [1:0] out_index,    // state of the first word, 0 to 3
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
  wire [3:0] rom_read_addr;
  wire [5:0] multipliers_0_coefficient;
  wire [7:0] multipliers_0_operand;
  reg [22:0] rom [0:15];
  reg [22:0] rom_word;
  reg [13:0] multipliers_0_product = 14'd0;

  initial begin
    rom[0] = 23'h15838c;
    rom[1] = 23'h160185;
    rom[2] = 23'h160186;
    rom[3] = 23'h16e187;
    rom[4] = 23'h2f078c;
    rom[5] = 23'h310585;
    rom[6] = 23'h308586;
    rom[7] = 23'h31e587;
    rom[8] = 23'h538b8c;
    rom[9] = 23'h4d0985;
    rom[10] = 23'h530986;
    rom[11] = 23'h546987;
    rom[12] = 23'h688f8c;
    rom[13] = 23'h778d85;
    rom[14] = 23'h688d86;
    rom[15] = 23'h776d87;
  end

  // The datapath of the structured memory: runs the program of its rows, one product a cycle in each lane.
  lmu_memory_pipeline_datapath datapath (
    .clk(clk),
    .rst(rst),
    .samples_valid(samples_valid),
    .rom_data_operand(rom_word[1:0]),
    .rom_data_operand_is_state(rom_word[2]),
    .rom_data_operand_less_input(rom_word[3]),
    .rom_data_carry(rom_word[5:4]),
    .rom_data_adds_carry(rom_word[6]),
    .rom_data_carry_is_state(rom_word[7]),
    .rom_data_carry_less_input(rom_word[8]),
    .rom_data_opens(rom_word[9]),
    .rom_data_row(rom_word[11:10]),
    .rom_data_store(rom_word[12]),
    .rom_data_retire(rom_word[13]),
    .rom_data_ends(rom_word[14]),
    .rom_data_coefficient(rom_word[20:15]),
    .rom_data_shift(rom_word[22:21]),
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
    if (rst) multipliers_0_product <= 14'd0;
    else if (advance) multipliers_0_product <= $signed(multipliers_0_operand) *
        $signed(multipliers_0_coefficient);
endmodule

// The datapath of the structured memory: runs the program of its rows, one product a cycle in each lane.
module lmu_memory_pipeline_datapath (
  input  wire        clk,
  input  wire        rst,
  input  wire        samples_valid,
  input  wire [1:0]  rom_data_operand,
  input  wire        rom_data_operand_is_state,
  input  wire        rom_data_operand_less_input,
  input  wire [1:0]  rom_data_carry,
  input  wire        rom_data_adds_carry,
  input  wire        rom_data_carry_is_state,
  input  wire        rom_data_carry_less_input,
  input  wire        rom_data_opens,
  input  wire [1:0]  rom_data_row,
  input  wire        rom_data_store,
  input  wire        rom_data_retire,
  input  wire        rom_data_ends,
  input  wire [5:0]  rom_data_coefficient,
  input  wire [1:0]  rom_data_shift,
  input  wire [13:0] multipliers_0_product,
  input  wire [3:0]  samples_payload_data,
  input  wire        samples_payload_first,
  input  wire        samples_payload_last,
  input  wire        advance,
  output wire [3:0]  rom_address,
  output wire        samples_ready,
  output wire [5:0]  multipliers_0_coefficient,
  output wire [7:0]  multipliers_0_operand,
  output wire        beats_valid,
  output wire [6:0]  beats_payload_data,
  output wire [1:0]  beats_payload_index,
  output wire        beats_payload_first,
  output wire        beats_payload_last
);
  wire ends;
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
  reg bank = 1'b0;
  reg request_0_starts = 1'b0;
  reg request_0_clear = 1'b0;
  reg request_0_bank = 1'b0;
  reg [1:0] request_0_entry_operand = 2'd0;
  reg request_0_entry_operand_is_state = 1'b0;
  reg request_0_entry_operand_less_input = 1'b0;
  reg [1:0] request_0_entry_carry = 2'd0;
  reg request_0_entry_adds_carry = 1'b0;
  reg request_0_entry_carry_is_state = 1'b0;
  reg request_0_entry_carry_less_input = 1'b0;
  reg request_0_entry_opens = 1'b0;
  reg [1:0] request_0_entry_row = 2'd0;
  reg request_0_entry_store = 1'b0;
  reg request_0_entry_retire = 1'b0;
  reg request_0_entry_ends = 1'b0;
  reg [5:0] request_0_entry_coefficient = 6'd0;
  reg [1:0] request_0_entry_shift = 2'd0;

  assign beats_valid = beats_valid_2 ? 1'b1 : 1'b0;
  wire issued_starts = issue & starts;
  wire [22:0] chosen =
      issue ? {rom_data_shift, rom_data_coefficient, rom_data_ends, rom_data_retire, rom_data_store,
          rom_data_row, rom_data_opens, rom_data_carry_less_input, rom_data_carry_is_state,
          rom_data_adds_carry, rom_data_carry, rom_data_operand_less_input, rom_data_operand_is_state,
          rom_data_operand} :
      23'd0;
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
    .ends(ends),
    .next_slot(rom_address),
    .issue(issue),
    .starts(starts),
    .clear(issued_clear),
    .ready(samples_ready)
  );
  // One lane of the structured memory: row sum, intermediate words and integrators around one multiplier.
  lmu_memory_pipeline_datapath_lane_0 lane_0 (
    .clk(clk),
    .rst(rst),
    .request_starts(request_0_starts),
    .request_clear(request_0_clear),
    .request_bank(request_0_bank),
    .request_entry_operand(request_0_entry_operand),
    .request_entry_operand_is_state(request_0_entry_operand_is_state),
    .request_entry_operand_less_input(request_0_entry_operand_less_input),
    .request_entry_carry(request_0_entry_carry),
    .request_entry_adds_carry(request_0_entry_adds_carry),
    .request_entry_carry_is_state(request_0_entry_carry_is_state),
    .request_entry_carry_less_input(request_0_entry_carry_less_input),
    .request_entry_opens(request_0_entry_opens),
    .request_entry_row(request_0_entry_row),
    .request_entry_store(request_0_entry_store),
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
      bank <= 1'b0;
      request_0_starts <= 1'b0;
      request_0_clear <= 1'b0;
      request_0_bank <= 1'b0;
      request_0_entry_operand <= 2'd0;
      request_0_entry_operand_is_state <= 1'b0;
      request_0_entry_operand_less_input <= 1'b0;
      request_0_entry_carry <= 2'd0;
      request_0_entry_adds_carry <= 1'b0;
      request_0_entry_carry_is_state <= 1'b0;
      request_0_entry_carry_less_input <= 1'b0;
      request_0_entry_opens <= 1'b0;
      request_0_entry_row <= 2'd0;
      request_0_entry_store <= 1'b0;
      request_0_entry_retire <= 1'b0;
      request_0_entry_ends <= 1'b0;
      request_0_entry_coefficient <= 6'd0;
      request_0_entry_shift <= 2'd0;
    end else if (advance) begin
      bank <= bank ^ ends;
      request_0_starts <= issued_starts;
      request_0_clear <= issued_clear;
      request_0_bank <= bank;
      request_0_entry_operand <= chosen[1:0];
      request_0_entry_operand_is_state <= chosen[2];
      request_0_entry_operand_less_input <= chosen[3];
      request_0_entry_carry <= chosen[5:4];
      request_0_entry_adds_carry <= chosen[6];
      request_0_entry_carry_is_state <= chosen[7];
      request_0_entry_carry_less_input <= chosen[8];
      request_0_entry_opens <= chosen[9];
      request_0_entry_row <= chosen[11:10];
      request_0_entry_store <= chosen[12];
      request_0_entry_retire <= chosen[13];
      request_0_entry_ends <= chosen[14];
      request_0_entry_coefficient <= chosen[20:15];
      request_0_entry_shift <= chosen[22:21];
    end
endmodule

// One lane of the structured memory: row sum, intermediate words and integrators around one multiplier.
module lmu_memory_pipeline_datapath_lane_0 (
  input  wire        clk,
  input  wire        rst,
  input  wire        request_starts,
  input  wire        request_clear,
  input  wire        request_bank,
  input  wire [1:0]  request_entry_operand,
  input  wire        request_entry_operand_is_state,
  input  wire        request_entry_operand_less_input,
  input  wire [1:0]  request_entry_carry,
  input  wire        request_entry_adds_carry,
  input  wire        request_entry_carry_is_state,
  input  wire        request_entry_carry_less_input,
  input  wire        request_entry_opens,
  input  wire [1:0]  request_entry_row,
  input  wire        request_entry_store,
  input  wire        request_entry_retire,
  input  wire        request_entry_ends,
  input  wire [5:0]  request_entry_coefficient,
  input  wire [1:0]  request_entry_shift,
  input  wire [3:0]  sample_data,
  input  wire        sample_first,
  input  wire        sample_last,
  input  wire [13:0] multiplier_product,
  input  wire        advance,
  output reg  [7:0]  multiplier_operand = 8'd0,
  output reg  [5:0]  multiplier_coefficient = 6'd0,
  output reg         beats_valid = 1'b0,
  output wire [6:0]  beats_payload_data,
  output reg  [1:0]  beats_payload_row = 2'd0,
  output reg         beats_payload_first = 1'b0,
  output reg         beats_payload_last = 1'b0
);
  wire [7:0] operand_intermediate_data;
  wire [7:0] carry_intermediate_data;
  reg [6:0] words [0:7];
  reg [6:0] operand_state_data;
  reg [6:0] carry_state_data;
  reg slot_align_entry_operand_is_state = 1'b0;
  reg slot_align_entry_operand_less_input = 1'b0;
  reg [1:0] slot_align_entry_carry = 2'd0;
  reg slot_align_entry_adds_carry = 1'b0;
  reg slot_align_entry_carry_is_state = 1'b0;
  reg slot_align_entry_carry_less_input = 1'b0;
  reg slot_align_entry_opens = 1'b0;
  reg [1:0] slot_align_entry_row = 2'd0;
  reg slot_align_entry_store = 1'b0;
  reg slot_align_entry_retire = 1'b0;
  reg slot_align_entry_ends = 1'b0;
  reg [5:0] slot_align_entry_coefficient = 6'd0;
  reg [1:0] slot_align_entry_shift = 2'd0;
  reg slot_align_owner_bank = 1'b0;
  reg slot_align_owner_clear = 1'b0;
  reg slot_align_owner_first = 1'b0;
  reg slot_align_owner_last = 1'b0;
  reg [1:0] slot_multiply_entry_carry = 2'd0;
  reg slot_multiply_entry_adds_carry = 1'b0;
  reg slot_multiply_entry_carry_is_state = 1'b0;
  reg slot_multiply_entry_carry_less_input = 1'b0;
  reg slot_multiply_entry_opens = 1'b0;
  reg [1:0] slot_multiply_entry_row = 2'd0;
  reg slot_multiply_entry_store = 1'b0;
  reg slot_multiply_entry_retire = 1'b0;
  reg slot_multiply_entry_ends = 1'b0;
  reg [1:0] slot_multiply_entry_shift = 2'd0;
  reg slot_multiply_owner_bank = 1'b0;
  reg slot_multiply_owner_clear = 1'b0;
  reg slot_multiply_owner_first = 1'b0;
  reg slot_multiply_owner_last = 1'b0;
  reg slot_accumulate_entry_adds_carry = 1'b0;
  reg slot_accumulate_entry_carry_is_state = 1'b0;
  reg slot_accumulate_entry_carry_less_input = 1'b0;
  reg slot_accumulate_entry_opens = 1'b0;
  reg [1:0] slot_accumulate_entry_row = 2'd0;
  reg slot_accumulate_entry_store = 1'b0;
  reg slot_accumulate_entry_retire = 1'b0;
  reg slot_accumulate_entry_ends = 1'b0;
  reg [1:0] slot_accumulate_entry_shift = 2'd0;
  reg slot_accumulate_owner_bank = 1'b0;
  reg slot_accumulate_owner_clear = 1'b0;
  reg slot_accumulate_owner_first = 1'b0;
  reg slot_accumulate_owner_last = 1'b0;
  reg [1:0] slot_round_entry_row = 2'd0;
  reg slot_round_entry_store = 1'b0;
  reg slot_round_entry_retire = 1'b0;
  reg slot_round_entry_ends = 1'b0;
  reg [1:0] slot_round_entry_shift = 2'd0;
  reg slot_round_owner_bank = 1'b0;
  reg slot_round_owner_first = 1'b0;
  reg slot_round_owner_last = 1'b0;
  reg [1:0] slot_write_entry_row = 2'd0;
  reg slot_write_entry_store = 1'b0;
  reg slot_write_entry_retire = 1'b0;
  reg slot_write_entry_ends = 1'b0;
  reg slot_write_owner_bank = 1'b0;
  reg slot_write_owner_first = 1'b0;
  reg slot_write_owner_last = 1'b0;
  reg slot_retire_entry_retire = 1'b0;
  reg slot_retire_owner_bank = 1'b0;
  reg held_owner_bank = 1'b0;
  reg held_owner_clear = 1'b0;
  reg held_owner_first = 1'b0;
  reg held_owner_last = 1'b0;
  reg [3:0] held_sample = 4'd0;
  reg [3:0] carry_sample_1 = 4'd0;
  reg [3:0] carry_sample_2 = 4'd0;
  reg [7:0] carry = 8'd0;
  reg [15:0] row_sum = 16'd0;
  reg [7:0] intermediate = 8'd0;
  reg [15:0] increment = 16'd0;

  wire [3:0] operand_input = slot_align_entry_operand_less_input ? held_sample : 4'd0;
  wire [3:0] carry_input = slot_accumulate_entry_carry_less_input ? carry_sample_2 : 4'd0;
  wire [16:0] shifted = $signed({row_sum, 1'b0}) >>> slot_round_entry_shift;
  wire slot_read_owner_bank = request_starts ? request_bank : held_owner_bank;
  wire slot_read_owner_clear =
      request_starts ? request_clear | sample_first :
      held_owner_clear;
  wire slot_read_owner_first = request_starts ? sample_first : held_owner_first;
  wire slot_read_owner_last = request_starts ? sample_last : held_owner_last;
  wire [7:0] difference = $signed(slot_align_owner_clear ? 7'd0 : operand_state_data) -
      $signed({operand_input, 2'd0});
  wire [7:0] difference_2 = $signed(slot_accumulate_owner_clear ? 7'd0 : carry_state_data) -
      $signed({carry_input, 2'd0});
  wire [7:0] chosen =
      slot_accumulate_entry_carry_is_state ? difference_2 :
      carry_intermediate_data;
  wire [15:0] shifted_2 = row_sum << slot_round_entry_shift;

  // A memory of a single row: a register, or a constant if it has no write port.
  lmu_memory_pipeline_datapath_lane_0_intermediates intermediates (
    .clk(clk),
    .advance(advance),
    .intermediates_write_en(slot_write_entry_store),
    .intermediates_write_data(intermediate),
    .operand_intermediate_data(operand_intermediate_data),
    .carry_intermediate_data(carry_intermediate_data)
  );
  // Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
  lmu_memory_pipeline_datapath_lane_0_bank bank (
    .clk(clk),
    .rst(rst),
    .read_address(slot_accumulate_entry_row),
    .add_increments(increment),
    .read_clear(slot_accumulate_owner_clear),
    .add_address(slot_write_entry_row),
    .add_valid(slot_write_entry_retire),
    .advance(advance),
    .outputs(beats_payload_data)
  );

  always @(posedge clk)
    if (advance & slot_retire_entry_retire) words[{beats_payload_row, ~slot_retire_owner_bank}] <=
        beats_payload_data;
  always @(posedge clk)
    if (advance) begin
      operand_state_data <= words[{request_entry_operand, slot_read_owner_bank}];
      if ((advance & slot_retire_entry_retire) && {beats_payload_row, ~slot_retire_owner_bank} ==
          {request_entry_operand, slot_read_owner_bank}) operand_state_data <= beats_payload_data;
    end
  always @(posedge clk)
    if (advance) begin
      carry_state_data <= words[{slot_multiply_entry_carry, slot_multiply_owner_bank}];
      if ((advance & slot_retire_entry_retire) && {beats_payload_row, ~slot_retire_owner_bank} ==
          {slot_multiply_entry_carry, slot_multiply_owner_bank}) carry_state_data <= beats_payload_data;
    end
  always @(posedge clk)
    if (rst) begin
      slot_align_entry_operand_is_state <= 1'b0;
      slot_align_entry_operand_less_input <= 1'b0;
      slot_align_entry_carry <= 2'd0;
      slot_align_entry_adds_carry <= 1'b0;
      slot_align_entry_carry_is_state <= 1'b0;
      slot_align_entry_carry_less_input <= 1'b0;
      slot_align_entry_opens <= 1'b0;
      slot_align_entry_row <= 2'd0;
      slot_align_entry_store <= 1'b0;
      slot_align_entry_retire <= 1'b0;
      slot_align_entry_ends <= 1'b0;
      slot_align_entry_coefficient <= 6'd0;
      slot_align_entry_shift <= 2'd0;
      slot_align_owner_bank <= 1'b0;
      slot_align_owner_clear <= 1'b0;
      slot_align_owner_first <= 1'b0;
      slot_align_owner_last <= 1'b0;
      slot_multiply_entry_carry <= 2'd0;
      slot_multiply_entry_adds_carry <= 1'b0;
      slot_multiply_entry_carry_is_state <= 1'b0;
      slot_multiply_entry_carry_less_input <= 1'b0;
      slot_multiply_entry_opens <= 1'b0;
      slot_multiply_entry_row <= 2'd0;
      slot_multiply_entry_store <= 1'b0;
      slot_multiply_entry_retire <= 1'b0;
      slot_multiply_entry_ends <= 1'b0;
      multiplier_coefficient <= 6'd0;
      slot_multiply_entry_shift <= 2'd0;
      slot_multiply_owner_bank <= 1'b0;
      slot_multiply_owner_clear <= 1'b0;
      slot_multiply_owner_first <= 1'b0;
      slot_multiply_owner_last <= 1'b0;
      slot_accumulate_entry_adds_carry <= 1'b0;
      slot_accumulate_entry_carry_is_state <= 1'b0;
      slot_accumulate_entry_carry_less_input <= 1'b0;
      slot_accumulate_entry_opens <= 1'b0;
      slot_accumulate_entry_row <= 2'd0;
      slot_accumulate_entry_store <= 1'b0;
      slot_accumulate_entry_retire <= 1'b0;
      slot_accumulate_entry_ends <= 1'b0;
      slot_accumulate_entry_shift <= 2'd0;
      slot_accumulate_owner_bank <= 1'b0;
      slot_accumulate_owner_clear <= 1'b0;
      slot_accumulate_owner_first <= 1'b0;
      slot_accumulate_owner_last <= 1'b0;
      slot_round_entry_row <= 2'd0;
      slot_round_entry_store <= 1'b0;
      slot_round_entry_retire <= 1'b0;
      slot_round_entry_ends <= 1'b0;
      slot_round_entry_shift <= 2'd0;
      slot_round_owner_bank <= 1'b0;
      slot_round_owner_first <= 1'b0;
      slot_round_owner_last <= 1'b0;
      slot_write_entry_row <= 2'd0;
      slot_write_entry_store <= 1'b0;
      slot_write_entry_retire <= 1'b0;
      slot_write_entry_ends <= 1'b0;
      slot_write_owner_bank <= 1'b0;
      slot_write_owner_first <= 1'b0;
      slot_write_owner_last <= 1'b0;
      beats_payload_row <= 2'd0;
      slot_retire_entry_retire <= 1'b0;
      beats_valid <= 1'b0;
      slot_retire_owner_bank <= 1'b0;
      beats_payload_first <= 1'b0;
      beats_payload_last <= 1'b0;
      held_owner_bank <= 1'b0;
      held_owner_clear <= 1'b0;
      held_owner_first <= 1'b0;
      held_owner_last <= 1'b0;
      carry_sample_1 <= 4'd0;
      carry_sample_2 <= 4'd0;
      multiplier_operand <= 8'd0;
      carry <= 8'd0;
      row_sum <= 16'd0;
      intermediate <= 8'd0;
      increment <= 16'd0;
    end else if (advance) begin
      slot_align_entry_operand_is_state <= request_entry_operand_is_state;
      slot_align_entry_operand_less_input <= request_entry_operand_less_input;
      slot_align_entry_carry <= request_entry_carry;
      slot_align_entry_adds_carry <= request_entry_adds_carry;
      slot_align_entry_carry_is_state <= request_entry_carry_is_state;
      slot_align_entry_carry_less_input <= request_entry_carry_less_input;
      slot_align_entry_opens <= request_entry_opens;
      slot_align_entry_row <= request_entry_row;
      slot_align_entry_store <= request_entry_store;
      slot_align_entry_retire <= request_entry_retire;
      slot_align_entry_ends <= request_entry_ends;
      slot_align_entry_coefficient <= request_entry_coefficient;
      slot_align_entry_shift <= request_entry_shift;
      slot_align_owner_bank <= slot_read_owner_bank;
      slot_align_owner_clear <= slot_read_owner_clear;
      slot_align_owner_first <= slot_read_owner_first;
      slot_align_owner_last <= slot_read_owner_last;
      slot_multiply_entry_carry <= slot_align_entry_carry;
      slot_multiply_entry_adds_carry <= slot_align_entry_adds_carry;
      slot_multiply_entry_carry_is_state <= slot_align_entry_carry_is_state;
      slot_multiply_entry_carry_less_input <= slot_align_entry_carry_less_input;
      slot_multiply_entry_opens <= slot_align_entry_opens;
      slot_multiply_entry_row <= slot_align_entry_row;
      slot_multiply_entry_store <= slot_align_entry_store;
      slot_multiply_entry_retire <= slot_align_entry_retire;
      slot_multiply_entry_ends <= slot_align_entry_ends;
      multiplier_coefficient <= slot_align_entry_coefficient;
      slot_multiply_entry_shift <= slot_align_entry_shift;
      slot_multiply_owner_bank <= slot_align_owner_bank;
      slot_multiply_owner_clear <= slot_align_owner_clear;
      slot_multiply_owner_first <= slot_align_owner_first;
      slot_multiply_owner_last <= slot_align_owner_last;
      slot_accumulate_entry_adds_carry <= slot_multiply_entry_adds_carry;
      slot_accumulate_entry_carry_is_state <= slot_multiply_entry_carry_is_state;
      slot_accumulate_entry_carry_less_input <= slot_multiply_entry_carry_less_input;
      slot_accumulate_entry_opens <= slot_multiply_entry_opens;
      slot_accumulate_entry_row <= slot_multiply_entry_row;
      slot_accumulate_entry_store <= slot_multiply_entry_store;
      slot_accumulate_entry_retire <= slot_multiply_entry_retire;
      slot_accumulate_entry_ends <= slot_multiply_entry_ends;
      slot_accumulate_entry_shift <= slot_multiply_entry_shift;
      slot_accumulate_owner_bank <= slot_multiply_owner_bank;
      slot_accumulate_owner_clear <= slot_multiply_owner_clear;
      slot_accumulate_owner_first <= slot_multiply_owner_first;
      slot_accumulate_owner_last <= slot_multiply_owner_last;
      slot_round_entry_row <= slot_accumulate_entry_row;
      slot_round_entry_store <= slot_accumulate_entry_store;
      slot_round_entry_retire <= slot_accumulate_entry_retire;
      slot_round_entry_ends <= slot_accumulate_entry_ends;
      slot_round_entry_shift <= slot_accumulate_entry_shift;
      slot_round_owner_bank <= slot_accumulate_owner_bank;
      slot_round_owner_first <= slot_accumulate_owner_first;
      slot_round_owner_last <= slot_accumulate_owner_last;
      slot_write_entry_row <= slot_round_entry_row;
      slot_write_entry_store <= slot_round_entry_store;
      slot_write_entry_retire <= slot_round_entry_retire;
      slot_write_entry_ends <= slot_round_entry_ends;
      slot_write_owner_bank <= slot_round_owner_bank;
      slot_write_owner_first <= slot_round_owner_first;
      slot_write_owner_last <= slot_round_owner_last;
      beats_payload_row <= slot_write_entry_row;
      slot_retire_entry_retire <= slot_write_entry_retire;
      beats_valid <= slot_write_entry_ends;
      slot_retire_owner_bank <= slot_write_owner_bank;
      beats_payload_first <= slot_write_owner_first;
      beats_payload_last <= slot_write_owner_last;
      held_owner_bank <= slot_read_owner_bank;
      held_owner_clear <= slot_read_owner_clear;
      held_owner_first <= slot_read_owner_first;
      held_owner_last <= slot_read_owner_last;
      carry_sample_1 <= held_sample;
      carry_sample_2 <= carry_sample_1;
      multiplier_operand <= slot_align_entry_operand_is_state ? difference : operand_intermediate_data;
      carry <= slot_accumulate_entry_adds_carry ? chosen : 8'd0;
      row_sum <= $signed(slot_accumulate_entry_opens ? 16'd0 : row_sum) + $signed(multiplier_product);
      intermediate <= (shifted[8:1] + {7'd0, shifted[0]}) + carry;
      increment <= shifted_2 + {carry[4:0], 11'd0};
    end
  always @(posedge clk)
    if (rst) held_sample <= 4'd0;
    else if (advance && request_starts) held_sample <= sample_data;
endmodule

// Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.
module lmu_memory_pipeline_datapath_lane_0_bank (
  input  wire        clk,
  input  wire        rst,
  input  wire [1:0]  read_address,
  input  wire [15:0] add_increments,
  input  wire        read_clear,
  input  wire [1:0]  add_address,
  input  wire        add_valid,
  input  wire        advance,
  output reg  [6:0]  outputs = 7'd0
);
  reg [29:0] integrators [0:3];
  reg [29:0] integrators_word;
  reg clear = 1'b0;
  reg [1:0] store_addr = 2'd0;
  reg store_en = 1'b0;
  reg [18:0] old_accumulator_0 = 19'd0;
  reg [19:0] base_0 = 20'd0;
  reg [18:0] store_data_accumulator = 19'd0;
  reg [10:0] store_data_residue = 11'd0;

  wire [29:0] chosen = clear ? 30'd0 : integrators_word;
  wire [18:0] new_accumulator_0 = $signed(old_accumulator_0) + $signed(add_increments);
  wire [17:0] sum_0 = $signed(base_0[17:0]) + $signed(add_increments);
  wire [19:0] sum = $signed(chosen[18:0]) + 20'sd1024;

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
      old_accumulator_0 <= 19'd0;
      base_0 <= 20'd0;
      outputs <= 7'd0;
      store_data_accumulator <= 19'd0;
      store_data_residue <= 11'd0;
    end else if (advance) begin
      clear <= read_clear;
      store_addr <= add_address;
      store_en <= add_valid;
      old_accumulator_0 <= chosen[18:0];
      base_0 <= $signed(sum) + $signed(chosen[29:19]);
      outputs <= sum_0[17:11];
      store_data_accumulator <= new_accumulator_0;
      store_data_residue <= {~sum_0[10], sum_0[9:0]};
    end
endmodule

// A memory of a single row: a register, or a constant if it has no write port.
module lmu_memory_pipeline_datapath_lane_0_intermediates (
  input  wire       clk,
  input  wire       advance,
  input  wire       intermediates_write_en,
  input  wire [7:0] intermediates_write_data,
  output reg  [7:0] operand_intermediate_data = 8'd0,
  output reg  [7:0] carry_intermediate_data = 8'd0
);
  reg [7:0] row = 8'd0;

  wire [7:0] chosen = intermediates_write_en ? intermediates_write_data : row;

  always @(posedge clk)
    if (advance && intermediates_write_en) row <= intermediates_write_data;
  always @(posedge clk)
    if (advance) begin
      operand_intermediate_data <= chosen;
      carry_intermediate_data <= chosen;
    end
endmodule

// Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.
module lmu_memory_pipeline_datapath_sequencer (
  input  wire       clk,
  input  wire       rst,
  input  wire       valid,
  input  wire       advance,
  output wire       ends,
  output wire [3:0] next_slot,
  output wire       issue,
  output wire       starts,
  output wire       clear,
  output wire       ready
);
  reg awake = 1'b0;
  reg [1:0] pause_left = 2'd0;
  reg [3:0] slot = 4'd0;
  reg started = 1'b0;
  reg held_clear = 1'b0;

  assign starts = slot == 4'd0;
  assign ready = starts & awake & (pause_left == 2'd0);
  assign issue = starts ? valid & ready : 1'b1;
  assign ends = issue & (slot == 4'hf);
  wire inverse = ~starts;
  assign next_slot = ends ? 4'd0 : slot + {3'd0, issue};
  assign clear = inverse ? held_clear : ~started;

  always @(posedge clk)
    if (rst) begin
      awake <= 1'b0;
      slot <= 4'd0;
    end else if (advance) begin
      awake <= 1'b1;
      slot <= next_slot;
    end
  always @(posedge clk)
    if (rst) pause_left <= 2'd0;
    else if (advance) begin
      if (ends) pause_left <= 2'd2;
      else if (pause_left != 2'd0) pause_left <= pause_left - 2'd1;
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
