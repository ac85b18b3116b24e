"""The analog designer: from a memory to a scaled circuit of a technology, with parts that can be bought."""
