"""Digital spiking neurons, which fire in integers: the same memory in software and, bit for bit, in hardware.

- `neurons`: the random words, and the integer arithmetic by which each kind of neuron fires;
- `plan`: the formats, tables and proved widths of a memory, from `plan_spiking`;
- `model`: the integer model, `DigitalSpikingMemory`.
"""
