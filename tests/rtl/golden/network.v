// lmu_network: network of 2 layer(s), 2 lane(s) for each of 1 sequence(s).
// input 1 x sQ0.7
// layer 0 (lmu): 1 memory(s), chain datapath, order 2, theta 20.0 s, dt 1.0 s, ab2 step, legendre basis; 2 outputs, sQ-1.6
// layer 1 (lmu): 2 outputs, sQ2.3
// Made by: golden
// A network on `lanes` multipliers for each of `sequences` sequences that go side by side, in lock-step.
module lmu_network (
  input  wire       clk,                            // clock, rising edge
  input  wire       rst,                            // synchronous reset, active high; forgets all state
  input  wire       in_valid,                       // a word of x is offered
  output wire       in_ready,                       // it is taken at this clock edge
  input  wire [6:0] in_data,                        // word of x, sQ0.7 two's complement: all 1 of sequence 0, then of the next
  input  wire       in_first,                       // the step starts its sequence: the state counts as zero; the same for all its words
  input  wire       in_last,                        // the step ends its sequence; the same for all its words
  output wire       out_valid,                      // a word of y is offered, after steps with in_last
  input  wire       out_ready,                      // it is taken at this clock edge
  output wire [4:0] out_data,                       // word of y, sQ2.3 two's complement
  output wire       out_index,                      // which one, 0 to 1
  output wire       out_sequence,                   // of which sequence, 0 to 0
  output wire       out_argmax,                     // index of the largest word so far, the first one of equals; the class, with the last word
  output wire       out_first,                      // in_first of the step
  output wire       out_last                        // in_last of the step
);
  wire address;
  wire address_2;
  wire [1:0] address_3;
  wire beat;
  wire [41:0] biases;
  wire done;
  reg [29:0] entry_0;
  wire finish;
  wire firsts;
  wire gives;
  wire [9:0] o_payload;
  wire offer;
  wire read;
  wire read_2;
  wire [1:0] read_address;
  wire room;
  reg row_1 = 1'h0;
  reg row_2 = 1'h0;
  wire [29:0] rows;
  reg signal = 1'h0;
  reg signal_2 = 1'h0;
  wire slices;
  wire [109:0] slots;
  wire [21:0] slots_18_0;
  wire start;
  wire start_2;
  wire store_0;
  wire taken;
  wire waiting;
  wire [13:0] weights;
  wire word;
  wire [4:0] words;
  wire write_1;
  wire write_2;
  wire y_write;
  reg [29:0] table_0 [0:0];
  initial begin
    table_0[0] = 30'h2b331333;
  end
  always @(posedge clk) begin
    entry_0 <= table_0[1'h0];
  end
  lmu_network_control control (
    .biases(biases),
    .clk(clk),
    .finish(finish),
    .gives(gives),
    .port_551(slots_18_0),
    .port_555(slots[109:22]),
    .room(room),
    .rows(rows),
    .rst(rst),
    .start(start),
    .waiting(waiting),
    .weights(weights)
  );
  lmu_network_feeder_0 feeder_0 (
    .clk(clk),
    .offer(offer),
    .rst(rst),
    .taken(taken),
    .write(store_0)
  );
  lmu_network_input input_ (
    .address(address_2),
    .clk(clk),
    .finish(finish),
    .firsts(firsts),
    .i_payload({in_last, in_first, in_data}),
    .i_ready(in_ready),
    .i_valid(in_valid),
    .lasts(gives),
    .rst(rst),
    .slices(slices),
    .start(start),
    .waiting(waiting)
  );
  lmu_network_output output_ (
    .bank(rows[28]),
    .clk(clk),
    .done(done),
    .firsts(firsts),
    .gives(gives),
    .o_payload(o_payload),
    .o_ready(out_ready),
    .o_valid(out_valid),
    .port_157(read_address[0]),
    .port_599(read_address[1]),
    .room(room),
    .rst(rst),
    .start(start_2),
    .word(words)
  );
  lmu_network_read_1 read_1 (
    .clk(clk),
    .read(read),
    .rst(rst),
    .word(word)
  );
  lmu_network_read_2 read_2_2 (
    .bank(address),
    .clk(clk),
    .port_760(address_3[1]),
    .read(read_2),
    .rst(rst)
  );
  lmu_network_slice_0 slice_0 (
    .biases(biases),
    .clk(clk),
    .entry(entry_0),
    .fresh(signal),
    .port_157(read_address[0]),
    .port_17(address),
    .port_547(row_1),
    .port_549(row_2),
    .port_551(slots_18_0),
    .port_555(slots[109:22]),
    .port_599(read_address[1]),
    .port_760(address_3[1]),
    .read_0(address),
    .rows(rows),
    .rst(rst),
    .taken_0(taken),
    .valid(offer),
    .weights(weights),
    .word_1(word),
    .write_addr(address_2),
    .write_data(in_data),
    .write_en_4(slices),
    .write_en_5(beat),
    .write_en(write_1),
    .write_en_2(store_0),
    .write_en_3(y_write),
    .y(words)
  );
  assign start_2 = start & gives;
  assign write_1 = rows[24] & (rows[26:25] == 1'h1);
  assign write_2 = rows[24] & (rows[26:25] == 2'h2);
  assign store_0 = rows[6] & !rows[8:7];
  assign read = slots_18_0[0] & (slots_18_0[2:1] == 1'h1);
  assign read_2 = slots_18_0[0] & (slots_18_0[2:1] == 2'h2);
  assign address = slots_18_0[19] ^ slots_18_0[3];
  assign done = write_2 & row_2 & rows[29];
  assign y_write = write_2 & rows[29];
  assign address_3[0] = address;
  assign out_argmax = o_payload[7];
  assign out_data = o_payload[4:0];
  assign out_first = o_payload[8];
  assign out_index = o_payload[5];
  assign out_last = o_payload[9];
  assign out_sequence = o_payload[6];
  assign slots[21:0] = slots_18_0;
  always @(posedge clk)
    if (rst) row_2 <= 1'h0;
    else if (write_2) row_2 <= row_2 ? 1'h0 : (row_2 + 1'h1);
  always @(posedge clk)
    if (rst) row_1 <= 1'h0;
    else if (write_1) row_1 <= row_1 ? 1'h0 : (row_1 + 1'h1);
  always @(posedge clk)
    if (rst) signal <= 1'h0;
    else if (start) signal <= signal_2 ? firsts : 1'h1;
  always @(posedge clk)
    if (rst) signal_2 <= 1'h0;
    else signal_2 <= signal_2 | start;
endmodule

// Runs the program of a step as soon as a step waits and there is room for its outputs.
module lmu_network_control (
  input  wire        rst,
  input  wire        gives,
  output wire        finish,
  output wire        start,
  output reg  [41:0] biases,
  input  wire        waiting,
  input  wire        room,
  output wire [21:0] port_551,
  output reg  [87:0] port_555 = 88'h0000000000000000000000,
  output reg  [13:0] weights = 14'h0000,
  output wire [29:0] rows,
  input  wire        clk
);
  reg bank = 1'h1;
  reg [4:0] cycle = 5'h00;
  wire ends;
  wire [3:0] fetch_addr;
  reg [24:0] fetch_data;
  reg [4:0] for_rows = 5'h00;
  reg [24:0] for_rows_2 = 25'h0000000;
  reg giving = 1'h0;
  reg [1:0] group = 2'h0;
  wire group_ends;
  reg left = 1'h0;
  reg outputs = 1'h1;
  reg signal = 1'h0;
  reg [3:0] signal_2 = 4'h0;
  reg [2:0] signal_3 = 3'h0;
  reg [13:0] signature_data;
  wire slots_0_closes;
  wire slots_0_opens;
  wire slots_0_valid;
  reg [41:0] biases_2 [0:2];
  reg [24:0] program_ [0:8];
  reg [13:0] weights_2 [0:7];
  initial begin
    biases_2[0] = 42'h000001fffc4;
    biases_2[1] = 42'h3fd85bfdf4a;
    biases_2[2] = 42'h0000cbfff50;
  end
  always @(posedge clk) begin
    biases <= biases_2[port_555[40:39]];
  end
  initial begin
    program_[0] = 25'h0020620;
    program_[1] = 25'h0000008;
    program_[2] = 25'h1322a20;
    program_[3] = 25'h0222861;
    program_[4] = 25'h0ad2da1;
    program_[5] = 25'h0004000;
    program_[6] = 25'h0000008;
    program_[7] = 25'h00036a1;
    program_[8] = 25'h0008000;
  end
  always @(posedge clk) begin
    fetch_data <= program_[fetch_addr];
  end
  initial begin
    weights_2[0] = 14'h007e;
    weights_2[1] = 14'h00fd;
    weights_2[2] = 14'h3f02;
    weights_2[3] = 14'h3ffd;
    weights_2[4] = 14'h2b61;
    weights_2[5] = 14'h193c;
    weights_2[6] = 14'h3ae7;
    weights_2[7] = 14'h3717;
  end
  always @(posedge clk) begin
    signature_data <= weights_2[signal_3];
  end
  wire for_ends = cycle == fetch_data[4:0];
  assign ends = signal & for_ends;
  assign finish = ends & (fetch_data[15] | (fetch_data[14] & ~giving));
  assign start = waiting & (~gives | room) & (finish | ~signal);
  assign slots_0_valid = signal & fetch_data[5];
  assign slots_0_opens = fetch_data[9] & !cycle;
  assign slots_0_closes = fetch_data[10] & for_ends;
  assign group_ends = slots_0_valid & slots_0_closes;
  assign rows[5:1] = for_rows;
  assign {rows[29:6], rows[0]} = for_rows_2;
  wire for_fetch_addr = fetch_data[16] & giving;
  assign fetch_addr = finish ? 4'h0 : ends ? ((signal_2 + 1'h1) + for_fetch_addr) : signal_2;
  assign port_551 = {giving, outputs, bank, group, fetch_data[24:17], fetch_data[13:11], slots_0_closes, slots_0_opens, fetch_data[8:6], slots_0_valid};
  always @(posedge clk)
    bank <= (start ? (~bank) : bank) | rst;
  always @(posedge clk)
    outputs <= (start ? (outputs ^ gives) : outputs) | rst;
  wire for_signal_3 = rst | finish;
  always @(posedge clk)
    if (for_signal_3) signal_3 <= 3'h0;
    else signal_3 <= signal_3 + slots_0_valid;
  always @(posedge clk)
    if (rst) giving <= 1'h0;
    else if (start) giving <= gives;
  always @(posedge clk)
    if (rst) signal <= 1'h0;
    else signal <= (finish ? 1'h0 : signal) | start;
  always @(posedge clk)
    if (~(signal & ~ends) | rst) cycle <= 5'h00;
    else cycle <= cycle + 1'h1;
  always @(posedge clk)
    if (rst) signal_2 <= 4'h0;
    else signal_2 <= fetch_addr;
  always @(posedge clk)
    if (rst) port_555 <= 88'h0000000000000000000000;
    else port_555 <= {port_555[65:0], giving, outputs, bank, group, fetch_data[24:17], fetch_data[13:11], slots_0_closes, slots_0_opens, fetch_data[8:6], slots_0_valid};
  wire for_left = port_555[66] & port_555[71];
  always @(posedge clk)
    if (rst) left <= 1'h0;
    else left <= for_left ? port_555[74] : (left & (left - 1'h1));
  always @(posedge clk)
    if (rst) for_rows <= 5'h00;
    else if (for_left) for_rows <= {port_555[87:85], port_555[73:72]};
  always @(posedge clk)
    if (rst) for_rows_2 <= 25'h0000000;
    else for_rows_2 <= {rows[23:0], (left & rows[0]) | for_left};
  always @(posedge clk)
    if (rst) weights <= 14'h0000;
    else weights <= signature_data;
  always @(posedge clk)
    if (for_signal_3) group <= 2'h0;
    else group <= group + group_ends;
endmodule

// Counts the samples of a step, a channel each, and offers them when the last one is there.
module lmu_network_feeder_0 (
  input  wire rst,
  input  wire write,
  input  wire taken,
  output reg  offer = 1'h0,
  input  wire clk
);
  always @(posedge clk)
    if ((offer & taken) | rst) offer <= 1'h0;
    else if (write) offer <= 1'h1;
endmodule

// Collects the words of a step for all sequences, while the step before is at work.
module lmu_network_input (
  input  wire       clk,
  input  wire       rst,
  input  wire       finish,
  input  wire       start,
  output wire       i_ready,
  output wire       slices,
  output wire       waiting,
  output wire       firsts,
  output wire       lasts,
  input  wire [8:0] i_payload,
  output reg        address = 1'h0,
  input  wire       i_valid
);
  reg at_work = 1'h0;
  reg firsts_0 = 1'h0;
  reg firsts_1 = 1'h0;
  reg full_0 = 1'h0;
  reg full_1 = 1'h0;
  reg lasts_0 = 1'h0;
  reg lasts_1 = 1'h0;
  reg next_up = 1'h0;
  assign i_ready = ~(address ? full_1 : full_0);
  assign slices = i_valid & i_ready;
  assign lasts = next_up ? lasts_1 : lasts_0;
  assign firsts = next_up ? firsts_1 : firsts_0;
  assign waiting = next_up ? full_1 : full_0;
  always @(posedge clk)
    if (rst) next_up <= 1'h0;
    else if (start) next_up <= ~next_up;
  always @(posedge clk)
    if (rst) at_work <= 1'h0;
    else if (start) at_work <= next_up;
  wire for_address = ~address;
  always @(posedge clk)
    if (rst) address <= 1'h0;
    else if (slices) address <= for_address;
  wire for_full_1 = slices ? (full_1 | address) : full_1;
  always @(posedge clk)
    if (rst) full_1 <= 1'h0;
    else full_1 <= finish ? (at_work ? 1'h0 : for_full_1) : for_full_1;
  wire for_full_0 = slices ? (address ? full_0 : 1'h1) : full_0;
  always @(posedge clk)
    if (rst) full_0 <= 1'h0;
    else full_0 <= finish ? (at_work & for_full_0) : for_full_0;
  wire for_lasts_1 = slices & address;
  always @(posedge clk)
    if (rst) lasts_1 <= 1'h0;
    else if (for_lasts_1) lasts_1 <= i_payload[8];
  wire for_lasts_0 = slices & for_address;
  always @(posedge clk)
    if (rst) lasts_0 <= 1'h0;
    else if (for_lasts_0) lasts_0 <= i_payload[8];
  always @(posedge clk)
    if (rst) firsts_1 <= 1'h0;
    else if (for_lasts_1) firsts_1 <= i_payload[7];
  always @(posedge clk)
    if (rst) firsts_0 <= 1'h0;
    else if (for_lasts_0) firsts_0 <= i_payload[7];
endmodule

// Gives the outputs of a step, sequence after sequence, while the next step is at work.
module lmu_network_output (
  input  wire       clk,
  input  wire       rst,
  input  wire       start,
  input  wire       done,
  input  wire       firsts,
  input  wire       gives,
  output wire       room,
  output wire       port_157,
  input  wire [4:0] word,
  input  wire       bank,
  output wire       port_599,
  output wire [9:0] o_payload,
  output reg        o_valid = 1'h0,
  input  wire       o_ready
);
  reg best_index = 1'h0;
  reg claimed_0 = 1'h0;
  reg claimed_1 = 1'h0;
  reg coming = 1'h0;
  reg firsts_0 = 1'h0;
  reg firsts_1 = 1'h0;
  reg full_0 = 1'h0;
  reg full_1 = 1'h0;
  reg gives_0 = 1'h0;
  reg gives_1 = 1'h0;
  reg index = 1'h0;
  reg [4:0] like = 5'h00;
  wire o_payload_argmax;
  wire o_payload_first;
  wire o_payload_last;
  wire signal;
  reg signal_2 = 1'h0;
  reg signal_3 = 1'h0;
  assign room = ~(coming ? claimed_1 : claimed_0);
  wire for_signal = o_valid & o_ready;
  assign signal = (for_signal & index) | ((signal_3 ? full_1 : full_0) & ~o_payload_last);
  assign port_157 = signal_3 ^ signal;
  wire for_o_payload_argmax = !index | ($signed(word) > $signed(like));
  assign o_payload_argmax = for_o_payload_argmax ? index : best_index;
  assign port_599 = signal ? 1'h0 : for_signal ? (signal_2 + 1'h1) : signal_2;
  assign o_payload_last = signal_3 ? gives_1 : gives_0;
  assign o_payload_first = signal_3 ? firsts_1 : firsts_0;
  assign o_payload = {o_payload_last, o_payload_first, o_payload_argmax, 1'h0, index, word};
  wire for_claimed_1 = start ? (claimed_1 | coming) : claimed_1;
  always @(posedge clk)
    if (rst) claimed_1 <= 1'h0;
    else claimed_1 <= signal ? (signal_3 ? 1'h0 : for_claimed_1) : for_claimed_1;
  wire for_claimed_0 = start ? (coming ? claimed_0 : 1'h1) : claimed_0;
  always @(posedge clk)
    if (rst) claimed_0 <= 1'h0;
    else claimed_0 <= signal ? (signal_3 & for_claimed_0) : for_claimed_0;
  wire for_coming = ~coming;
  always @(posedge clk)
    if (rst) coming <= 1'h0;
    else if (start) coming <= for_coming;
  always @(posedge clk)
    if (rst) like <= 5'h00;
    else if (for_o_payload_argmax & for_signal) like <= word;
  always @(posedge clk)
    if (rst) best_index <= 1'h0;
    else if (for_signal) best_index <= o_payload_argmax;
  wire for_o_valid = (port_157 ? full_1 : full_0) & (port_157 ? gives_1 : gives_0);
  always @(posedge clk)
    if (rst) o_valid <= 1'h0;
    else o_valid <= for_o_valid;
  always @(posedge clk)
    if (rst) signal_2 <= 1'h0;
    else signal_2 <= port_599;
  always @(posedge clk)
    if (rst | signal) index <= 1'h0;
    else if (for_signal) index <= index + 1'h1;
  always @(posedge clk)
    if (rst) signal_3 <= 1'h0;
    else signal_3 <= port_157;
  wire for_full_1 = done ? (full_1 | bank) : full_1;
  always @(posedge clk)
    if (rst) full_1 <= 1'h0;
    else full_1 <= signal ? (signal_3 ? 1'h0 : for_full_1) : for_full_1;
  wire for_full_0 = done ? (bank ? full_0 : 1'h1) : full_0;
  always @(posedge clk)
    if (rst) full_0 <= 1'h0;
    else full_0 <= signal ? (signal_3 & for_full_0) : for_full_0;
  wire for_firsts_1 = coming & start;
  always @(posedge clk)
    if (rst) firsts_1 <= 1'h0;
    else if (for_firsts_1) firsts_1 <= firsts;
  wire for_firsts_0 = for_coming & start;
  always @(posedge clk)
    if (rst) firsts_0 <= 1'h0;
    else if (for_firsts_0) firsts_0 <= firsts;
  always @(posedge clk)
    if (rst) gives_1 <= 1'h0;
    else if (for_firsts_1) gives_1 <= gives;
  always @(posedge clk)
    if (rst) gives_0 <= 1'h0;
    else if (for_firsts_0) gives_0 <= gives;
  wire for_value = ~signal_3;
  wire for_value_2 = ~port_157;
endmodule

module lmu_network_read_1 (
  input  wire rst,
  input  wire read,
  output reg  word = 1'h0,
  input  wire clk
);
  reg word_2 = 1'h0;
  always @(posedge clk)
    if (rst) word <= 1'h0;
    else word <= word_2;
  always @(posedge clk)
    if (rst) word_2 <= 1'h0;
    else if (read) word_2 <= word_2 ? 1'h0 : (word_2 + 1'h1);
endmodule

module lmu_network_read_2 (
  input  wire rst,
  input  wire read,
  input  wire bank,
  output reg  port_760 = 1'h0,
  input  wire clk
);
  always @(posedge clk)
    if (rst) port_760 <= 1'h0;
    else if (read) port_760 <= port_760 ? 1'h0 : (port_760 + 1'h1);
endmodule

// The data of one sequence. What it does in a cycle, all slices do, and are told from outside.
module lmu_network_slice_0 (
  input  wire        rst,
  input  wire        write_en,
  input  wire        write_en_2,
  input  wire        read_0,
  input  wire        port_17,
  input  wire        write_en_3,
  input  wire [41:0] biases,
  input  wire        write_en_4,
  input  wire        port_157,
  output wire        taken_0,
  output reg  [4:0]  y,
  input  wire [29:0] entry,
  input  wire [6:0]  write_data,
  input  wire        fresh,
  input  wire        port_547,
  input  wire        port_549,
  input  wire [21:0] port_551,
  input  wire [87:0] port_555,
  input  wire [13:0] weights,
  input  wire [29:0] rows,
  input  wire        write_addr,
  input  wire        port_599,
  output wire        write_en_5,
  input  wire        valid,
  input  wire        word_1,
  input  wire        port_760,
  input  wire        clk
);
  wire [31:0] beat;
  reg blank = 1'h0;
  wire close;
  reg [4:0] code = 5'h00;
  wire [49:0] factors;
  wire [21:0] for_code;
  wire [21:0] for_value;
  reg for_value_2;
  wire [4:0] port_data;
  wire [53:0] products;
  reg [6:0] signature_data;
  reg [27:0] signature_data_2;
  reg [4:0] signature_data_3;
  wire [20:0] sum;
  reg [13:0] word = 14'h0000;
  wire [4:0] word_2;
  reg [4:0] outputs [0:3];
  reg [4:0] samples_0 [0:0];
  reg [6:0] vector_0 [0:1];
  reg [27:0] vector_1 [0:0];
  reg [4:0] vector_2 [0:3];
  initial begin
    outputs[0] = 5'h00;
    outputs[1] = 5'h00;
    outputs[2] = 5'h00;
    outputs[3] = 5'h00;
  end
  always @(posedge clk) begin
    if (write_en_3)
      outputs[{ port_549, rows[28] }] <= word_2;
  end
  always @(posedge clk) begin
    y <= outputs[{ port_599, port_157 }];
  end
  initial begin
    samples_0[0] = 5'h00;
  end
  always @(posedge clk) begin
    if (write_en_2)
      samples_0[1'h0] <= code;
  end
  always @(posedge clk) begin
    for_value_2 <= 1'h0;
  end
  assign port_data = samples_0[for_value_2];
  initial begin
    vector_0[0] = 7'h00;
    vector_0[1] = 7'h00;
  end
  always @(posedge clk) begin
    if (write_en_4)
      vector_0[write_addr] <= write_data;
  end
  always @(posedge clk) begin
    signature_data <= vector_0[read_0];
  end
  initial begin
    vector_1[0] = 28'h0000000;
  end
  always @(posedge clk) begin
    if (write_en_5)
      vector_1[1'h0] <= beat[27:0];
  end
  always @(posedge clk) begin
    signature_data_2 <= vector_1[1'h0];
  end
  initial begin
    vector_2[0] = 5'h00;
    vector_2[1] = 5'h00;
    vector_2[2] = 5'h00;
    vector_2[3] = 5'h00;
  end
  always @(posedge clk) begin
    if (write_en)
      vector_2[{ port_547, rows[27] }] <= word_2;
  end
  always @(posedge clk) begin
    signature_data_3 <= vector_2[{ port_760, port_17 }];
  end
  lmu_network_slice_0_accumulators accumulators (
    .add(port_555[44]),
    .alignment_shifts(port_555[60:53]),
    .biases(biases),
    .clk(clk),
    .close(close),
    .leaving_0(sum),
    .opens(port_555[48]),
    .products({products[47:27], products[20:0]}),
    .rst(rst)
  );
  lmu_network_slice_0_activations activations (
    .clk(clk),
    .code(code),
    .map(rows[8:7]),
    .rst(rst),
    .word(word_2)
  );
  lmu_network_slice_0_lanes lanes (
    .affine(port_555[22]),
    .clk(clk),
    .factors_0(factors),
    .products(products),
    .rst(rst),
    .weights(weights),
    .word(word)
  );
  lmu_network_slice_0_memory_0 memory_0 (
    .beat(beat),
    .clk(clk),
    .entry(entry),
    .factors(factors),
    .products({products[51:27], products[24:0]}),
    .ready(taken_0),
    .rst(rst),
    .sample({1'h0, fresh, port_data}),
    .valid(valid),
    .write_en(write_en_5)
  );
  assign {for_code[21], for_code[17:0], for_value[2:0]} = $signed(sum) + $signed(4'h4);
  assign close = port_555[66] & port_555[71];
  assign for_value[21:3] = {for_code[21], for_code[17:0]};
  assign for_code[20:18] = {{3{for_code[21]}}};
  wire [13:0] for_word = word_1 ? signature_data_2[27:14] : signature_data_2[13:0];
  wire [13:0] for_word_2 = (port_555[2:1] == 1'h1) ? for_word : {{7{signature_data[6]}}, signature_data};
  wire [13:0] for_word_3 = (port_555[2:1] == 2'h2) ? {{9{signature_data_3[4]}}, signature_data_3}
                         : for_word_2;
  always @(posedge clk)
    if (blank | rst) word <= 14'h0000;
    else word <= for_word_3;
  always @(posedge clk)
    if (rst) blank <= 1'h0;
    else blank <= port_551[3] & fresh;
  wire for_code_11 = rows[2:1] == 1'h1;
  wire for_code_10 = rows[2:1] == 2'h2;
  wire [21:0] for_code_7 = $signed(sum) + $signed(6'h10);
  wire [4:0] for_code_8 = ($signed(for_code_7[21:5]) < $signed(5'h10)) ? 5'h10 : for_code_7[9:5];
  wire [4:0] for_code_9 = ($signed(for_code_7[21:5]) > $signed(5'h0f)) ? 5'h0f : for_code_8;
  wire [21:0] for_code_4 = $signed(sum) + $signed(13'h0800);
  wire [4:0] for_code_5 = ($signed(for_code_4[21:12]) < $signed(5'h10)) ? 5'h10 : for_code_4[16:12];
  wire [4:0] for_code_6 = ($signed(for_code_4[21:12]) > $signed(5'h0f)) ? 5'h0f : for_code_5;
  wire [4:0] for_code_2 = ($signed({for_code[21], for_code[17:0]}) < $signed(5'h10)) ? 5'h10 : for_code[4:0];
  wire [4:0] for_code_3 = ($signed({for_code[21], for_code[17:0]}) > $signed(5'h0f)) ? 5'h0f : for_code_2;
  always @(posedge clk)
    if (rst) code <= 5'h00;
    else if (!rows[2:1] | for_code_11 | for_code_10) code <= for_code_10 ? for_code_9 : for_code_11 ? for_code_6 : for_code_3;
endmodule

// A sum for each lane, and a register in which a finished group's sums leave one by one.
module lmu_network_slice_0_accumulators (
  input  wire        rst,
  input  wire [41:0] biases,
  input  wire        close,
  input  wire        add,
  input  wire        opens,
  input  wire [7:0]  alignment_shifts,
  input  wire [41:0] products,
  output reg  [20:0] leaving_0 = 21'h000000,
  input  wire        clk
);
  reg [20:0] leaving_1 = 21'h000000;
  reg [20:0] sum_0 = 21'h000000;
  reg [20:0] sum_1 = 21'h000000;
  always @(posedge clk)
    if (~close | rst) leaving_1 <= 21'h000000;
    else leaving_1 <= sum_1;
  wire [20:0] for_sum_1 = $signed(opens ? biases[41:21] : sum_1) + $signed($signed(products[41:21]) << alignment_shifts[7:4]);
  always @(posedge clk)
    if (rst) sum_1 <= 21'h000000;
    else if (add) sum_1 <= for_sum_1;
  always @(posedge clk)
    if (rst) leaving_0 <= 21'h000000;
    else leaving_0 <= close ? sum_0 : leaving_1;
  wire [20:0] for_sum_0 = $signed(opens ? biases[20:0] : sum_0) + $signed($signed(products[20:0]) << alignment_shifts[3:0]);
  always @(posedge clk)
    if (rst) sum_0 <= 21'h000000;
    else if (add) sum_0 <= for_sum_0;
endmodule

// Words of codes, `LATENCY` cycles later, one a cycle: table, slope times offset, rounding.
module lmu_network_slice_0_activations (
  input  wire       rst,
  input  wire [1:0] map,
  input  wire [4:0] code,
  output reg  [4:0] word = 5'h00,
  input  wire       clk
);
  reg [4:0] plain = 5'h00;
  reg [1:0] scaled = 2'h0;
  reg [1:0] signal = 2'h0;
  reg [4:0] signal_2 = 5'h00;
  wire for_word_2 = scaled == 2'h2;
  wire [4:0] for_word = ($signed(plain) < $signed(1'h0)) ? 5'h00 : plain;
  always @(posedge clk)
    if (rst) word <= 5'h00;
    else if ((scaled == 1'h1) | for_word_2) word <= for_word_2 ? for_word : for_word;
  always @(posedge clk)
    if (rst) plain <= 5'h00;
    else plain <= signal_2;
  always @(posedge clk)
    if (rst) signal_2 <= 5'h00;
    else signal_2 <= code;
  always @(posedge clk)
    if (rst) scaled <= 2'h0;
    else scaled <= signal;
  always @(posedge clk)
    if (rst) signal <= 2'h0;
    else signal <= map;
endmodule

// Multipliers with a register behind each, at the service of the affine maps or of one layer's memories.
module lmu_network_slice_0_lanes (
  input  wire        rst,
  input  wire        affine,
  input  wire [13:0] weights,
  input  wire [13:0] word,
  output reg  [53:0] products = 54'h00000000000000,
  input  wire [49:0] factors_0,
  input  wire        clk
);
  wire [12:0] coefficient_0;
  wire [12:0] coefficient_1;
  wire [13:0] operand_0;
  wire [13:0] operand_1;
  assign coefficient_1 = affine ? {{6{weights[13]}}, weights[13:7]} : factors_0[49:37];
  assign operand_1 = affine ? word : {{2{factors_0[36]}}, factors_0[36:25]};
  assign coefficient_0 = affine ? {{6{weights[6]}}, weights[6:0]} : factors_0[24:12];
  assign operand_0 = affine ? word : {{2{factors_0[11]}}, factors_0[11:0]};
  wire [26:0] for_products_2 = $signed(operand_1) * $signed(coefficient_1);
  wire [26:0] for_products = $signed(operand_0) * $signed(coefficient_0);
  always @(posedge clk)
    if (rst) products <= 54'h00000000000000;
    else products <= {for_products_2, for_products};
endmodule

// issue → operand registers → products → sums and words; the whole pipeline advances or stands still.
module lmu_network_slice_0_memory_0 (
  input  wire        rst,
  output wire        ready,
  input  wire [29:0] entry,
  input  wire [6:0]  sample,
  input  wire [49:0] products,
  output wire [49:0] factors,
  output wire [31:0] beat,
  output wire        write_en,
  input  wire        valid,
  input  wire        clk
);
  reg [11:0] ahead = 12'h000;
  wire [27:0] beat_data;
  reg [29:0] factors_2 = 30'h00000000;
  wire fetch_fresh;
  reg first = 1'h0;
  wire [11:0] following_0;
  wire [11:0] following_1;
  reg for_value;
  wire [49:0] increment;
  wire issue;
  reg [29:0] lifted = 30'h00000000;
  reg [23:0] operands = 24'h000000;
  wire [21:0] read_data;
  reg [2:0] retired = 3'h0;
  reg [11:0] signal = 12'h000;
  reg [2:0] signal_2 = 3'h0;
  reg signal_3 = 1'h0;
  reg [2:0] signal_4 = 3'h0;
  wire starts;
  reg [11:0] total_0 = 12'h000;
  wire [21:0] words;
  reg [21:0] words_2 [0:0];
  initial begin
    words_2[0] = 22'h000000;
  end
  always @(posedge clk) begin
    if (retired[0])
      words_2[1'h0] <= words;
  end
  always @(posedge clk) begin
    for_value <= 1'h0;
  end
  assign read_data = words_2[for_value];
  lmu_network_slice_0_memory_0_bank bank (
    .apply(signal_2[0]),
    .clk(clk),
    .fetch_fresh(fetch_fresh),
    .increment(increment),
    .outputs(beat_data),
    .rst(rst),
    .words(words)
  );
  lmu_network_slice_0_memory_0_sequencer sequencer (
    .clk(clk),
    .first(sample[5]),
    .fresh(fetch_fresh),
    .issue(issue),
    .ready(ready),
    .rst(rst),
    .starts(starts),
    .valid(valid)
  );
  wire [11:0] for_following_0 = fetch_fresh ? 12'h000 : total_0;
  wire [11:0] for_following_0_2 = $signed(for_following_0) + $signed({sample[4:0], 5'h00});
  assign following_0 = $signed(starts ? for_following_0_2 : signal) - $signed({fetch_fresh ? 11'h000 : read_data[10:0], 1'h0});
  wire [11:0] for_following_1 = $signed(for_following_0) - $signed({sample[4:0], 5'h00});
  wire [11:0] for_following_1_2 = starts ? for_following_1 : ahead;
  assign following_1 = $signed(for_following_1_2) - $signed({fetch_fresh ? 11'h000 : read_data[21:11], 1'h0});
  assign increment[24:0] = $signed(products[24:0]) << lifted[14:13];
  assign increment[49:25] = $signed(products[49:25]) << lifted[29:28];
  assign beat = {retired[2:1], 2'h0, beat_data};
  assign factors = {factors_2[27:15], operands[23:12], factors_2[12:0], operands[11:0]};
  assign write_en = retired[0];
  wire [11:0] for_total_0 = $signed(words[10:0]) + $signed(words[21:11]);
  always @(posedge clk)
    if (rst) total_0 <= 12'h000;
    else if (retired[0]) total_0 <= for_total_0;
  always @(posedge clk)
    if (rst) retired <= 3'h0;
    else retired <= signal_2;
  always @(posedge clk)
    if (rst) signal_2 <= 3'h0;
    else signal_2 <= signal_4;
  always @(posedge clk)
    if (rst) signal_4 <= 3'h0;
    else signal_4 <= {starts ? sample[6] : signal_3, starts ? sample[5] : first, issue};
  wire for_signal_3 = starts & issue;
  always @(posedge clk)
    if (rst) signal_3 <= 1'h0;
    else if (for_signal_3) signal_3 <= sample[6];
  always @(posedge clk)
    if (rst) first <= 1'h0;
    else if (for_signal_3) first <= sample[5];
  always @(posedge clk)
    if (rst) lifted <= 30'h00000000;
    else lifted <= factors_2;
  always @(posedge clk)
    if (rst) ahead <= 12'h000;
    else if (issue) ahead <= following_1;
  always @(posedge clk)
    if (rst) signal <= 12'h000;
    else if (issue) signal <= following_0;
  always @(posedge clk)
    if (rst) factors_2 <= 30'h00000000;
    else factors_2 <= entry;
  always @(posedge clk)
    if (rst) operands <= 24'h000000;
    else operands <= {following_0, for_following_1_2};
endmodule

// Add an increment to `lanes` accumulators per cycle and narrow them to state words.
module lmu_network_slice_0_memory_0_bank (
  input  wire        rst,
  input  wire        fetch_fresh,
  input  wire [49:0] increment,
  input  wire        apply,
  output reg  [21:0] words = 22'h000000,
  output reg  [27:0] outputs = 28'h0000000,
  input  wire        clk
);
  reg [25:0] accumulator_0 = 26'h0000000;
  reg [25:0] accumulator_1 = 26'h0000000;
  wire [26:0] bare_0;
  reg bare_0_reg_0 = 1'h0;
  wire [26:0] bare_1;
  wire [27:0] base_0;
  wire [27:0] base_1;
  reg [24:0] for_bare_0 = 25'h0000000;
  reg [24:0] for_bare_1 = 25'h0000000;
  reg [25:0] for_base_0_3 = 26'h0000000;
  reg [25:0] for_base_1_3 = 26'h0000000;
  wire [27:0] for_outputs_2;
  wire [27:0] for_outputs_4;
  wire [29:0] for_outputs_5;
  wire [28:0] for_outputs_6;
  wire [29:0] for_outputs_7;
  reg for_value;
  reg fresh = 1'h0;
  wire [81:0] read_data;
  wire [25:0] sum_0;
  wire [25:0] sum_1;
  wire [27:0] value_0;
  wire [27:0] value_1;
  reg [81:0] write_data = 82'h000000000000000000000;
  reg write_en = 1'h0;
  reg [81:0] store [0:0];
  initial begin
    store[0] = 82'h000000000000000000000;
  end
  always @(posedge clk) begin
    if (write_en)
      store[1'h0] <= write_data;
  end
  always @(posedge clk) begin
    for_value <= 1'h0;
  end
  assign read_data = store[for_value];
  wire [25:0] for_outputs = $signed(increment[24:0]) + $signed(3'h2);
  assign {for_outputs_2[27], for_outputs_2[24:0]} = $signed(for_outputs[25:2]) + $signed({for_outputs[25:2], 1'h0});
  assign for_outputs_5[25:0] = $signed($signed(bare_0[25:0]) + $signed({for_outputs_2[27], for_outputs_2[24:0]})) + $signed(13'h0800);
  wire [25:0] for_outputs_3 = $signed(increment[49:25]) + $signed(3'h2);
  assign {for_outputs_4[27], for_outputs_4[24:0]} = $signed(for_outputs_3[25:2]) + $signed({for_outputs_3[25:2], 1'h0});
  assign for_outputs_6[25:0] = $signed({bare_1[25:1], bare_0[0]}) + $signed({for_outputs_4[27], for_outputs_4[24:0]});
  assign for_outputs_7[25:0] = $signed(for_outputs_6[25:0]) + $signed(13'h0800);
  assign sum_0 = $signed(accumulator_0) + $signed(for_outputs[25:2]);
  assign value_0[25:0] = $signed(base_0[25:0]) + $signed({for_outputs_2[27], for_outputs_2[24:0]});
  assign sum_1 = $signed(accumulator_1) + $signed(for_outputs_3[25:2]);
  assign value_1[25:0] = $signed(base_1[25:0]) + $signed({for_outputs_4[27], for_outputs_4[24:0]});
  assign bare_1[25:1] = for_bare_1;
  assign base_1[25:0] = for_base_1_3;
  assign bare_0[25:1] = for_bare_0;
  assign bare_0[0] = bare_0_reg_0;
  assign base_0[25:0] = for_base_0_3;
  assign for_outputs_6[27] = for_outputs_6[28];
  assign for_outputs_4[26:25] = {{2{for_outputs_4[27]}}};
  assign for_outputs_2[26:25] = {{2{for_outputs_2[27]}}};
  assign bare_1[0] = bare_0[0];
  wire [40:0] for_base_1 = fresh ? 41'h00000000000 : read_data[81:41];
  always @(posedge clk)
    if (rst) for_bare_1 <= 25'h0000000;
    else for_bare_1 <= for_base_1[24:0];
  wire [25:0] for_base_1_2 = $signed($signed({for_base_1[24:0], 1'h0}) + $signed(for_base_1[40:26])) + $signed(16'h4000);
  always @(posedge clk)
    if (rst) for_base_1_3 <= 26'h0000000;
    else for_base_1_3 <= for_base_1_2;
  always @(posedge clk)
    if (rst) accumulator_1 <= 26'h0000000;
    else accumulator_1 <= for_base_1[25:0];
  always @(posedge clk)
    if (rst) write_data <= 82'h000000000000000000000;
    else write_data <= {~value_1[14], value_1[13:0], sum_1, ~value_0[14], value_0[13:0], sum_0};
  always @(posedge clk)
    if (rst) outputs <= 28'h0000000;
    else outputs <= {for_outputs_7[25:12], for_outputs_5[25:12]};
  wire [40:0] for_base_0 = fresh ? 41'h00000000000 : read_data[40:0];
  always @(posedge clk)
    if (rst) for_bare_0 <= 25'h0000000;
    else for_bare_0 <= for_base_0[24:0];
  always @(posedge clk)
    bare_0_reg_0 <= 1'h0;
  always @(posedge clk)
    if (rst) words <= 22'h000000;
    else words <= {value_1[25:15], value_0[25:15]};
  wire [25:0] for_base_0_2 = $signed($signed({for_base_0[24:0], 1'h0}) + $signed(for_base_0[40:26])) + $signed(16'h4000);
  always @(posedge clk)
    if (rst) for_base_0_3 <= 26'h0000000;
    else for_base_0_3 <= for_base_0_2;
  always @(posedge clk)
    if (rst) accumulator_0 <= 26'h0000000;
    else accumulator_0 <= for_base_0[25:0];
  always @(posedge clk)
    if (rst) write_en <= 1'h0;
    else write_en <= apply;
  always @(posedge clk)
    if (rst) fresh <= 1'h0;
    else fresh <= fetch_fresh;
endmodule

// Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.
module lmu_network_slice_0_memory_0_sequencer (
  input  wire rst,
  output wire starts,
  output wire ready,
  output wire issue,
  output wire fresh,
  input  wire first,
  input  wire valid,
  input  wire clk
);
  reg awake = 1'h0;
  reg started = 1'h0;
  reg [1:0] waiting = 2'h0;
  assign ready = !waiting & awake;
  assign issue = valid & ready;
  assign fresh = first | ~started;
  assign starts = 1'h1;
  always @(posedge clk)
    awake <= ~rst;
  always @(posedge clk)
    if (rst) waiting <= 2'h0;
    else if (issue | (|waiting)) waiting <= issue ? 2'h3 : (waiting - 1'h1);
  always @(posedge clk)
    if (rst) started <= 1'h0;
    else started <= started | issue;
endmodule
