"""Networks that were trained elsewhere, read without running anything of the file or of what wrote it.

From the file to the network:

- `hdf5`, `zips`, `tensors`: the container, its sizes bounded before anything is allocated;
- `keras_model`, `keras_weights`, `keras_layers`: the layers of a model of Keras, the arrays of each, what they mean;
- `mapping`, `names`, `state_dict`: which tensor of a PyTorch state dict is which array, and what they mean;
- `assembly`: the arrays of a layer as layers of a `Network`, exactly, or a refusal that names the layer.

The command line's verb is `lmu-hw import`.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
