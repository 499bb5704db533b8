"""What each operator's output sees of its inputs, one file per family."""

from rfkit.rules import attention, conv, create, index, matmul, norm, pointwise, pool, reduce, resample, shape
from rfkit.rules.registry import TABLE, Entry, NoNumbers, NoRule, Result, Rule, See, Window, find, rule

__all__ = ["TABLE", "Entry", "NoNumbers", "NoRule", "Result", "Rule", "See", "Window", "find", "rule"]

_FAMILIES = (attention, conv, create, index, matmul, norm, pointwise, pool, reduce, resample, shape)
