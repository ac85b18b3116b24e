"""Networks that were trained elsewhere, read without running anything of the file or of what wrote it.

From the file to the network:

- `hdf5`, `zips`, `tensors`: the container, its sizes bounded before anything is allocated;
- `keras_model`, `keras_weights`, `keras_layers`: the layers of a model of Keras, the arrays of each, what they mean;
- `mapping`, `names`, `state_dict`: which tensor of a PyTorch state dict is which array, and what they mean;
- `assembly`: the arrays of a layer as layers of a `Network`, exactly, or a refusal that names the layer.

The command line's verb is `lmu-hw import`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmu_hw.lazy import load_on_demand

if TYPE_CHECKING:
    from lmu_hw.importers.keras_layers import import_keras as import_keras
    from lmu_hw.importers.mapping import StateDictMap as StateDictMap
    from lmu_hw.importers.mapping import read_mapping as read_mapping
    from lmu_hw.importers.state_dict import NamedCell as NamedCell
    from lmu_hw.importers.state_dict import import_state_dict as import_state_dict

__all__ = ["NamedCell", "StateDictMap", "import_keras", "import_state_dict", "read_mapping"]

__getattr__, __dir__ = load_on_demand(
    __name__,
    {
        "keras_layers": ["import_keras"],
        "mapping": ["StateDictMap", "read_mapping"],
        "state_dict": ["NamedCell", "import_state_dict"],
    },
)
