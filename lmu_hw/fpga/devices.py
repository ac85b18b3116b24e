"""The devices that designs can be built for, a row each: tools, resources, and what the tools call them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lmu_hw.errors import DesignError, nearest

RESOURCES = ("lut", "ff", "dsp", "ram", "lutram")
"""The kinds of resources that are reported, in this order."""


@dataclass(frozen=True)
class Family:
    """What the devices of a family have in common.

    Attributes:
        synthesis: The command of Yosys that maps a design to the cells of the family, without the top module.
        wrapping: The same for the harness around it, which must leave mapped cells as they are.
        cells: How much of which resource a cell of the netlist takes: name of the cell → (resource, number).
        place_and_route: The name of the program that places and routes; empty where there is only synthesis.
        delays: The name of its delays in `lmu_hw.rtl.primitives.families`; empty where there are none.
        macro: The macro of the Verilog that selects instances of the family's own cells; empty where there are none.
    """

    synthesis: str
    wrapping: str
    cells: Mapping[str, tuple[str, int]]
    place_and_route: str = ""
    macro: str = ""
    delays: str = ""

    def resource(self, cell: str) -> tuple[str, int] | None:
        """Return the resource that a cell takes, and how much of it; None for a cell that takes none."""
        if cell in self.cells:
            return self.cells[cell]
        # All flip-flops of a family begin alike: SB_DFF, SB_DFFE, SB_DFFSR, …
        return next(
            (use for name, use in self.cells.items() if name.endswith("*") and cell.startswith(name[:-1])), None
        )


@dataclass(frozen=True)
class Device:
    """A device in a package and a speed grade.

    Attributes:
        name: The name on the command line.
        title: Manufacturer, family, size, package and speed grade.
        family: The family.
        resources: How much of each resource it has. Where one is not there, designs do without; multipliers then
            are made of LUTs.
        arguments: The arguments by which the program for place and route knows the device.
        target_mhz: The clock that is aimed at where none is asked for; more than the fastest designs reach, MHz.
    """

    name: str
    title: str
    family: Family
    resources: Mapping[str, int]
    arguments: tuple[str, ...] = ()
    target_mhz: float = 0.0


_ECP5 = Family(
    "synth_ecp5 -abc9",
    "synth_ecp5",
    {
        "LUT4": ("lut", 1),
        "CCU2C": ("lut", 2),
        "TRELLIS_DPR16X4": ("lutram", 1),
        "TRELLIS_FF": ("ff", 1),
        "MULT18X18D": ("dsp", 1),
        "DP16KD": ("ram", 1),
        "PDPW16KD": ("ram", 1),
    },
    "nextpnr-ecp5",
    "LMU_HW_ECP5",
    "ecp5",
)
_ICE40_CELLS = {
    "SB_LUT4": ("lut", 1),
    "SB_DFF*": ("ff", 1),
    "SB_RAM40*": ("ram", 1),
    "SB_MAC16": ("dsp", 1),
}
_ICE40 = Family("synth_ice40 -abc9 -device hx", "synth_ice40", _ICE40_CELLS, "nextpnr-ice40", delays="ice40")
_ICE40_UP = Family(
    "synth_ice40 -dsp -abc9 -device u", "synth_ice40 -device u", _ICE40_CELLS, "nextpnr-ice40", delays="ice40"
)
_XILINX_7 = Family(
    "synth_xilinx -family xc7 -flatten -noiopad",
    "",
    {
        **{f"LUT{k}": ("lut", 1) for k in range(1, 7)},
        "FD*": ("ff", 1),
        "DSP48E1": ("dsp", 1),
        "RAMB18E1": ("ram", 1),
        "RAMB36E1": ("ram", 2),
        "RAM32M": ("lutram", 4),
        "RAM64M": ("lutram", 4),
        "RAM32X1D": ("lutram", 2),
        "RAM64X1D": ("lutram", 2),
    },
)


def _ecp5(size: str, lut: int, dsp: int, ram: int) -> Device:
    # Two of the four slices of a row can be RAM; each block of 16 × 4 bits takes one and a half of them.
    resources = {"lut": lut, "ff": lut, "dsp": dsp, "ram": ram, "lutram": lut // 8}
    arguments = (f"--{size}", "--package", "CABGA381", "--speed", "6")
    title = f"Lattice ECP5-{size[:-1]}F, CABGA381, speed grade 6"
    return Device(f"ecp5-{size}", title, _ECP5, resources, arguments, target_mhz=250.0)


DEVICES: Mapping[str, Device] = MappingProxyType(
    {
        device.name: device
        for device in (
            Device(
                "up5k",
                "Lattice iCE40 UP5K, SG48",
                _ICE40_UP,
                {"lut": 5280, "ff": 5280, "dsp": 8, "ram": 30},
                ("--up5k", "--package", "sg48"),
                target_mhz=60.0,
            ),
            Device(
                "hx8k",
                "Lattice iCE40 HX8K, CT256",
                _ICE40,
                {"lut": 7680, "ff": 7680, "dsp": 0, "ram": 32},
                ("--hx8k", "--package", "ct256"),
                target_mhz=200.0,
            ),
            _ecp5("25k", 24288, 28, 56),
            _ecp5("45k", 43848, 72, 108),
            _ecp5("85k", 83640, 156, 208),
            Device(
                "artix7-35t",
                "AMD Artix-7 XC7A35T, synthesis only",
                _XILINX_7,
                {"lut": 20800, "ff": 41600, "dsp": 90, "ram": 100, "lutram": 9600},
            ),
        )
    }
)
"""The devices by name. Capacities are those of the data sheets: iCE40 UltraPlus (FPGA-DS-02008), iCE40 LP/HX
(FPGA-DS-02029), ECP5 (FPGA-DS-02012), 7 Series (DS180); RAM counts the blocks of 4 kbit, 18 kbit and 18 kbit."""


def device_of(name: str) -> Device:
    """Return the device of a name.

    Raises:
        DesignError: There is no such device.
    """
    if name not in DEVICES:
        close = nearest(name, DEVICES)
        hint = f"did you mean {close}?" if close else ""
        raise DesignError("device", "one of " + ", ".join(DEVICES), name, hint=hint)
    return DEVICES[name]
