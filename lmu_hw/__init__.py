"""Legendre Memory Units as hardware that is known to be right.

The names below are loaded when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmu_hw.lazy import load_on_demand

if TYPE_CHECKING:
    from lmu_hw.errors import CheckFailed as CheckFailed
    from lmu_hw.errors import DesignError as DesignError
    from lmu_hw.errors import MissingToolError as MissingToolError
    from lmu_hw.fixed_point.formats import Overflow as Overflow
    from lmu_hw.fixed_point.formats import QFormat as QFormat
    from lmu_hw.fixed_point.formats import Rounding as Rounding
    from lmu_hw.fixed_point.integer_model import IntegerMemory as IntegerMemory
    from lmu_hw.fixed_point.plan import Datapath as Datapath
    from lmu_hw.fixed_point.plan import ErrorBudget as ErrorBudget
    from lmu_hw.fixed_point.plan import MemoryPlan as MemoryPlan
    from lmu_hw.fixed_point.plan import ReadoutPlan as ReadoutPlan
    from lmu_hw.fixed_point.planner import plan_memory as plan_memory
    from lmu_hw.network import Network as Network
    from lmu_hw.network_file import load_network as load_network
    from lmu_hw.network_file import save_network as save_network
    from lmu_hw.quantized.integer_network import IntegerNetwork as IntegerNetwork
    from lmu_hw.quantized.options import LayerOptions as LayerOptions
    from lmu_hw.quantized.options import NetworkOptions as NetworkOptions
    from lmu_hw.quantized.plan import NetworkPlan as NetworkPlan
    from lmu_hw.quantized.planner import plan_network as plan_network
    from lmu_hw.ranges import continuous_ranges as continuous_ranges
    from lmu_hw.ranges import state_ranges as state_ranges
    from lmu_hw.reference.cell import CellParameters as CellParameters
    from lmu_hw.reference.cell import LMUCell as LMUCell
    from lmu_hw.reference.memory import FloatMemory as FloatMemory
    from lmu_hw.reference.network import FloatNetwork as FloatNetwork
    from lmu_hw.signals import read_signal as read_signal
    from lmu_hw.spec import Basis as Basis
    from lmu_hw.spec import LMUSpec as LMUSpec
    from lmu_hw.steps import Discretization as Discretization
    from lmu_hw.steps import least_theta_over_dt as least_theta_over_dt
    from lmu_hw.system import ContinuousSystem as ContinuousSystem
    from lmu_hw.system import DiscreteSystem as DiscreteSystem
    from lmu_hw.system import continuous as continuous
    from lmu_hw.system import discretize as discretize

__getattr__, __dir__ = load_on_demand(
    __name__,
    {
        "errors": ["CheckFailed", "DesignError", "MissingToolError"],
        "fixed_point.formats": ["Overflow", "QFormat", "Rounding"],
        "fixed_point.integer_model": ["IntegerMemory"],
        "network": ["Network"],
        "network_file": ["load_network", "save_network"],
        "fixed_point.plan": ["Datapath", "ErrorBudget", "MemoryPlan", "ReadoutPlan"],
        "fixed_point.planner": ["plan_memory"],
        "quantized.integer_network": ["IntegerNetwork"],
        "quantized.options": ["LayerOptions", "NetworkOptions"],
        "quantized.plan": ["NetworkPlan"],
        "quantized.planner": ["plan_network"],
        "ranges": ["continuous_ranges", "state_ranges"],
        "reference.cell": ["CellParameters", "LMUCell"],
        "reference.memory": ["FloatMemory"],
        "reference.network": ["FloatNetwork"],
        "signals": ["read_signal"],
        "spec": ["Basis", "LMUSpec"],
        "steps": ["Discretization", "least_theta_over_dt"],
        "system": ["ContinuousSystem", "DiscreteSystem", "continuous", "discretize"],
    },
)
