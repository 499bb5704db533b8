"""The gate inside pytest: a fixture for tests of one's own, and ``pytest --rfkit``, a test per network of the spec.

    def test_net(rfkit_check):
        rfkit_check(Net(), receptive_field="> 44", params="< 200_000", require=["dilated"])

torch, pydantic and the gate are imported when they are used, not when pytest starts.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from rfkit.errors import RfkitError, UsageError

if TYPE_CHECKING:
    from torch import nn

    from rfkit.gate.findings import Verdict
    from rfkit.gate.requirements import ModelSpec
    from rfkit.gate.run import Conditions
    from rfkit.gate.spec import Spec
    from rfkit.report import Report

_SPEC = pytest.StashKey[Path]()


class RfkitWarning(UserWarning):
    """A rule of severity "warning" that does not hold."""


class RfkitCheck(Protocol):
    """What the fixture ``rfkit_check`` is."""

    def __call__(self, network: nn.Module | str, /, **asked: Any) -> Report:
        """Fail the test unless the network is as asked.

        Args:
            network: a module, which is traced here and left as it was; or a target such as ``"net.py:Net"``, which runs in
                a process of its own, as with ``rfkit check``. Its file is relative to the current directory or, where that
                has none, to pytest's rootdir.
            asked: the keys that a network has in a spec: ``receptive_field="> 44"``, ``params="< 200k"``,
                ``require=["dilated"]``, ``input="3x32x32"``, ... ``input_shape=(1, 3, 32, 32)`` is another name of
                ``input``; without it, the input that the model states, else the usual ones are tried.

        Returns:
            What was measured.
        """


@pytest.fixture(scope="session")
def rfkit_check(pytestconfig: pytest.Config) -> RfkitCheck:
    """Fails a test unless a network is as asked, e.g. ``rfkit_check(Net(), receptive_field="> 44", params="< 200k")``."""

    def check(network: nn.Module | str, /, **asked: Any) -> Report:
        __tracebackhide__ = True
        found = _verdict(network, asked, pytestconfig)
        if isinstance(found, str):
            pytest.fail(found, pytrace=False)
        if found.exit_code:
            pytest.fail(_shown(found, None, pytestconfig), pytrace=False)
        for warning in _warnings(found):
            warnings.warn(warning, stacklevel=2)
        assert found.report is not None
        return found.report

    return check


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--rfkit`` and ``--rfkit-spec``."""
    group = parser.getgroup("rfkit", "networks that must keep to a spec")
    group.addoption(
        "--rfkit", action="store_true", help="check every network of the spec that 'rfkit check' finds, a test each"
    )
    group.addoption("--rfkit-spec", metavar="FILE", help="the same for the spec in this file")


def pytest_configure(config: pytest.Config) -> None:
    """Have the spec collected, wherever pytest was started."""
    if config.getoption("rfkit") or config.getoption("rfkit_spec"):
        spec = config.stash[_SPEC] = _spec_file(config)
        if not any(_leads_to(spec, argument, config) for argument in config.args):
            config.args.append(str(spec))


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which spec it is."""
    spec = config.stash.get(_SPEC, None)
    return None if spec is None else f"rfkit: {os.path.relpath(spec, config.invocation_params.dir)}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SpecFile | None:
    """The spec becomes a file of tests; outside of pytest's rootdir it is called by its name alone."""
    spec = parent.config.stash.get(_SPEC, None)
    if spec is None or file_path.name != spec.name or not file_path.samefile(spec):
        return None
    inside = file_path.is_relative_to(parent.config.rootpath)
    found: SpecFile = SpecFile.from_parent(parent, path=file_path, nodeid=None if inside else file_path.name)
    return found


class SpecFile(pytest.File):
    """A spec. Its networks are traced together when the first of them is tested, so that torch is imported once."""

    spec: Spec
    _conditions: Conditions
    _verdicts: Mapping[ModelSpec, Verdict] | None = None

    def collect(self) -> Iterator[NetworkItem]:
        """A test per network."""
        from rfkit.gate.run import conditions_of, demand_something
        from rfkit.gate.spec import read_spec

        try:
            self.spec = read_spec(self.path)
            models = self.spec.select()
            for model in models:
                demand_something(model, self.spec.settings)
            self._conditions = conditions_of(self.spec.settings, directory=self.config.invocation_params.dir)
        except RfkitError as error:
            raise self.CollectError(str(error)) from error
        if not models:
            raise self.CollectError(f"{self.path.name} names no network: add one under [models.NAME], with its target")
        for model in models:
            yield NetworkItem.from_parent(self, name=model.name, model=model)

    def verdict(self, model: ModelSpec) -> Verdict:
        """The verdict on one of the networks."""
        if self._verdicts is None:
            items = [item for item in self.session.items if isinstance(item, NetworkItem) and item.parent is self]
            self._verdicts = _verdicts([item.model for item in items], self._conditions)
        return self._verdicts[model]


class NetworkItem(pytest.Item):
    """A network of the spec: an error where it cannot be run, a failure where a rule is broken or undecided."""

    def __init__(self, *, model: ModelSpec, **options: Any) -> None:
        super().__init__(**options)
        self.model = model

    @property
    def found(self) -> Verdict:
        """What was found."""
        assert isinstance(self.parent, SpecFile)
        return self.parent.verdict(self.model)

    def setup(self) -> None:
        """Run the network."""
        if self.found.error is not None:
            pytest.fail(_reason(self.found), pytrace=False)

    def runtest(self) -> None:
        """Look at its rules."""
        assert isinstance(self.parent, SpecFile)
        if self.found.exit_code:
            pytest.fail(_shown(self.found, self.parent.path, self.config), pytrace=False)
        for warning in _warnings(self.found):
            self.warn(warning)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What failed; nobody wants our traceback of a warning that was made an error."""
        return str(excinfo.value) if excinfo.errisinstance(RfkitWarning) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where its entry stands, and the command that does the same."""
        assert isinstance(self.parent, SpecFile)
        _, _, line = self.parent.spec.place(("models", self.name)).rpartition(":")
        return self.path, int(line) - 1 if line.isdecimal() else None, f"rfkit check {self.name}"


def _spec_file(config: pytest.Config) -> Path:
    """The spec that was named, else the one that ``rfkit check`` finds."""
    from rfkit.gate.spec.discovery import find_spec

    folder, named = config.invocation_params.dir, config.getoption("rfkit_spec")
    if named is not None:
        path = Path(os.path.abspath(folder / os.path.expanduser(named)))
        if not path.is_file():
            raise pytest.UsageError(f"--rfkit-spec {named}: there is no such file")
        return path
    try:
        found = find_spec(folder)
    except RfkitError as error:
        raise pytest.UsageError(str(error)) from error
    if found is None:
        raise pytest.UsageError(
            f"--rfkit: no rfkit.toml, .rfkit.toml or pyproject.toml with [tool.rfkit] from {folder} up to the root of its "
            "repository; rfkit init writes one, --rfkit-spec names one elsewhere"
        )
    return found


def _leads_to(spec: Path, argument: str, config: pytest.Config) -> bool:
    """Whether pytest comes upon the spec from an argument: its folder or one above, itself, or a test in it."""
    path = (config.invocation_params.dir / argument.split("::")[0]).resolve()
    return spec.resolve() == path or (path.is_dir() and spec.resolve().is_relative_to(path))


def _verdicts(models: list[ModelSpec], conditions: Conditions) -> Mapping[ModelSpec, Verdict]:
    """What became of networks of a spec."""
    from rfkit.gate.findings import Verdict
    from rfkit.gate.run import run

    try:
        found = run(models, conditions)
    except RfkitError as error:
        found = tuple(Verdict(model.name, model.target, None, error=str(error)) for model in models)
    return dict(zip(models, found, strict=True))


def _verdict(network: nn.Module | str, asked: Mapping[str, Any], config: pytest.Config) -> Verdict | str:
    """What became of a network that a test asks about, or why that cannot be said."""
    from rfkit.gate.run import Conditions, run, verdict
    from rfkit.gate.spec.keywords import model_of
    from rfkit.isolation import Traced

    try:
        if isinstance(network, str):
            (found,) = run([model_of(network, asked)], Conditions(directory=_directory(network, config)))
        else:
            spec = model_of(_class_name(network), asked)
            found = verdict(spec, Traced(_traced(network, spec), None, (), 0.0), Conditions())
    except RfkitError as error:
        return str(error)
    return found if found.error is None else _reason(found)


def _class_name(network: object) -> str:
    """What messages call a module."""
    from torch import nn

    if isinstance(network, nn.Module):
        return type(network).__name__
    what = f"the class {network.__name__}" if isinstance(network, type) else f"a {type(network).__name__}"
    raise UsageError(f'rfkit_check takes a module or a target such as "net.py:Net", not {what}')


def _traced(network: nn.Module, spec: ModelSpec) -> Report:
    """The report of a module, at the input that was given, else at the first that it accepts."""
    from rfkit.analyze import trace
    from rfkit.target.places import Construction
    from rfkit.target.shapes import candidates
    from rfkit.trace_target import first_accepted

    if spec.arguments:
        raise UsageError(f"arguments are for a target; this {spec.target} is built already")
    options: dict[str, Any] = {"device": spec.device, "strict": spec.strict, "places": Construction().places(network)}
    shape = spec.input_shape
    if shape is not None:
        return trace(network, shape, **options)
    return first_accepted(
        candidates(network), lambda sizes: trace(network, sizes, **options), spec.target, "input_shape"
    )


def _directory(target: str, config: pytest.Config) -> Path:
    """Where a target is run: pytest's rootdir if its file is there and not in the current directory."""
    from rfkit.gate.spec.discovery import split_target

    source, root = split_target(target)[0], config.rootpath
    return root if (root / source).is_file() and not Path(source).is_file() else Path.cwd()


def _shown(verdict: Verdict, spec: Path | None, config: pytest.Config) -> str:
    """What does not hold, as ``rfkit check`` prints it."""
    from rfkit.gate.findings import Outcome
    from rfkit.gate.formats import FORMATS
    from rfkit.gate.formats.options import Options
    from rfkit.gate.spec.discovery import shown_path

    outcome = Outcome((verdict,), None if spec is None else shown_path(spec))
    return FORMATS["full"](outcome, Options(width=config.get_terminal_writer().fullwidth)).rstrip()


def _reason(verdict: Verdict) -> str:
    from rfkit.gate.formats import words

    return words.excuse(verdict)


def _warnings(verdict: Verdict) -> Iterator[RfkitWarning]:
    """What does not hold without making the check fail."""
    from rfkit.gate.findings import Severity
    from rfkit.gate.formats import words

    for finding in verdict.findings:
        if finding.counts and finding.severity is Severity.WARNING:
            said = words.located(finding, words.one_line(finding.message))
            yield RfkitWarning(f"{finding.place or verdict.target}: {finding.code} [{verdict.model}] {said}")
