"""Limits that every target has beside the time and the memory it is given, and what stands for going over them."""

from __future__ import annotations

import signal

PRINTED = 2**20
"""Bytes that a target may print."""
PROCESSES = 64
"""Processes that a target may have at a time."""
ANSWER = 2**26
"""Bytes that its answer may have."""
LOST = 97
"""Exit code of a process that cannot deliver its answer."""
LATE = getattr(signal, "SIGXCPU", signal.SIGTERM)
"""The signal that asks a process whose time is over where it is; Windows has no such thing, and is not asked."""
