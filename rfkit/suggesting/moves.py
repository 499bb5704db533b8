"""Every single edit of one kind that a network allows, in one direction: more of something, or less."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from torch import nn

from rfkit.render.text import area, listing, sizes
from rfkit.suggesting.channels import Widths
from rfkit.suggesting.edits import (
    Added,
    Behind,
    Change,
    Edit,
    Geometry,
    Into,
    Kind,
    Separable,
    Swap,
    Window,
)
from rfkit.suggesting.network import Network
from rfkit.suggesting.rebuild import AVERAGES, GLOBAL, MAXIMA
from rfkit.suggesting.sites import Site, convolutions, last_behind, poolings, sites

FURTHER = (1, 2, 3, 5, 7)
"""By how much a dilation grows."""
NARROWER = (7, 6, 5, 4)
"""Eighths of a width."""
WIDER = (9, 10, 12, 16)
STEP = 4
"""Widths are multiples of it."""
SMALLEST = 4
"""Positions that a map must have for a stride to halve it."""
MOST_SITES = 32
"""Convolutions of a large network that are looked at: those with most parameters, and the last."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A network, where it can be changed, and which of its channels belong together."""

    network: Network
    sites: Mapping[str, Site]
    convolutions: tuple[Site, ...]
    poolings: tuple[Site, ...]
    widths: Widths

    @classmethod
    def of(cls, network: Network) -> Ground:
        """Find all that can be changed."""
        found = sites(network)
        return cls(network, found, _foremost(convolutions(found)), tuple(poolings(found)), Widths(network, found))


def _foremost(found: Iterable[Site]) -> tuple[Site, ...]:
    """All convolutions of a small network; of a large one half of them by their parameters, half from the end."""
    every = list(found)
    largest = sorted(every, key=lambda site: site.layer.params, reverse=True)[: MOST_SITES // 2]
    rest = [site for site in every if site not in largest]
    kept = [*largest, *rest[-MOST_SITES // 2 :]]
    return tuple(site for site in every if site in kept)


Move = Callable[[Ground], Iterator[Edit]]


def _edit(kind: Kind, site: Site, after: Window, *entailed: Change) -> Edit:
    change = Geometry(site.name, site.window, after)
    return Edit(kind, f"{site.name}: {change.text}", (change, *entailed))


def _each(*values: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return zip(*values, strict=True)


def _padded(window: Window, after: Window) -> Window | None:
    """Another kernel or dilation, padded so that the map keeps its size; None where no padding does that."""
    grown = [
        (k - 1) * d - (k0 - 1) * d0
        for k, d, k0, d0 in _each(after.kernel, after.dilation, window.kernel, window.dilation)
    ]
    padding = tuple(p + g // 2 for p, g in zip(window.padding, grown, strict=True))
    if any(g % 2 for g in grown) or min(padding) < 0:
        return None
    return replace(after, padding=padding)


def _fits(site: Site, window: Window) -> bool:
    """Whether the taps of a window, spread out, lie within the map that it reads."""
    return all((k - 1) * d < n for k, d, n in _each(window.kernel, window.dilation, site.given[2:]))


def dilate(ground: Ground) -> Iterator[Edit]:
    """A larger dilation, with the padding that keeps the size."""
    for further in FURTHER:
        for site in ground.convolutions:
            window = site.window
            dilation = tuple(d + further if k > 1 else d for k, d in _each(window.kernel, window.dilation))
            after = _padded(window, replace(window, dilation=dilation))
            if after is not None and dilation != window.dilation and _fits(site, after):
                yield _edit(Kind.DILATION, site, after)


def undilate(ground: Ground) -> Iterator[Edit]:
    """A smaller dilation, with the padding that keeps the size."""
    for site in ground.convolutions:
        window = site.window
        for less in range(1, max(window.dilation)):
            dilation = tuple(max(d - less, 1) for d in window.dilation)
            after = _padded(window, replace(window, dilation=dilation))
            if after is not None:
                yield _edit(Kind.DILATION, site, after)


def enlarge(ground: Ground) -> Iterator[Edit]:
    """A larger kernel, with the padding that keeps the size."""
    for more in (2, 4):
        for site in ground.convolutions:
            window = site.window
            after = _padded(window, replace(window, kernel=tuple(k + more for k in window.kernel)))
            if max(window.kernel) > 1 and after is not None and _fits(site, after):
                yield _edit(Kind.KERNEL, site, after)


def reduce(ground: Ground) -> Iterator[Edit]:
    """A smaller kernel, with the padding that keeps the size."""
    for site in ground.convolutions:
        window = site.window
        for less in range(2, max(window.kernel), 2):
            kernel = tuple(max(k - less, 1) if k % 2 else k for k in window.kernel)
            dilation = tuple(d if k > 1 else 1 for k, d in _each(kernel, window.dilation))
            after = _padded(window, replace(window, kernel=kernel, dilation=dilation))
            if after is not None and kernel != window.kernel:
                yield _edit(Kind.KERNEL, site, after)


def stride(ground: Ground) -> Iterator[Edit]:
    """Twice the stride."""
    for site in ground.convolutions:
        window = site.window
        if max(window.stride) == 1 and min(site.made[2:]) >= SMALLEST:
            after = replace(window, stride=tuple(2 * s for s in window.stride))
            yield from _resizing(ground, Kind.STRIDE, site, after)


def unstride(ground: Ground) -> Iterator[Edit]:
    """A stride taken away."""
    for site in ground.convolutions:
        window = site.window
        if max(window.stride) > 1:
            after = replace(window, stride=(1,) * len(window.stride))
            yield from _resizing(ground, Kind.STRIDE, site, after)


def _resizing(ground: Ground, kind: Kind, site: Site, after: Window) -> Iterator[Edit]:
    """An edit behind which maps have other sizes; also with a final average that covers its map whatever its size."""
    edit = _edit(kind, site, after)
    yield edit
    for pool in ground.poolings:
        if type(pool.module) in AVERAGES.values() and max(pool.made[2:]) == 1 and pool.call.enter > site.call.enter:
            swap = _swap(pool, Into.GLOBAL_AVERAGE)
            yield Edit(kind, f"{edit.text}; {swap.text}", (*edit.changes, *swap.changes))


def align(ground: Ground) -> Iterator[Edit]:
    """The padding with which every unit looks at the place it stands for, d*(k-1)/2."""
    for site in ground.convolutions:
        window = site.window
        padding = tuple(d * (k - 1) // 2 for k, d in _each(window.kernel, window.dilation))
        if padding != window.padding:
            yield from _resizing(ground, Kind.PADDING, site, replace(window, padding=padding))


def separate(ground: Ground) -> Iterator[Edit]:
    """Depthwise separable instead of standard."""
    for site in ground.convolutions:
        m = site.module
        if m.groups == 1 and min(m.in_channels, m.out_channels) > 1 and max(m.kernel_size) > 1:
            yield Edit(Kind.SEPARABLE, f"{site.name}: depthwise separable instead of standard", (Separable(site.name),))


def add(ground: Ground) -> Iterator[Edit]:
    """A convolution more, behind each."""
    for site in ground.convolutions:
        last = last_behind(site, ground.sites)
        if site.module.groups == 1 and max(site.made[2:]) > 1:
            channels = site.made[1]
            rank = "x".join("3" * site.rank) if site.rank > 1 else "kernel-3"
            text = f"{last.name}: a {rank} convolution of {channels} channels behind it, with norm and ReLU"
            yield Edit(Kind.LAYER, text, (Behind(last.name, Added.CONVOLUTION, channels, site.rank),))


def add_scores(ground: Ground) -> Iterator[Edit]:
    """A 1x1 convolution behind a pooling of all positions."""
    for site in ground.poolings:
        if max(site.made[2:], default=0) == 1:
            text = f"{site.name}: a 1x1 convolution of {site.made[1]} channels behind it"
            yield Edit(Kind.LAYER, text, (Behind(site.name, Added.POINTWISE, site.made[1], site.rank),))


def leave_out(ground: Ground) -> Iterator[Edit]:
    """A convolution less, where what it reads fits what read it; a dropout or an activation less."""
    for site in ground.sites.values():
        m = site.module
        same = site.given == site.made and not isinstance(m, nn.Identity)
        if same and (site in ground.convolutions or not list(m.parameters())):
            yield Edit(Kind.LAYER, f"{site.name}: left out", (Swap(site.name, Into.NOTHING, site.made[1]),))


def narrow(ground: Ground) -> Iterator[Edit]:
    """Fewer channels."""
    yield from _widths(ground, NARROWER)


def widen(ground: Ground) -> Iterator[Edit]:
    """More channels."""
    yield from _widths(ground, WIDER)


def _widths(ground: Ground, eighths: tuple[int, ...]) -> Iterator[Edit]:
    for share in eighths:
        for number, group in ground.widths.groups.items():
            size = max(group.size * share // 8 // STEP * STEP, STEP)
            if size != group.size and not group.output:
                yield _width(ground, number, size)


def _width(ground: Ground, number: int, size: int) -> Edit:
    group = ground.widths.groups[number]
    text = f"{listing(group.makers, 30)}: {group.size} -> {size} channels"
    return Edit(Kind.WIDTH, text, ground.widths.resized(number, size))


def scores(ground: Ground, size: int) -> Iterator[Edit]:
    """Another number of scores."""
    for number, group in ground.widths.groups.items():
        if group.output and group.size != size:
            yield _width(ground, number, size)


def _swap(site: Site, into: Into) -> Edit:
    made: dict[Into, Callable[[], str]] = {
        Into.AVERAGE: lambda: f"{AVERAGES[site.rank].__name__}",
        Into.GLOBAL_AVERAGE: lambda: f"{GLOBAL[site.rank].__name__}(1)",
        Into.CONVOLUTION: lambda: _striding(site, site.module.kernel_size, 0),
        Into.PADDED_CONVOLUTION: lambda: _striding(site, 3, 1),
    }
    what = made[into]()
    text = f"{site.name}: {type(site.module).__name__} -> {what}"
    return Edit(Kind.POOLING, text, (Swap(site.name, into, site.given[1]),))


def _striding(site: Site, kernel: int | tuple[int, ...], padding: int) -> str:
    """``3x3 convolution, stride 2, padding 1``."""
    taps, stride = ((n,) * site.rank if isinstance(n, int) else n for n in (kernel, site.module.stride))
    return f"{area(taps)} convolution, stride {sizes(stride)}" + (f", padding {padding}" if padding else "")


def average_all(ground: Ground) -> Iterator[Edit]:
    """An average over all positions in the place of another pooling."""
    for site in ground.poolings:
        if type(site.module) not in GLOBAL.values() or max(site.made[2:], default=1) > 1:
            yield _swap(site, Into.GLOBAL_AVERAGE)


def replace_maxima(ground: Ground) -> Iterator[Edit]:
    """A max pooling replaced: by the stride of the convolution before it, by an average, by a convolution that strides."""
    for site in ground.poolings:
        if type(site.module) not in MAXIMA.values():
            continue
        yield from _into_stride(ground, site)
        yield _swap(site, Into.AVERAGE)
        yield _swap(site, Into.CONVOLUTION)
        yield _swap(site, Into.PADDED_CONVOLUTION)


def _into_stride(ground: Ground, pool: Site) -> Iterator[Edit]:
    before = [s for s in ground.convolutions if s.call.enter < pool.call.enter and s.made == pool.given]
    strides = pool.module.stride if isinstance(pool.module.stride, tuple) else (pool.module.stride,) * pool.rank
    if before:
        window = before[-1].window
        after = replace(window, stride=tuple(s * t for s, t in _each(window.stride, strides)))
        change = Geometry(before[-1].name, window, after)
        text = f"{pool.name}: {type(pool.module).__name__} -> {change.text} in {before[-1].name}"
        yield Edit(Kind.POOLING, text, (change, Swap(pool.name, Into.NOTHING, pool.given[1])))
