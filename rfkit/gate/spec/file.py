"""The spec: the file that says which networks there are and what is asked of them. All its mistakes are found at once.

spec = read_spec(path).with_flags({"--params": "< 200k"})
models = spec.select(["net"])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rfkit.errors import SpecError, UsageError
from rfkit.gate.requirements import ModelSpec
from rfkit.gate.spec import discovery, flags
from rfkit.gate.spec.merging import SETTINGS, Source, contradictions, exemptions_of, requirements_of, setting_of
from rfkit.gate.spec.mistakes import Key, did_you_mean, dotted, error_of, listed, validated
from rfkit.gate.spec.tables import SpecTable, examples, toml
from rfkit.gate.spec.toml_lines import key_lines, line_of

TOP = ("baseline", "tolerance", "timeout", "memory", "stub_missing", "select", "ignore")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a check is run.

    Attributes:
        baseline: the file of ``rfkit baseline``; None: none.
        tolerance: by what share a figure may be worse than in the baseline.
        timeout: seconds that each network may take.
        memory: bytes that each network may allocate.
        stub_missing: whether imports of missing packages become inert stand-ins.
        select, ignore: codes of rules, or what several of them start with.
    """

    baseline: Path | None = None
    tolerance: Fraction = Fraction(0)
    timeout: float = 60.0
    memory: int = 4 * 2**30
    stub_missing: bool = False
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """What a file asks, and the options that go before it. ``Spec()`` is the spec of those who have no file.

    Attributes:
        path: the file; None without one.
        table: what it holds.
        options: what the command line asks, as a table whose defaults it is.
        lines: on which line of the file each key stands.
        prefix: what stands before every key in the file: ``("tool", "rfkit")`` in a pyproject.toml.
    """

    path: Path | None = None
    table: SpecTable = field(default_factory=SpecTable)
    options: SpecTable = field(default_factory=SpecTable)
    lines: Mapping[Key, int] = field(default_factory=lambda: MappingProxyType({}))
    prefix: Key = ()

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the networks in the file, in its order."""
        return tuple(self.table.models or ())

    @property
    def settings(self) -> Settings:
        """How the check is run: as the options say, else the file, else as usual."""
        found: dict[str, Any] = {}
        for table, folder in ((self.table, self.folder), (self.options, Path())):
            given = {name: getattr(table, name) for name in TOP if getattr(table, name) is not None}
            if "baseline" in given:
                given["baseline"] = Path(discovery.shown_path(folder / given["baseline"]))
            found |= given
        return Settings(**found)

    @property
    def folder(self) -> Path:
        """The folder that its targets are relative to."""
        return Path() if self.path is None else self.path.parent

    def with_flags(self, options: Mapping[str, object]) -> Spec:
        """The spec with options of the command line before it; see ``flags.RULES`` and ``flags.SETTINGS``.

        Raises:
            SpecError: all mistakes in the options, a line each.
            UsageError: an option that does not exist.
        """
        return replace(self, options=flags.table_of(options))

    def select(self, targets: Sequence[str] = ()) -> tuple[ModelSpec, ...]:
        """The networks to check, each once.

        Args:
            targets: names or targets of networks in the file; any other target is judged by the defaults; patterns stand
                for all files that match. None: all networks in the file.

        Raises:
            UsageError: a pattern that matches nothing, or a word that is nearly the name of a network.
        """
        found: list[ModelSpec] = []
        for target in targets:
            found += self._named(target)
        for name in () if targets else self.models:
            found += self._entry(name)
        return tuple({(each.name, each.target, each.arguments): each for each in found}.values())

    def place(self, key: Key) -> str:
        """Where a key stands, for a message: ``rfkit.toml:12``."""
        if self.path is None:
            return "the command line"
        line = line_of((*self.prefix, *key), self.lines)
        return discovery.shown_path(self.path) + ("" if line is None else f":{line}")

    def named(self, key: Key) -> str:
        """A key with where it stands: ``rfkit.toml:12: models.net.params``."""
        return f"{self.place(key)}: {dotted((*self.prefix, *key))}"

    def sources(self, name: str | None, key: Callable[[Key], str] = dotted) -> list[Source]:
        """Everything that asks something of a network, the weakest first.

        Args:
            name: of a network in the file; None: of a target that is not in it.
            key: how to call a key of the file.
        """
        found = [Source(self.table.defaults, ("defaults",), key, self.named)] if self.table.defaults else []
        if name is not None and self.table.models:
            found.append(Source(self.table.models[name], ("models", name), key, self.named))
        if self.options.defaults:
            found.append(Source(self.options.defaults, ("defaults",), flags.option_of))
        return found

    def entry_of(self, model: ModelSpec) -> str | None:
        """The name of the entry that a network comes from; None for a target that has none."""
        entries = ((name, each) for name in self.models for each in self._entry(name))
        return next((name for name, each in entries if (each.name, each.target) == (model.name, model.target)), None)

    def _named(self, target: str) -> Iterator[ModelSpec]:
        """What one word of the command line stands for."""
        if target in self.models:
            yield from self._entry(target)
            return
        if self.models and target.isidentifier() and not Path(target).exists():
            near = did_you_mean(target, self.models)
            if near:
                raise UsageError(f"no network {target!r}; did you mean {near}? in {self._file}: {listed(self.models)}")
        for each in discovery.expand(target):
            entries = [model for name in self.models for model in self._entry(name) if _same(each, model.target)]
            yield from entries or [self._model(each, each, None)]

    def _entry(self, name: str) -> Iterator[ModelSpec]:
        """The network of an entry, or the networks if its target is a pattern."""
        assert self.table.models is not None
        target = self.table.models[name].target
        try:
            targets = discovery.expand(discovery.runnable(target, self.folder))
        except UsageError as error:
            raise UsageError(f"{self.named(('models', name, 'target'))}: {error}") from error
        for each in targets:
            yield self._model(name if len(targets) == 1 else each, each, name)

    def _model(self, name: str, target: str, entry: str | None) -> ModelSpec:
        sources = self.sources(entry)
        wrong = contradictions(sources)
        if wrong:
            raise error_of(wrong, self.named)
        given = {setting: setting_of(sources, setting)[0] for setting in SETTINGS}
        return ModelSpec(
            name=name,
            target=target,
            arguments=given["arguments"] or (),
            input_shape=given["input"],
            strict=bool(given["strict"]),
            device=given["device"] or "meta",
            requirements=requirements_of(sources),
            exemptions=exemptions_of(sources),
        )

    @property
    def _file(self) -> str:
        return "" if self.path is None else discovery.shown_path(self.path)


def read_spec(path: Path) -> Spec:
    """The spec in a file: ``rfkit.toml``, a ``pyproject.toml`` with ``[tool.rfkit]``, or any other TOML file.

    Raises:
        SpecError: all mistakes in it, a line each: the file, the line, the key, what was found, what is allowed.
    """
    text, data = discovery.read_toml(path)
    prefix: Key = ()
    if path.name == discovery.NAMES[-1]:
        if not discovery.has_section(path):
            raise SpecError(
                f"{discovery.shown_path(path)} has no [tool.rfkit]; put the spec there, or name another file"
            )
        prefix = discovery.SECTION
    raw: Any = data
    for step in prefix:
        raw = raw[step]
    spec = Spec(path, lines=key_lines(text), prefix=prefix)
    said = {key: f"{key} = {toml(value)}" for key, value in examples().items()}

    def rank(key: Key) -> int:
        return line_of((*prefix, *key), spec.lines) or 0

    spec = replace(spec, table=validated(SpecTable, raw, said, spec.named, rank))
    wrong = [mistake for name in (*spec.models, None) for mistake in contradictions(spec.sources(name))]
    if wrong:
        raise error_of(sorted(wrong, key=lambda mistake: rank(mistake.path)), spec.named)
    return spec


def _same(target: str, other: str) -> bool:
    """Whether two targets mean the same network; a file without a name means those of its entries."""
    mine, theirs = discovery.same_place(target), discovery.same_place(other)
    return mine == theirs or (mine[0] == theirs[0] and not mine[1])
