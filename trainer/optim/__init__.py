"""Optimisers, the learning rate over time, and the average of the weights."""

from trainer.optim.averaging import average, averaged
from trainer.optim.optimizers import make_optimizer, parameter_groups
from trainer.optim.schedules import Rates, Schedule, Sweep

__all__ = ["Rates", "Schedule", "Sweep", "average", "averaged", "make_optimizer", "parameter_groups"]
