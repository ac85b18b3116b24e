"""The table of time-stepping methods: a row for each, and a file for each that says everything about it.

docs/adding-a-method.md goes through what a new one needs. Only the standard library is imported here: the functions of
a method are given the array modules that they compute with.
"""

from lmu_hw.core.methods.ab2 import AB2
from lmu_hw.core.methods.base import Arrays, Discretization, StepMatrices
from lmu_hw.core.methods.bilinear import BILINEAR
from lmu_hw.core.methods.euler import EULER
from lmu_hw.core.methods.zoh import ZOH

for _method in (
    ZOH,  # the default
    EULER,
    AB2,
    BILINEAR,
):
    Discretization.register(_method)

__all__ = ["Arrays", "Discretization", "StepMatrices"]
