"""Building a network from a class, a function or an instance: on ``meta`` where that works, else on the CPU."""

from __future__ import annotations

import copy
import inspect
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rfkit.errors import TargetError
from rfkit.target.failures import failure
from rfkit.target.importing import Neighbourhood
from rfkit.target.networks import builders, did_you_mean, is_network
from rfkit.target.shapes import InputShape, candidates

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A target that was built.

    Attributes:
        label: what the report calls it, e.g. ``net.py:Net``; the name is filled in where the user left it out.
        module: the network, in the mode and with the values its constructor gave it.
        on_meta: whether its parameters and buffers are on ``meta``; otherwise they are real, on the CPU.
        places: by module name, where it is made, e.g. ``net.py:31``; under the empty name, its class; empty if not asked for.
    """

    label: str
    module: nn.Module
    on_meta: bool
    places: Mapping[str, str]
    _recipe: Recipe = field(repr=False)

    def rebuild(self) -> nn.Module:
        """Build it once more, on the CPU with real values, for a forward that looks at them.

        A network that the file itself built, at module level, is returned as it stands there.

        Raises:
            TargetError: if the constructor fails.
        """
        return self._recipe.build_on_cpu()

    def running(self) -> AbstractContextManager[None]:
        """Enter this around every forward.

        What the model prints goes to stderr, what it changes in the process is put back (``importing``), the random
        numbers it draws are torch's from seed 0, and ``importlib.import_module`` finds the neighbours of its file.
        """
        return running(self._recipe.neighbourhood, self._recipe.program)

    def input_shapes(self) -> tuple[InputShape, ...]:
        """Shapes to try, in this order: what the model says of itself, then 3x32x32, 3x224x224 and 1x28x28."""
        return candidates(self.module)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to build a target, as often as needed.

    Attributes:
        label: what the messages call it, e.g. ``net.py:Net``.
        make: returns the network.
        neighbourhood: what its file may import.
        program: what ``sys.argv`` says while it runs.
        seed: of torch's random numbers while it is built.
    """

    label: str
    make: Callable[[], object]
    neighbourhood: Neighbourhood
    program: str
    seed: int = 0

    def build(self, device: str, places: bool = False) -> LoadedModel:
        """The built network, on ``meta`` if that is the device and the constructor allows it, else on the CPU.

        Raises:
            TargetError: if it cannot be built on the CPU either.
        """
        from rfkit.target.places import construction

        with construction() if places else nullcontext() as watched:
            on_meta = self.build_on_meta() if device == "meta" else None
            module = self.build_on_cpu() if on_meta is None else on_meta
        lines = {} if watched is None else watched.places(module)
        return LoadedModel(self.label, module, on_meta is not None, lines, self)

    def build_on_cpu(self) -> nn.Module:
        """A network with real values, the same in every run."""
        try:
            with running(self.neighbourhood, self.program, self.seed):
                made = self.make()
        except (Exception, SystemExit) as error:
            raise failure(error, self.label, "built", self.neighbourhood, self.make) from error
        return _checked(made, self.label)

    def build_on_meta(self) -> nn.Module | None:
        """A network without values; None, and not a word printed, where the constructor needs them."""
        import torch

        printed = io.StringIO()
        try:
            with (
                running(self.neighbourhood, self.program),
                warnings.catch_warnings(),
                redirect_stdout(printed),
                redirect_stderr(printed),
            ):
                warnings.simplefilter("ignore")
                with torch.device("meta"):
                    made = self.make()
                module = _moved_to_meta(made) if isinstance(made, torch.nn.Module) else None
        except (Exception, SystemExit):
            return None
        if module is not None:
            sys.stderr.write(printed.getvalue())
            _checked(module, self.label)
        return module


@contextmanager
def running(neighbourhood: Neighbourhood, program: str, seed: int = 0) -> Iterator[None]:
    """See ``LoadedModel.running``; ``program`` is what ``sys.argv`` says meanwhile, ``seed`` that of torch's numbers."""
    import torch

    with neighbourhood.running(program), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def maker(
    thing: object, label: str, module: ModuleType, positional: Sequence[Any], keywords: Mapping[str, Any]
) -> Callable[[], object]:
    """A function without arguments that returns the network which ``thing`` is or makes.

    Args:
        thing: a class, a function or a module.
        label: what the user called it.
        module: the imported file it was found in.
        positional: arguments by position.
        keywords: arguments by keyword.

    Raises:
        TargetError: if it is none of these, or cannot take these arguments, or needs more.
    """
    from torch import nn

    if isinstance(thing, nn.Module):
        if positional or keywords:
            raise TargetError(f"{label} is built already, where its file defines it: it takes no --arg")
        return lambda: thing
    if isinstance(thing, type) and not issubclass(thing, nn.Module):
        raise TargetError(f"{label} is a class that does not derive from torch.nn.Module")
    if not callable(thing):
        kind = "a Python module" if isinstance(thing, ModuleType) else f"of type {type(thing).__name__}"
        raise TargetError(
            f"{label} is {kind}: expected a torch.nn.Module class, a function that returns one, or a module"
        )
    _check_arguments(thing, label, module, positional, keywords)
    return partial(thing, *positional, **keywords)


def _check_arguments(
    thing: Callable[..., object], label: str, module: ModuleType, positional: Sequence[Any], keywords: Mapping[str, Any]
) -> None:
    try:
        signature = inspect.signature(thing, follow_wrapped=False)
    except (TypeError, ValueError):
        return
    parameters = signature.parameters.values()
    by_keyword = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    unknown = [name for name in keywords if name not in by_keyword]
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters):
        near = did_you_mean(unknown[0], by_keyword)
        raise TargetError(f"{label} has no argument {unknown[0]}{near}; it takes {_listed(by_keyword)}")
    try:
        bound = signature.bind_partial(*positional, **keywords).arguments
    except TypeError as error:
        raise TargetError(f"{label} cannot take these arguments: {error}; it takes {_listed(by_keyword)}") from error
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    missing = [p for p in parameters if p.default is p.empty and p.kind not in variadic and p.name not in bound]
    if missing:
        name = label.rpartition(":")[2]
        if missing[0].name == "self" and "." in name:
            raise TargetError(f"{label} is a method of an instance: name a classmethod, a staticmethod or a function")
        options = " ".join("--arg ..." if p.kind is p.POSITIONAL_ONLY else f"--arg {p.name}=..." for p in missing)
        others = [f"{label.rpartition(':')[0]}:{other}" for other in builders(module, name)]
        instead = f"; or name what builds it: {_listed(others[:3])}" if others else ""
        raise TargetError(f"{name} needs {_listed([p.name for p in missing])}: {options}{instead}")


def _moved_to_meta(module: nn.Module) -> nn.Module:
    """The module if all of it is on ``meta``, else a copy that is (a constructor may load or copy real values)."""
    if all(tensor.device.type == "meta" for tensor in chain(module.parameters(), module.buffers())):
        return module
    return copy.deepcopy(module).to("meta")


def _checked(made: object, label: str) -> nn.Module:
    from torch import nn

    if not isinstance(made, nn.Module):
        what = "None" if made is None else f"a value of type {type(made).__name__}"
        raise TargetError(f"{label} returned {what}: expected it to return a torch.nn.Module")
    if not is_network(type(made)) and "forward" not in vars(made):
        raise TargetError(f"{label} has no forward: {type(made).__name__} is a torch.nn.Module that cannot be called")
    return made


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "no arguments"
