"""Tasks that show what networks with Legendre memories can do, one module each, with data and protocol.

`capacity` (and `remembering`, with an LSTM beside it), `mackey_glass` (data) and `prediction` (networks),
`psmnist` and `digits` (both by `classification`; `mnist` and `images` bring the data), `delay`, and `arrays`
for a user's own sequences. Each training function takes a `Run` and gives an `Outcome`; see `outcome`.

`capacity`, `mackey_glass` and `mnist` need NumPy only.
"""

from __future__ import annotations
