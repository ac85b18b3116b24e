"""`python -m lmu_hw` is `lmu-hw`."""

from __future__ import annotations

import sys

from lmu_hw.cli import main

if __name__ == "__main__":
    sys.exit(main())
