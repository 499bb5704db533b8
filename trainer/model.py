"""The gate and the network: the only file of the trainer that knows rfkit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

import rfkit
from trainer.errors import TrainerError

RFKIT_VERSION = rfkit.__version__


@dataclass(frozen=True)
class Gate:
    """What the gate says of a network.

    Attributes:
        target: the file and the class, where the network was named as the spec calls it.
        passed: whether every rule holds; None where no spec asks anything of the network.
        text: the findings for people, as ``rfkit check`` prints them, or the network's numbers in a line.
        record: the findings and the report as JSON values.
        exit_code: of the gate: 0 passed or not asked, 1 a rule is broken, 2 the network could not be run.
    """

    target: str
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
    except rfkit.UsageError as error:
        if spec is not None:
            raise TrainerError(str(error)) from error
        return None
    except rfkit.RfkitError as error:
        raise TrainerError(str(error)) from error
    passed = outcome.exit_code == 0
    record = {
        "schema": "trainer.gate/1",
        "passed": passed,
        "spec": outcome.spec,
        "networks": [_verdict(verdict) for verdict in outcome.verdicts],
    }
    return Gate(_file_target(target, outcome), passed, str(outcome).rstrip(), record, outcome.exit_code)


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
        raise TrainerError(str(error)) from error
    totals = report.totals
    field = "x".join(map(str, totals.receptive_field))
    text = (
        f"{totals.params:,} parameters, {totals.macs / 1e6:.1f}M MACs, receptive field {field}; no spec asks more of it"
    )
    record: dict[str, Any] = {
        "schema": "trainer.gate/1",
        "passed": None,
        "spec": None,
        "networks": [{"target": target, "findings": [], "error": None, "report": report.to_dict()}],
    }
    return Gate(target, None, text, record)


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


def _verdict(verdict: Any) -> dict[str, Any]:
    return {
        "target": verdict.target,
        "findings": [asdict(finding) for finding in verdict.findings],
        "error": verdict.error,
        "report": None if verdict.report is None else verdict.report.to_dict(),
    }
