"""Write the figures: ``python -m docs.figures``."""

from __future__ import annotations

import sys

from docs.figures import write

for path in write():
    sys.stdout.write(f"{path}\n")
