"""``trainer fit``: put the parts together, train, and leave a run folder."""

from trainer.train.fit import Result, fit, resume

__all__ = ["Result", "fit", "resume"]
