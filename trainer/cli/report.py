"""``trainer report``: make a run's figures and page again."""

from __future__ import annotations

from typing import Annotated

import typer

from trainer.cli.output import Debug, Run, say, write

REPORT = """Make the figures and report.html of a run again.

\b
  trainer report runs/Net-20260101-120000
  trainer report runs/Net-20260101-120000 --no-images

The page needs nothing else: its images are inside. Of a run that has ended the best weights are first evaluated on the
test images, where that is not done yet.
"""


Images = Annotated[
    bool,
    typer.Option(
        "--images/--no-images",
        help="Show misclassified images of the data set; --no-images for a page to publish where they may not be.",
    ),
]


def report(run: Run, images: Images = True, _debug: Debug = False) -> None:
    """``trainer report``."""
    from trainer.report import make

    write(f"{make(run, say, images=images)}\n", None)
