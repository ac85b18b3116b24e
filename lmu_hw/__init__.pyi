from . import analog as analog
from . import rtl as rtl
from . import sim as sim
from . import spiking as spiking
from . import training as training
from .core.bounds import continuous_ranges as continuous_ranges
from .core.bounds import state_ranges as state_ranges
from .core.spec import Basis as Basis
from .core.spec import LMUSpec as LMUSpec
from .core.steps import Discretization as Discretization
from .core.steps import least_theta_over_dt as least_theta_over_dt
from .core.system import ContinuousSystem as ContinuousSystem
from .core.system import DiscreteSystem as DiscreteSystem
from .core.system import continuous as continuous
from .core.system import discretize as discretize
from .errors import CheckFailed as CheckFailed
from .errors import DesignError as DesignError
from .errors import MissingToolError as MissingToolError
from .fixed_point.formats import Overflow as Overflow
from .fixed_point.formats import QFormat as QFormat
from .fixed_point.formats import Rounding as Rounding
from .fixed_point.model import IntegerMemory as IntegerMemory
from .fixed_point.plan import Datapath as Datapath
from .fixed_point.plan import ErrorBudget as ErrorBudget
from .fixed_point.plan import MemoryPlan as MemoryPlan
from .fixed_point.plan import ReadoutPlan as ReadoutPlan
from .fixed_point.planner import plan_memory as plan_memory
from .io.signals import Signal as Signal
from .io.signals import band_limited_noise as band_limited_noise
from .io.signals import read_signal as read_signal
from .networks.file import load_network as load_network
from .networks.file import save_network as save_network
from .networks.importers import NamedCell as NamedCell
from .networks.importers import StateDictMap as StateDictMap
from .networks.importers import import_keras as import_keras
from .networks.importers import import_state_dict as import_state_dict
from .networks.importers import read_mapping as read_mapping
from .networks.model import Network as Network
from .networks.pretrained import load_pretrained as load_pretrained
from .networks.quantize.model import IntegerNetwork as IntegerNetwork
from .networks.quantize.options import LayerOptions as LayerOptions
from .networks.quantize.options import NetworkOptions as NetworkOptions
from .networks.quantize.plan import NetworkPlan as NetworkPlan
from .networks.quantize.planner import plan_network as plan_network
from .networks.reference import FloatNetwork as FloatNetwork
from .reference.cell import CellParameters as CellParameters
from .reference.cell import LMUCell as LMUCell
from .reference.memory import FloatMemory as FloatMemory

__all__ = [
    "Basis",
    "CellParameters",
    "CheckFailed",
    "ContinuousSystem",
    "Datapath",
    "DesignError",
    "DiscreteSystem",
    "Discretization",
    "ErrorBudget",
    "FloatMemory",
    "FloatNetwork",
    "IntegerMemory",
    "IntegerNetwork",
    "LMUCell",
    "LMUSpec",
    "LayerOptions",
    "MemoryPlan",
    "MissingToolError",
    "NamedCell",
    "Network",
    "NetworkOptions",
    "NetworkPlan",
    "Overflow",
    "QFormat",
    "ReadoutPlan",
    "Rounding",
    "Signal",
    "StateDictMap",
    "analog",
    "band_limited_noise",
    "continuous",
    "continuous_ranges",
    "discretize",
    "import_keras",
    "import_state_dict",
    "least_theta_over_dt",
    "load_network",
    "load_pretrained",
    "plan_memory",
    "plan_network",
    "read_mapping",
    "read_signal",
    "rtl",
    "save_network",
    "sim",
    "spiking",
    "state_ranges",
    "training",
]
