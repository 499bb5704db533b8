"""Random networks: Hypothesis strategies for graphs of the operators that networks are made of.

A graph is built while it is drawn: every step is tried on the maps it reads, and one that does not fit them (too small a
map, a padding that PyTorch refuses) becomes a plain copy. Every map keeps the layout batch, channels, space.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.exactness import CONVOLUTIONS

Draw = Callable[[st.SearchStrategy[Any]], Any]
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}
POOLS = {"max": (nn.MaxPool1d, nn.MaxPool2d), "avg": (nn.AvgPool1d, nn.AvgPool2d)}
ADAPTIVE = {"avg": (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d), "max": (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d)}
CHANNELS, LARGEST = 4, 31
INPUTS = {1: ((29,), (31,)), 2: ((17, 11), (13, 19))}


class Step(nn.Module):
    """A function of one or two maps, with a name to be read in a failing example."""

    def __init__(self, name: str, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.name, self.function = name, function

    def forward(self, *maps: Tensor) -> Tensor:
        return self.function(*maps)

    def extra_repr(self) -> str:
        return self.name


class Graph(nn.Module):
    """Steps, each reading one or two of the maps before it (0 is the input); ``out`` is the last map."""

    def __init__(self, steps: Sequence[tuple[nn.Module, tuple[int, ...]]], shape: tuple[int, ...]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(step for step, _ in steps)
        self.sources = [sources for _, sources in steps]
        self.out = nn.Identity()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for step, sources in zip(self.steps, self.sources, strict=True):
            maps.append(step(*(maps[i] for i in sources)))
        return self.out(maps[-1])

    def extra_repr(self) -> str:
        return f"input {self.shape}, sources {self.sources}"


def per_axis(draw: Draw, rank: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(draw(st.integers(low, high)) for _ in range(rank))


def convolution(draw: Draw, shape: tuple[int, ...]) -> nn.Module:
    channels, rank = shape[0], len(shape) - 1
    groups = draw(st.sampled_from([g for g in (1, 2, 4, channels) if channels % g == 0]))
    mode = draw(st.sampled_from(["zeros", "zeros", "reflect", "replicate", "circular"]))
    kernel, stride = per_axis(draw, rank, 1, 4), per_axis(draw, rank, 1, 3)
    padding, dilation = per_axis(draw, rank, 0, 3), per_axis(draw, rank, 1, 3)
    out = channels if groups == channels else CHANNELS
    return CONVOLUTIONS[rank](channels, out, kernel, stride, padding, dilation, groups, padding_mode=mode)


def transposed(draw: Draw, shape: tuple[int, ...]) -> nn.Module:
    channels, rank = shape[0], len(shape) - 1
    groups = draw(st.sampled_from([g for g in (1, 2, channels) if channels % g == 0 and CHANNELS % g == 0]))
    kernel, stride = per_axis(draw, rank, 1, 4), per_axis(draw, rank, 1, 3)
    padding, dilation = per_axis(draw, rank, 0, 1), per_axis(draw, rank, 1, 2)
    extra = tuple(draw(st.integers(0, s - 1)) for s in stride)
    return TRANSPOSED[rank](channels, CHANNELS, kernel, stride, padding, extra, groups, dilation=dilation)


def pool(draw: Draw, shape: tuple[int, ...]) -> nn.Module:
    rank, kind = len(shape) - 1, draw(st.sampled_from(["max", "avg"]))
    kernel = per_axis(draw, rank, 1, 4)
    options: dict[str, Any] = {"stride": per_axis(draw, rank, 1, 3), "ceil_mode": draw(st.booleans())}
    if kind == "max" and draw(st.booleans()):
        options["dilation"] = per_axis(draw, rank, 1, 3)
    else:
        options["padding"] = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    return POOLS[kind][rank - 1](kernel, **options)


def adaptive(draw: Draw, shape: tuple[int, ...]) -> nn.Module:
    rank = len(shape) - 1
    return ADAPTIVE[draw(st.sampled_from(["avg", "max"]))][rank - 1](per_axis(draw, rank, 1, 13))


def resample(draw: Draw, shape: tuple[int, ...]) -> nn.Module:
    rank = len(shape) - 1
    smooth = ["linear"] if rank == 1 else ["bilinear", "bicubic"]
    mode = draw(st.sampled_from(["nearest", "nearest-exact", "area", *smooth]))
    options: dict[str, Any] = {"mode": mode}
    if mode in smooth:
        options["align_corners"] = draw(st.booleans())
    if draw(st.booleans()):
        options["size"] = per_axis(draw, rank, 1, 23)
    else:
        options["scale_factor"] = tuple(draw(st.sampled_from([0.5, 0.75, 1.0, 1.5, 1.6, 2.0])) for _ in range(rank))
    return Step(f"interpolate {options}", lambda x: F.interpolate(x, **options))


def move(draw: Draw, shape: tuple[int, ...]) -> nn.Module:
    axis = draw(st.integers(2, len(shape)))
    kind = draw(st.sampled_from(["flip", "roll", "crop", "stride", "repeat"]))
    n, m = draw(st.integers(0, 3)), draw(st.integers(1, 3))
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "flip": lambda x: x.flip(axis),
        "roll": lambda x: x.roll(n, axis),
        "crop": lambda x: x.narrow(axis, n, x.shape[axis] - n - m + 1),
        "stride": lambda x: x.transpose(axis, -1)[..., n::m].transpose(axis, -1),
        "repeat": lambda x: x.repeat_interleave(m, axis),
    }
    return Step(f"{kind} {n} {m} of dimension {axis}", functions[kind])


def pad(draw: Draw, shape: tuple[int, ...]) -> nn.Module:
    mode = draw(st.sampled_from(["constant", "reflect", "replicate", "circular"]))
    amounts = per_axis(draw, 2 * (len(shape) - 1), -2 if mode == "constant" else 0, 3)
    return Step(f"pad {amounts} {mode}", lambda x: F.pad(x, amounts, mode=mode))


def pointwise(draw: Draw, shape: tuple[int, ...]) -> nn.Module:
    channels, rank = shape[0], len(shape) - 1
    axis = draw(st.integers(2, rank + 1))
    options: list[nn.Module] = [
        nn.ReLU(inplace=draw(st.booleans())),
        (nn.BatchNorm1d, nn.BatchNorm2d)[rank - 1](channels),
        nn.GroupNorm(2 if channels % 2 == 0 else 1, channels),
        nn.ChannelShuffle(2) if channels % 2 == 0 and rank == 2 else nn.Identity(),
        Step(f"profile of dimension {axis} added", lambda x: x + x.mean(axis, keepdim=True)),
        Step(f"softmax over dimension {axis}", lambda x: x.softmax(axis)),
        Step("half of the channels", lambda x: x[:, (x.shape[1] - 1) // 2 :]),
        Step("every other unit doubled in place", doubled_in_place),
    ]
    return draw(st.sampled_from(options))


def doubled_in_place(x: Tensor) -> Tensor:
    x = x.clone()
    x[..., ::2] += x[..., ::2].flip(-1)
    return x


def rearrange(draw: Draw, shape: tuple[int, ...]) -> nn.Module:
    """Picks, writes, swaps, scans, products and attention along one axis, all by constants drawn here."""
    axis = draw(st.integers(2, len(shape)))
    n = shape[axis - 1]
    order = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=n))
    cut, source = draw(st.integers(0, n)), draw(st.integers(0, n))
    mixer = nn.Linear(n, draw(st.integers(1, 7)))

    def last(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda x: function(x.transpose(axis, -1)).transpose(axis, -1)

    def written(x: Tensor) -> Tensor:
        x, width = x.clone(), min(n - cut, n - source)
        x[..., cut : cut + width] = x[..., source : source + width].clone() + 1
        return x

    functions: dict[str, Callable[[Tensor], Tensor]] = {
        f"units {order}": last(lambda x: x[..., torch.tensor(order)]),
        f"units from {source} written to {cut}": last(written),
        f"halves swapped at {cut}": last(lambda x: torch.cat([x[..., cut:], x[..., :cut]], -1)),
        f"doubled, cut at {cut}": last(lambda x: torch.cat([x, x.flip(-1)], -1)[..., cut:]),
        "interleaved with its reverse": last(lambda x: torch.stack([x, x.flip(-1)], -1).flatten(-2)),
        "cumulated": last(lambda x: x.cumsum(-1)),
        "differences": last(lambda x: x.diff(dim=-1)),
        "linear": last(mixer),
        "first half of the units attends to all": last(lambda x: attended(x[..., : (n + 1) // 2], x)),
        "pairs attend to each other": last(lambda x: within_pairs(x, attended)),
        "pairs averaged": last(lambda x: x[..., : n // 2 * 2].unflatten(-1, (-1, 2)).mean(-1)),
        "maximum spread": last(lambda x: x.amax(-1, keepdim=True).expand(x.shape)),
        "windows unfolded and averaged": last(lambda x: x.unfold(-1, min(n, 3), 2).mean(-1)),
    }
    name = draw(st.sampled_from(sorted(functions)))
    return Step(f"{name} along dimension {axis}", functions[name]) if name != "linear" else Along(axis, mixer)


class Along(nn.Module):
    """A linear layer along one axis."""

    def __init__(self, axis: int, linear: nn.Linear) -> None:
        super().__init__()
        self.axis, self.linear = axis, linear

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.transpose(self.axis, -1)).transpose(self.axis, -1)


def attended(queries: Tensor, keys: Tensor) -> Tensor:
    """Attention among units of the last axis, channels being the features."""
    q, k = queries.movedim(1, -1), keys.movedim(1, -1)
    return F.scaled_dot_product_attention(q, k, k).movedim(-1, 1)


def within_pairs(x: Tensor, function: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    pairs = x[..., : x.shape[-1] // 2 * 2].unflatten(-1, (-1, 2)).movedim(-2, 0)
    return function(pairs.flatten(0, 1), pairs.flatten(0, 1)).unflatten(0, pairs.shape[:2]).movedim(0, -2).flatten(-2)


def join(draw: Draw, first: tuple[int, ...], second: tuple[int, ...]) -> nn.Module:
    """Fit the second map to the first by cropping and padding at the end of every axis; then add or concatenate."""
    kind = draw(st.sampled_from(["cat", "add"]))
    shift = per_axis(draw, len(first) - 1, 0, 2)

    def joined(a: Tensor, b: Tensor) -> Tensor:
        amounts: list[int] = []
        for axis, left in zip(range(a.ndim - 1, 1, -1), shift, strict=True):
            amounts += [left, a.shape[axis] - b.shape[axis] - left]
        b = F.pad(b, amounts)
        if kind == "cat":
            return torch.cat([a, b], 1)
        channels = min(a.shape[1], b.shape[1])
        return a[:, :channels] + b[:, -channels:]

    return Step(f"{kind}, the second shifted by {shift}", joined)


MAKERS = (
    *[convolution] * 3,
    transposed,
    *[pool] * 2,
    adaptive,
    resample,
    *[move] * 2,
    pad,
    *[pointwise] * 2,
    *[rearrange] * 3,
)


@st.composite
def graphs(draw: Draw) -> Graph:
    """Graphs of two to seven steps on one or two spatial axes of different prime sizes."""
    rank = draw(st.integers(1, 2))
    shape = (CHANNELS, *draw(st.sampled_from(INPUTS[rank])))
    maps, steps = [torch.zeros(1, *shape)], []
    for _ in range(draw(st.integers(2, 7))):
        newest = len(maps) - 1
        first = draw(st.integers(max(0, newest - 1), newest))
        if newest and draw(st.integers(0, 3)) == 0:
            sources = (first, draw(st.integers(0, newest)))
            step = join(draw, *(tuple(maps[i].shape[1:]) for i in sources))
        else:
            sources = (first,)
            step = draw(st.sampled_from(MAKERS))(draw, tuple(maps[first].shape[1:]))
        step, result = fitting(step.eval(), [maps[i] for i in sources])
        steps.append((step, sources))
        maps.append(result)
    return Graph(steps, shape)


def fitting(step: nn.Module, maps: list[Tensor]) -> tuple[nn.Module, Tensor]:
    """The step and its result; a plain copy of the first map instead where the step does not fit it."""
    try:
        with torch.no_grad():
            result = step(*(m.clone() for m in maps))
        if min(result.shape) > 0 and max(result.shape[2:]) <= LARGEST and result.shape[1] <= 4 * CHANNELS:
            return step, result
    except (RuntimeError, ValueError):
        pass
    return Step("copy", lambda *inputs: inputs[0].clone()), maps[0]
