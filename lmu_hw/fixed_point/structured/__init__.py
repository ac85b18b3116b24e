"""The zero-order hold in fewer multiplications than a dense matrix takes, with a proved deviation."""

from lmu_hw.fixed_point.structured.deviation import StateError, band_error, deviation_bound, energy_gain, white_error
from lmu_hw.fixed_point.structured.staged import Block, StagedProduct
from lmu_hw.fixed_point.structured.zoh import structured_zoh, truncated_zoh

__all__ = [
    "Block",
    "StagedProduct",
    "StateError",
    "band_error",
    "deviation_bound",
    "energy_gain",
    "structured_zoh",
    "truncated_zoh",
    "white_error",
]
