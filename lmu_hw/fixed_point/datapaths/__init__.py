"""The increment of the state as integer arithmetic: coefficients, their grids, and the map they realise.

Every datapath adds an increment to each accumulator once per sample; they differ in how it is computed:

    chain   euler, ab2    order multiplications, exact
    solve   bilinear      3·order − 1 multiplications, one tridiagonal solve from both ends
    dense   zoh           order² multiplications
"""

from lmu_hw.fixed_point.datapaths.base import Increment, Operand, balanced_sum, requantise
from lmu_hw.fixed_point.datapaths.chain import ChainIncrement, chain_increment
from lmu_hw.fixed_point.datapaths.dense import DenseIncrement, dense_increment
from lmu_hw.fixed_point.datapaths.tridiagonal import TridiagonalIncrement, tridiagonal_increment

__all__ = [
    "ChainIncrement",
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
