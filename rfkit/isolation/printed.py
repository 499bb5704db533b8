"""What a target prints: how much, whether it is text, and its last line. It goes nowhere else."""

from __future__ import annotations

import codecs

_KEPT = 4000


class Printed:
    """Takes bytes as they come.

    Attributes:
        total: how many there were.
        binary: whether some of them are not text: not UTF-8, or zero.
    """

    def __init__(self) -> None:
        self.total = 0
        self.binary = False
        self._end = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def add(self, data: bytes) -> None:
        """Add bytes."""
        self.total += len(data)
        self.binary = self.binary or b"\0" in data
        try:
            text = self._decoder.decode(data)
        except UnicodeDecodeError:
            self.binary = True
            self._decoder.reset()
            text = data.decode("utf-8", "replace")
        self._end = (self._end + text)[-_KEPT:]

    def last_line(self) -> str:
        """The last line that is not blank, empty without one."""
        lines = [line.strip() for line in self._end.splitlines() if line.strip()]
        return lines[-1] if lines else ""
