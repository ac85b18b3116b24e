"""Networks that were trained elsewhere, read without running anything of the file or of what wrote it.

From the file to the network:

- `zips`: the directory of a zip file, which `.keras` and `.pt` files are, checked before anything is unpacked;
- `keras_model`, `keras_weights`, `keras_layers`: the layers of a Keras model, their arrays and their equations;
- `mapping`, `state_dict`: which tensor of a PyTorch state dict is which array, and the reading of these tensors;
- `assembly`: the arrays of a layer as layers of a `Network`, exactly, or an error that names the layer.

On the command line this is `lmu-hw import`.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
