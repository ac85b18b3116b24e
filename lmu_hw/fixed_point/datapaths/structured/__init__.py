"""The zero-order hold in fewer multiplications than a dense matrix takes, with a proved deviation."""

from lmu_hw.fixed_point.datapaths.structured.stages import Block, StagedProduct
from lmu_hw.fixed_point.datapaths.structured.zoh import (
    StateError,
    band_error,
    deviation_bound,
    energy_gain,
    structured_zoh,
    truncated_zoh,
    white_error,
)

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
