"""Small networks with one trap each: ways of calling modules and of returning tensors that mislead tracers.

``ZOO`` names them all. Every one takes the images its entry states, in eval mode, on any device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGE = (1, 3, 13, 11)


def conv(inputs: int = 4, outputs: int = 4, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)


class SharedModule(nn.Module):
    """One convolution called three times, another under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = conv(3), conv()
        self.alias = self.again

    def forward(self, x: Tensor) -> Tensor:
        x = self.again(self.again(self.first(x)))
        return self.alias(x)


class Unused(nn.Module):
    """Modules that never run: a leaf, a container, and one leaf of a container whose other leaf runs."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.dead = conv(3), conv(3, 8, 11)
        self.head = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
        self.partly = nn.ModuleDict({"used": conv(), "unused": conv()})

    def forward(self, x: Tensor) -> Tensor:
        return self.partly["used"](self.body(x))


class Wrapper(nn.Module):
    """Forwards everything to the module inside, as DataParallel does."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *arguments: Any, **options: Any) -> Any:
        return self.module(*arguments, **options)


class OwnCall(nn.Module):
    """Overrides ``__call__`` and never reaches the base class."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = conv()

    def __call__(self, x: Tensor) -> Tensor:
        return self.inner(x).relu()


class CallsOwnCall(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.own, self.last = conv(3), OwnCall(), conv()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.own(self.first(x)))


class ForwardDirectly(nn.Module):
    """Calls ``forward`` of its modules, so that no hook runs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = conv(3), conv(stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last.forward(self.first.forward(x))


class SlicedSequential(nn.Module):
    """Runs parts of a Sequential: a slice, an item, a loop over the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv(3), nn.ReLU(), conv(), nn.MaxPool2d(2), conv())

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers[2](self.layers[:2](x))
        for layer in self.layers[3:]:
            x = layer(x)
        return x


class Pair(NamedTuple):
    narrow: Tensor
    wide: Tensor


@dataclass
class Scores:
    main: Tensor
    side: Tensor | None = None


class Returns(nn.Module):
    """Returns what ``form`` makes of the results of two convolutions."""

    def __init__(self, form: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.narrow, self.wide, self.form = conv(3), conv(3, kernel=5), form

    def forward(self, x: Tensor) -> Any:
        return self.form(self.narrow(x), self.wide(x))


class TupleInside(nn.Module):
    """A module inside returns a tuple of maps, another takes it."""

    def __init__(self) -> None:
        super().__init__()
        self.both, self.joined = Returns(Pair), Joined()

    def forward(self, x: Tensor) -> Tensor:
        return self.joined(self.both(x), scale=2.0)


class Joined(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = conv(8, 4, 1)

    def forward(self, pair: Pair, *, scale: float) -> Tensor:
        return self.mix(torch.cat(pair, 1)) * scale


class AuxiliaryHead(nn.Module):
    """A head that runs in training mode only."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.aux, self.head = conv(3), nn.Sequential(nn.Flatten(), nn.Linear(4 * 13 * 11, 2)), conv()

    def forward(self, x: Tensor) -> Any:
        x = self.body(x)
        return (self.head(x), self.aux(x)) if self.training else self.head(x)


class TwoInputs(nn.Module):
    """An image and a coarser one; the second is brought to the first's size."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = conv(3), conv(3)

    def forward(self, image: Tensor, context: Tensor) -> Tensor:
        return self.fine(image) + F.interpolate(self.coarse(context), size=image.shape[2:])


class KeywordInput(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = conv(3)

    def forward(self, *, image: Tensor, flip: bool = False) -> Tensor:
        x = self.body(image)
        return x.flip(3) if flip else x


class Refuses(nn.Module):
    """Raises in the middle of its forward, after modules have run and flags, hooks and numbers have been touched."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.norm, self.head = conv(3), nn.BatchNorm2d(4), conv(7)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.body(x))
        self.norm.train()
        torch.rand(3)
        return self.head(x)


class SpaceInBatch(nn.Module):
    """Pooling leaves 3x2 positions, and the view folds them into the batch: 6 rows per image come out."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.pool = conv(3, 10), nn.AvgPool2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.body(x)).view(-1, 10)


class CountsItsCalls(nn.Module):
    """Updates buffers in its forward: a counter in place, a running mean by assignment."""

    def __init__(self) -> None:
        super().__init__()
        self.body = conv(3)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("mean", torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        self.calls += 1
        self.mean = 0.9 * self.mean + 0.1 * x.mean((0, 2, 3))
        return x


class FrozenNorm(nn.Module):
    """A network in training mode with one norm kept in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.frozen, self.live, self.drop = conv(3), nn.BatchNorm2d(4), nn.BatchNorm2d(4), nn.Dropout(0.5)
        self.train()
        self.frozen.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.live(self.frozen(self.body(x))))


class AlwaysDrops(nn.Module):
    """Drops out in eval mode too, which draws random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.body = conv(3)

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(self.body(x), 0.5, training=True) + torch.randn(11).to(x.device)


class OwnHooks(nn.Module):
    """Comes with hooks of its own, one of which changes what its module returns."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.last = conv(3), conv(8)
        self.seen = 0
        self.body.register_forward_hook(lambda module, inputs, output: torch.cat([output, output.roll(3, 2)], 1))
        self.last.register_forward_pre_hook(self.count)

    def count(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.seen += 1

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.body(x))


class ReadsNumbers(nn.Module):
    """Chooses its path by a value: it cannot run without numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.more = conv(3), conv()

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        return x if float(x.abs().sum()) < 0 else self.more(x)


class Recurses(nn.Module):
    """Calls itself until a depth is reached."""

    def __init__(self) -> None:
        super().__init__()
        self.body = conv(3, 3)

    def forward(self, x: Tensor, depth: int = 2) -> Tensor:
        x = self.body(x)
        return self(x, depth - 1) if depth else x


class ReturnsItsInput(nn.Module):
    """Some modules return what they were given: the object itself, or a view of it."""

    def __init__(self) -> None:
        super().__init__()
        self.same, self.body, self.view = nn.Identity(), conv(3), nn.Flatten(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.view(self.same(self.body(self.same(x)))).unflatten(2, x.shape[2:])


class Detached(nn.Module):
    """Switches gradients on, off and on again, detaches, and asks for a gradient of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = conv(3), conv()

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.a(x)
        with torch.enable_grad():
            return self.b(x.detach())


class Normed(nn.Module):
    """Weight normalisation: the weight is computed anew in every forward, in a hook or a parametrisation."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.utils.parametrizations.weight_norm(conv(3))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def frozen_parameters() -> nn.Module:
    net = nn.Sequential(conv(3), conv())
    net[0].requires_grad_(False)
    return net


def with_gradients() -> nn.Module:
    net = nn.Sequential(conv(3), nn.BatchNorm2d(4))
    net(torch.randn(2, *IMAGE[1:])).sum().backward()
    return net


ZOO: dict[str, Callable[[], nn.Module]] = {
    "shared": SharedModule,
    "unused": Unused,
    "wrapped": lambda: Wrapper(Wrapper(nn.Sequential(conv(3), conv(stride=2)))),
    "own call": CallsOwnCall,
    "forward directly": ForwardDirectly,
    "sliced sequential": SlicedSequential,
    "returns tuple": lambda: Returns(lambda a, b: (a, b)),
    "returns named tuple": lambda: Returns(Pair),
    "returns dict": lambda: Returns(lambda a, b: {"out": a, "aux": b}),
    "returns dataclass": lambda: Returns(Scores),
    "returns nested": lambda: Returns(lambda a, b: [{"x": (None, a)}, 3, b]),
    "tuple inside": TupleInside,
    "auxiliary head": AuxiliaryHead,
    "space in batch": SpaceInBatch,
    "counts its calls": CountsItsCalls,
    "frozen norm": FrozenNorm,
    "always drops": AlwaysDrops,
    "own hooks": OwnHooks,
    "reads numbers": ReadsNumbers,
    "recurses": Recurses,
    "returns its input": ReturnsItsInput,
    "detached": Detached,
    "normed weights": Normed,
    "frozen parameters": frozen_parameters,
    "with gradients": with_gradients,
}
