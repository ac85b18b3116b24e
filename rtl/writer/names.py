"""Identifiers of Verilog."""

from __future__ import annotations

import re

#: IEEE 1364-2005, annex B, and IEEE 1800-2017, annex B, which simulators reserve in their SystemVerilog mode.
_KEYWORDS = """
    always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign default
    defparam design disable edge else end endcase endconfig endfunction endgenerate endmodule endprimitive
    endspecify endtable endtask event for force forever fork function generate genvar highz0 highz1 if ifnone
    incdir include initial inout input instance integer join large liblist library localparam macromodule
    medium module nand negedge nmos nor noshowcancelled not notif0 notif1 or output parameter pmos posedge
    primitive pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg
    release repeat rnmos rpmos rtran rtranif0 rtranif1 scalared showcancelled signed small specify specparam
    strong0 strong1 supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg
    unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor alias assert assume before bind
    bins binsof bit break byte chandle class clocking const constraint context continue cover covergroup
    coverpoint cross dist do endclass endclocking endgroup endinterface endpackage endprogram endproperty
    endsequence enum expect export extends extern final first_match foreach forkjoin iff ignore_bins
    illegal_bins import inside int interface intersect join_any join_none local logic longint matches modport
    new null package packed priority program property protected pure rand randc randcase randsequence ref
    return sequence shortint shortreal solve static string struct super tagged this throughout timeprecision
    timeunit type typedef union unique var virtual void wait_order wildcard with within accept_on checker
    endchecker eventually global implements implies interconnect let nettype nexttime reject_on restrict s_always
    s_eventually s_nexttime s_until s_until_with soft strong sync_accept_on sync_reject_on unique0 until until_with
    untyped weak
"""
KEYWORDS = frozenset(_KEYWORDS.split())


def plain_name(name: str) -> str:
    """Return the name of a signal, field or memory as an identifier that needs no escape.

    Amaranth tells names of one module apart by ``$`` and a number, and joins those of interfaces by ``__``.
    """
    name = re.sub(r"\W+|__+", "_", re.sub(r"\$\d+", "", name), flags=re.ASCII).strip("_")
    if not name or name == "signal":
        return "value"
    if name[0].isdigit():
        name = f"n{name}"
    return f"{name}_" if name.lower() in KEYWORDS else name


def is_anonymous(name: str) -> bool:
    """Return whether Amaranth made up the name."""
    return name.startswith("$")


class Names:
    """The identifiers of one module, none of which is given twice."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def take(self, name: str) -> str:
        """Take `name` as it is; to be called before any name is given."""
        self._given.add(name)
        return name

    def give(self, wanted: str) -> str:
        """Return `wanted` as an identifier, with a number if it is taken."""
        base = name = plain_name(wanted)
        number = 1
        while name in self._given:
            number += 1
            name = f"{base}_{number}"
        self._given.add(name)
        return name
