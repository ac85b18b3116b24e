from .base import Increment as Increment
from .base import Operand as Operand
from .base import balanced_sum as balanced_sum
from .base import requantise as requantise
from .chain import ChainIncrement as ChainIncrement
from .chain import chain_increment as chain_increment
from .dense import DenseIncrement as DenseIncrement
from .dense import dense_increment as dense_increment
from .table import Datapath as Datapath
from .tridiagonal import TridiagonalIncrement as TridiagonalIncrement
from .tridiagonal import tridiagonal_increment as tridiagonal_increment

__all__ = [
    "ChainIncrement",
    "Datapath",
    "DenseIncrement",
    "Increment",
    "Operand",
    "TridiagonalIncrement",
    "balanced_sum",
    "chain_increment",
    "dense_increment",
    "requantise",
    "tridiagonal_increment",
]
