"""From the options of a command to the report on its target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rfkit.cli.messages import check_choice
from rfkit.cli.options import DEVICES
from rfkit.cli.output import say
from rfkit.errors import TargetError, UsageError
from rfkit.isolation import Job, trace_all

if TYPE_CHECKING:
    from rfkit.report import Report


def traced(
    target: str,
    input_shape: str | None = None,
    arguments: Sequence[str] = (),
    device: str = "meta",
    *,
    strict: bool = False,
    units: bool = False,
    holes: bool = False,
    stub_missing: bool = False,
) -> Report:
    """Trace a target at the shape that was given as ``3x32x32``, or at one that it accepts.

    It runs in this process, but for ``stub_missing``: stand-ins are for a worker process.

    Raises:
        UsageError: if there is no such device, or a worker is asked for what it does not send.
        TargetError: if the target cannot be found, imported or built.
        InputError: if the shape cannot be read, or the forward refuses it.
    """
    check_choice("--device", device, DEVICES)
    from rfkit.target import parse_shape
    from rfkit.trace_target import trace_target

    shape = None if input_shape is None else parse_shape(input_shape)
    if stub_missing:
        if units:
            raise UsageError("--units and --stub-missing do not go together: what every unit sees stays in its process")
        return _traced_with_stand_ins(
            Job(target, tuple(arguments), shape, strict, device, stub_missing=True, holes=holes)
        )
    return trace_target(target, arguments, shape, device=device, strict=strict, units=units, holes=holes)


def _traced_with_stand_ins(job: Job) -> Report:
    (found,) = trace_all([job])
    if found.report is None:
        raise TargetError(found.error or f"{job.target} cannot be run")
    if found.stubs:
        say(f"stand-ins for packages that are missing: {', '.join(found.stubs)}")
    return found.report
