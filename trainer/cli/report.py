"""``trainer report``: make a run's figures and page again."""

from __future__ import annotations

from trainer.cli.output import Debug, Run, say, write

REPORT = """Make the figures and report.html of a run again.

\b
  trainer report runs/Net-20260101-120000

The page needs nothing else: its images are inside. Of a run that has ended the best weights are first evaluated on the
test images, where that is not done yet.
"""


def report(run: Run, _debug: Debug = False) -> None:
    """``trainer report``."""
    from trainer.report import make

    write(f"{make(run, say)}\n", None)
