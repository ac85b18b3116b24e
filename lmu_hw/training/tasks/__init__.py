"""Tasks that show what networks with Legendre memories can do, a module each with its data and its protocol.

`table` lists them: `capacity`, `mackey_glass`, `psmnist` and `digits` (both by `classification`, on sequences of pixels
that `images` makes; `mnist` reads and downloads the data of the first), `delay`, and `arrays` for a user's own data.
A task is trained in a `Run` and gives an `Outcome`, see `base`; `spiking` scores its network in spikes.
"""

from __future__ import annotations
