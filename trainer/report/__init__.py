"""``report.html``: a run on one page that needs nothing else, to be handed in."""

from trainer.report.write import make, write

__all__ = ["make", "write"]
