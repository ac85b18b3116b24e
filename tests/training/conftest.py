"""Most of these tests' time is compilation: XLA is told to spend less on it. The programs stay the same."""

from __future__ import annotations

import os

os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # read when JAX is imported
