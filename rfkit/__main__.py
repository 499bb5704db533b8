"""``python -m rfkit``."""

import sys

from rfkit.cli import main

sys.exit(main())
