"""The gate and the network: the only file of the trainer that knows rfkit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

import rfkit
from trainer.errors import TrainerError
from trainer.tables import human

RFKIT_VERSION = rfkit.__version__


@dataclass(frozen=True)
class Gate:
    """What the gate says of a network.

    Attributes:
        target: the file and the class, where the network was named as the spec calls it.
        arguments: of its constructor, those that stand in the spec too.
        passed: whether every rule holds; None where no spec asks anything of the network.
        text: the findings for people, as ``rfkit check`` prints them, or the network's numbers in a line.
        record: the findings and the report as JSON values.
        exit_code: of the gate: 0 passed or not asked, 1 a rule is broken, 2 the network could not be run.
    """

    target: str
    arguments: tuple[str, ...]
    passed: bool | None
    text: str
    record: dict[str, Any]
    exit_code: int = 0


def gate(target: str, arguments: Sequence[str], spec: Path | None) -> Gate | None:
    """Judge a network by the spec that was named, else by the nearest; None where there is none that asks anything.

    Args:
        target: ``net.py:Net``, or the name of a network in the spec.
        arguments: of its constructor.
        spec: the file; None: the nearest from the current directory up.

    Raises:
        TrainerError: the target or the spec cannot be used.
    """
    try:
        outcome = rfkit.check(target, arguments=tuple(arguments), spec=spec)
    except rfkit.NothingAskedError as error:
        if spec is None:
            return None
        raise TrainerError(str(error)) from error
    except rfkit.RfkitError as error:
        raise TrainerError(str(error)) from error
    passed = outcome.exit_code == 0
    record = {
        "schema": "trainer.gate/1",
        "passed": passed,
        "spec": outcome.spec,
        "networks": [_verdict(verdict) for verdict in outcome.verdicts],
    }
    given = _arguments(target, outcome)
    return Gate(_file_target(target, outcome), given, passed, str(outcome).rstrip(), record, outcome.exit_code)


def numbers(target: str, arguments: Sequence[str], input_shape: tuple[int, ...]) -> Gate:
    """The network's numbers, judged by nothing.

    Args:
        target: ``net.py:Net``.
        arguments: of its constructor.
        input_shape: (channels, height, width) of the images.

    Raises:
        TrainerError: the target cannot be used, or does not take the images.
    """
    try:
        module = rfkit.load(target, tuple(arguments))
        report = rfkit.trace(module, input_shape, target=target)
    except rfkit.RfkitError as error:
        hint = channels_hint(input_shape[0], lambda channels: _traced(target, arguments, (channels, *input_shape[1:])))
        raise TrainerError(f"{error}{hint}") from error
    totals = report.totals
    field = "x".join(map(str, totals.receptive_field))
    text = f"{totals.params:,} parameters, {human(totals.macs)} MACs, receptive field {field}; no spec asks more of it"
    record: dict[str, Any] = {
        "schema": "trainer.gate/1",
        "passed": None,
        "spec": None,
        "networks": [
            {"target": target, "arguments": list(arguments), "findings": [], "error": None, "report": report.to_dict()}
        ],
    }
    return Gate(target, tuple(arguments), None, text, record)


def channels_hint(channels: int, fits: Callable[[int], bool]) -> str:
    """What to do about a network that does not take grey images, or colour: "" where that is not what is wrong.

    Args:
        channels: of the images, 1 or 3.
        fits: whether the network takes images of so many channels.
    """
    if not fits(4 - channels):
        return ""
    into = "grey images become colour by --channels 3" if channels == 1 else "images become grey by --channels 1"
    return f"; {into}, or give the network an input of {channels}, e.g. --arg in_channels={channels}"


def build(target: str, arguments: Sequence[str], seed: int) -> nn.Module:
    """The network with real weights on the CPU; the same seed gives the same weights.

    Raises:
        TrainerError: the target cannot be found, imported or built.
    """
    try:
        return rfkit.load(target, tuple(arguments), seed=seed)
    except rfkit.RfkitError as error:
        raise TrainerError(str(error)) from error


def _file_target(target: str, outcome: rfkit.Outcome) -> str:
    """The file and class of a network that was named as the spec calls it; targets in a spec are relative to its folder."""
    named = next((each for each in outcome.verdicts if each.model == target and each.target != target), None)
    if named is None or outcome.spec is None:
        return target
    return str(Path(outcome.spec).parent / named.target)


def _traced(target: str, arguments: Sequence[str], input_shape: tuple[int, ...]) -> bool:
    try:
        rfkit.trace(rfkit.load(target, tuple(arguments)), input_shape, target=target)
    except rfkit.RfkitError:
        return False
    return True


def _arguments(target: str, outcome: rfkit.Outcome) -> tuple[str, ...]:
    """With which the network is built: those it was judged with.

    Raises:
        TrainerError: the spec has several networks of this target, which differ in them.
    """
    found = {verdict.arguments: verdict.model for verdict in outcome.verdicts}
    if len(found) > 1:
        names = ", ".join(found.values())
        raise TrainerError(f"{target} stands in {outcome.spec} with different arguments; name one of {names}")
    return next(iter(found), ())


def _verdict(verdict: Any) -> dict[str, Any]:
    return {
        "target": verdict.target,
        "arguments": list(verdict.arguments),
        "findings": [asdict(finding) for finding in verdict.findings],
        "error": verdict.error,
        "report": None if verdict.report is None else verdict.report.to_dict(),
    }
