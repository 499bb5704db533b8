"""A student who works out receptive fields by hand, row by row, and slips where told to.

Independent of the audit: the right formulas stand here once more, and a slip is a function that replaces one number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from pathlib import Path

from torch import nn

from rfkit.auditing import Audit, Verdict
from rfkit.report import Report

HEADINGS = ("layer", "n_in", "r_in", "j_in", "s", "p", "k", "d", "r_out", "n_out", "j_out")

BRANCHES = {
    "Block1": ("conv1.0", "conv2.0", "conv2.4", "conv2.8", "dsb.0", "dsb.1", "conv4.0", "conv5.0", "gap.0"),
    "Block2": ("conv1.0", "conv3.0", "conv3.4", "conv3.8", "dsb.0", "dsb.1", "conv4.0", "conv5.0", "gap.0"),
}
"""The rows of the first document's table."""


@dataclass(frozen=True)
class Line:
    """One row of a table, for one axis."""

    layer: str
    n_in: int
    r_in: int
    j_in: int
    s: int
    p: int
    k: int
    d: int
    r_out: int
    n_out: int
    j_out: int

    def mapping(self, headings: Sequence[str] = HEADINGS) -> dict[str, object]:
        return {heading: getattr(self, heading) for heading in headings}


Slip = Callable[[Line], Mapping[str, int]]
"""From a row worked out rightly to the numbers that come out wrong."""


def right_line(layer: str, n: int, r: int, j: int, window: tuple[int, int, int, int]) -> Line:
    k, s, p, d = window
    n_out = floor((n + 2 * p - d * (k - 1) - 1) / s) + 1
    return Line(layer, n, r, j, s, p, k, d, r + (k - 1) * d * j, n_out, j * s)


def hand_table(report: Report, labels: Sequence[str], slips: Mapping[int, Slip] | None = None) -> list[Line]:
    """The rows for these layers, one after the other, each from the numbers of the row above; slips by row."""
    n, r, j = report.spatial[0], 1, 1
    lines = []
    for i, label in enumerate(labels):
        layer = report[label]
        kernel, stride, padding, dilation = layer.kernel_size, layer.stride, layer.padding, layer.dilation
        assert None not in (kernel, stride, padding), label
        line = right_line(label, n, r, j, (kernel[0], stride[0], padding[0], (dilation or (1,))[0]))
        slip = (slips or {}).get(i)
        if slip is not None:
            line = replace(line, **slip(line))
        lines.append(line)
        n, r, j = line.n_out, line.r_out, line.j_out
    return lines


def rows_of(lines: Sequence[Line]) -> list[list[str]]:
    return [[str(getattr(line, heading)) for heading in HEADINGS] for line in lines]


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def delimited(rows: Sequence[Sequence[str]], mark: str = ",", end: str = "\n") -> str:
    return end.join(mark.join(row) for row in rows) + end


def markdown(rows: Sequence[Sequence[str]]) -> str:
    header, *body = rows
    lines = [header, ["---"] * len(header), *body]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines) + "\n"


def assert_right(found: Audit, rows: int) -> None:
    assert found.exit_status == 0, str(found)
    assert len(found.rows) == rows
    assert {check.verdict for row in found.rows for check in row.checks} == {Verdict.RIGHT}


def primes() -> nn.Module:
    """A chain in which no two factors are alike: kernels 5, 3, 2, 3, 1, 7, 2, 3, dilations 5, 7, strides 2, 3."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 5, stride=2, padding=3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, dilation=5, padding=3),
        nn.MaxPool2d(2, stride=3),
        nn.Conv2d(4, 4, 3, dilation=7, padding=11),
        nn.Conv2d(4, 4, 1),
        nn.Conv2d(4, 4, 7, stride=3, padding=5),
        nn.Conv2d(4, 4, 2),
        nn.Conv2d(4, 4, 3, padding=2),
    )


PRIMES = ("0", "3", "4", "5", "6", "7", "8", "9")

SIZE_SLIPS: Mapping[str, tuple[Callable[[Line], bool], Slip]] = {
    "dilation_left_out": (lambda x: x.d > 1, lambda x: {"r_out": x.r_in + (x.k - 1) * x.j_in}),
    "jump_left_out": (lambda x: x.j_in > 1 and x.k > 1, lambda x: {"r_out": x.r_in + (x.k - 1) * x.d}),
    "stride_in_own_row": (lambda x: x.s > 1 and x.k > 1, lambda x: {"r_out": x.r_in + (x.k - 1) * x.d * x.j_out}),
    "kernel_taken_for_3": (lambda x: x.k in (1, 2), lambda x: {"r_out": x.r_in + 2 * x.d * x.j_in}),
    "whole_kernel_added": (lambda x: x.k > 2, lambda x: {"r_out": x.r_in + x.k * x.d * x.j_in}),
    "whole_span_added": (lambda x: x.d > 1, lambda x: {"r_out": x.r_in + (x.d * (x.k - 1) + 1) * x.j_in}),
    "dilation_times_kernel": (lambda x: x.d > 1, lambda x: {"r_out": x.r_in + (x.d * x.k - 1) * x.j_in}),
    "layer_not_counted": (lambda x: x.k > 1, lambda x: {"r_out": x.r_in}),
}
JUMP_SLIPS: Mapping[str, tuple[Callable[[Line], bool], Slip]] = {
    "pooling_stride_1": (lambda x: x.layer == "4", lambda x: {"j_out": x.j_in}),
    "stride_left_out": (lambda x: x.s > 1 and x.layer != "4", lambda x: {"j_out": x.j_in}),
    "stride_counted_twice": (lambda x: x.s > 1, lambda x: {"j_out": x.j_in * x.s * x.s}),
    "stride_added": (lambda x: True, lambda x: {"j_out": x.j_in + x.s}),
    "earlier_jump_left_out": (lambda x: x.j_in > 1, lambda x: {"j_out": x.s}),
    "dilation_in_the_jump": (lambda x: x.d > 1, lambda x: {"j_out": x.j_in * x.s * x.d}),
    "kernel_taken_for_stride": (lambda x: x.k > 1 and x.k != x.s, lambda x: {"j_out": x.j_in * x.k}),
}
UNIT_SLIPS: Mapping[str, tuple[Callable[[Line], bool], Slip]] = {
    "dilation_left_out_of_n": (
        lambda x: x.d > 1,
        lambda x: {"n_out": floor((x.n_in + 2 * x.p - (x.k - 1) - 1) / x.s) + 1},
    ),
    "lone_one": (lambda x: x.k > 1, lambda x: {"n_out": floor((x.n_in - (x.k - 1) * (x.d - 1) - 1) / x.s) + 1}),
    "padding_left_out": (lambda x: x.p > 0, lambda x: {"n_out": floor((x.n_in - x.d * (x.k - 1) - 1) / x.s) + 1}),
    "padding_on_one_side": (
        lambda x: x.p > 0,
        lambda x: {"n_out": floor((x.n_in + x.p - x.d * (x.k - 1) - 1) / x.s) + 1},
    ),
    "rounded_up": (
        lambda x: x.s > 1,
        lambda x: {"n_out": ceil((x.n_in + 2 * x.p - x.d * (x.k - 1) - 1) / x.s) + 1},
    ),
    "last_one_left_out": (lambda x: True, lambda x: {"n_out": x.n_out - 1}),
    "stride_left_out_of_n": (lambda x: x.s > 1, lambda x: {"n_out": x.n_in + 2 * x.p - x.d * (x.k - 1)}),
    "taken_for_same": (lambda x: x.k > 1, lambda x: {"n_out": ceil(x.n_in / x.s)}),
}
SLIPS = {**SIZE_SLIPS, **JUMP_SLIPS, **UNIT_SLIPS}
