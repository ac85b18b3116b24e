"""A memory in Verilog and one in SPICE, side by side in one HDL simulation, with the same samples as input."""

from __future__ import annotations

from dataclasses import dataclass

from lmu_hw.errors import DesignError
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.sim.mixed.circuit import MixedCircuit
from lmu_hw.sim.targets.harness import connections

TOP = "lmu_hw_lockstep"
CIRCUIT_INSTANCE = f"{TOP}.circuit"


@dataclass(frozen=True)
class LockStep:
    """A digital memory and a circuit that both take one sample per period of the circuit.

    A period has as many clock cycles as the digital memory needs for a sample, and some more.

    Attributes:
        design: The Verilog of the digital memory, which has one channel.
        circuit: The circuit; its period is the specification's dt.

    Raises:
        DesignError: The memory has several channels, both have the same name, or the period is too short for the
            clock cycles.
    """

    design: VerilogDesign
    circuit: MixedCircuit

    def __post_init__(self) -> None:
        if self.design.manifest["channels"] != 1:
            raise DesignError("channels", "1 beside a circuit", self.design.manifest["channels"])
        if self.design.name.lower() == self.circuit.subcircuit.lower():
            raise DesignError("name of the circuit", "another than the Verilog module's", self.circuit.subcircuit)
        if self.half_clock_ps < 1:
            raise DesignError(
                "period of the circuit", f"at least {2 * self.cycles} ps for {self.cycles} clock cycles", "less"
            )

    @property
    def cycles(self) -> int:
        """The number of clock cycles per period."""
        manifest = self.design.manifest
        spare = 8  # for the handshakes and the phase between the clock and the exchange
        return int(manifest["cycles_per_sample"] + manifest["latency_cycles"] + manifest["beats_per_sample"]) + spare

    @property
    def half_clock_ps(self) -> int:
        """Half a clock period, rounded down, ps."""
        return self.circuit.period_ps // (2 * self.cycles)

    def verilog(self) -> str:
        """Return module `TOP`, in which a bench sets the circuit's inputs, sample and first, then increments `sent`.

        `taken` counts the samples that the memory has accepted, `beats` the beats that came out, and `states`
        holds the last word of every state, the first in the lowest bits.
        """
        width = {port["name"]: port["width"] for port in self.design.manifest["ports"]}
        order = int(self.design.manifest["spec"]["order"])
        word = width["out_data"] // int(self.design.manifest["words_per_beat"])
        signals = {name: name for name in ("clk", "rst", "in_valid", "in_ready", "out_valid", "out_data", "out_index")}
        signals |= {"in_data": "sample", "in_first": "first", "in_last": "1'b0", "clear_status": "1'b0"}
        signals |= {"out_ready": "1'b1", "readout_ready": "1'b1"}
        return f"""// A digital and an analog memory in lock-step.
module {TOP};
{self.circuit.declarations()}\
  reg clk = 0, rst = 1, first = 0;
  reg [{width["in_data"] - 1}:0] sample = 0;
  reg [31:0] sent = 0, taken = 0, beats = 0;
  reg [{order * word - 1}:0] states = 0;
  wire in_valid = !rst && sent != taken;
  wire in_ready, out_valid;
  wire [{width["out_data"] - 1}:0] out_data;
  wire [{width["out_index"] - 1}:0] out_index;
  always #({self.half_clock_ps / 1000.0!r}) clk = ~clk;
  {self.design.name} memory ({connections(self.design, signals)});
  {self.circuit.subcircuit} circuit ({self.circuit.connections()});
  always @(posedge clk) begin
    if (in_valid && in_ready) taken <= taken + 1;
    if (!rst && out_valid) begin
      states[out_index * {word} +: {width["out_data"]}] <= out_data;
      beats <= beats + 1;
    end
  end
endmodule
"""
