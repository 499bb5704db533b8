"""Whole numbers that mostly climb by equal steps, written as the few steps that they climb by."""

from __future__ import annotations

from collections.abc import Sequence

PERIODS = (1, 2, 3, 4, 8, 16, 32)
"""Upsampling by a factor repeats or interleaves its numbers with that period."""

SHORT = 16


def encode(values: Sequence[int]) -> list[int]:
    """The period, then for every phase of it the number of its runs and their ``start, step, length``.

    ``0 2 4 6 6 6`` is ``1, 2, 0, 2, 4, 6, 0, 2``: one phase, two runs. The shortest of a few periods is taken, so
    that 10,000 numbers of a layer, upsampled or not, take some ten.
    """
    best = _with_period(values, 1)
    for period in PERIODS[1:]:
        if len(best) <= SHORT or period > len(values):
            break
        best = min(best, _with_period(values, period), key=len)
    return best


def decode(code: Sequence[int]) -> list[int]:
    """The inverse of ``encode``."""
    period, at = code[0], 1
    phases = []
    for _ in range(period):
        count, at, phase = code[at], at + 1, []
        for start, step, length in zip(*(iter(code[at : at + 3 * count]),) * 3, strict=True):
            phase += [start + step * i for i in range(length)]
        at += 3 * count
        phases.append(phase)
    return [phases[i % period][i // period] for i in range(sum(map(len, phases)))]


def _with_period(values: Sequence[int], period: int) -> list[int]:
    code = [period]
    for phase in range(period):
        runs = _runs(values[phase::period])
        code += [len(runs) // 3, *runs]
    return code


def _runs(values: Sequence[int]) -> list[int]:
    """Start, step and length of every run, as long as each can be, one after another."""
    found: list[int] = []
    at = 0
    while at < len(values):
        step = values[at + 1] - values[at] if at + 1 < len(values) else 0
        end = at + 1
        while end < len(values) and values[end] - values[end - 1] == step:
            end += 1
        found += [values[at], step, end - at]
        at = end
    return found
