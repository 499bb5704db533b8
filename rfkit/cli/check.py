"""``rfkit check``: judge networks by a spec, say what is broken, and let the exit code say whether it matters."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated, Any

import typer

from rfkit.cli.options import (
    Args,
    Debug,
    Jobs,
    Memory,
    SpecDevice,
    SpecFile,
    SpecInput,
    Strict,
    StubMissing,
    Targets,
    Timeout,
    Tolerance,
)
from rfkit.cli.output import destination

CHECK = """Fail when a network is out of spec.

\b
  rfkit check                            every network of the spec
  rfkit check net 'submissions/*/model.py:Net' --jobs 2
  rfkit check net.py:Net --rf '> 44' --params '< 200k' --require dilated --forbid max_pool
  rfkit check -o junit=junit.xml -o sarif=rfkit.sarif

The spec is rfkit.toml, .rfkit.toml or [tool.rfkit] in pyproject.toml, here or above; rfkit init writes one.
Exit codes: 0 all rules hold, 1 a rule is broken or undecided, 2 a network could not be run, 3 a fault of ours.
"""


def _limit(option: str, text: str) -> Any:
    return typer.Option(option, metavar="LIMIT", help=text)


def check(
    context: typer.Context,
    targets: Targets = None,
    spec_file: SpecFile = None,
    rf: Annotated[str | None, _limit("--rf", "Receptive field, pooling included, e.g. '> 44'.")] = None,
    rf_features: Annotated[str | None, _limit("--rf-features", "Before the pooling, e.g. '>= 32'.")] = None,
    jump: Annotated[str | None, _limit("--jump", "Pixels between units, e.g. '<= 8'.")] = None,
    coverage: Annotated[str | None, _limit("--coverage", "Share of the image seen, e.g. '>= 0.9'.")] = None,
    max_hole: Annotated[str | None, _limit("--max-hole", "Pixels skipped in a row, e.g. '<= 1'.")] = None,
    params: Annotated[str | None, _limit("--params", "Parameters, e.g. '< 200k'.")] = None,
    macs: Annotated[str | None, _limit("--macs", "Multiply-accumulates, e.g. '< 60M'.")] = None,
    activation_memory: Annotated[str | None, _limit("--activation-memory", "e.g. '< 2 MiB'.")] = None,
    output_shape: Annotated[str | None, typer.Option("--output-shape", metavar="SHAPE", help="e.g. 1x10.")] = None,
    require: Annotated[
        list[str] | None, typer.Option("--require", metavar="PART", help="e.g. dilated or 'dilated>=2'. Repeatable.")
    ] = None,
    forbid: Annotated[
        list[str] | None, typer.Option("--forbid", metavar="NAME", help="e.g. max_pool or MaxPool2d. Repeatable.")
    ] = None,
    conv_blocks: Annotated[str | None, _limit("--conv-blocks", "Blocks of convolutions, e.g. '>= 4'.")] = None,
    kernel_size: Annotated[str | None, _limit("--kernel-size", "Of every convolution, e.g. '<= 7'.")] = None,
    stride: Annotated[str | None, _limit("--stride", "Likewise.")] = None,
    dilation: Annotated[str | None, _limit("--dilation", "Likewise.")] = None,
    aligned: Annotated[bool, typer.Option("--aligned", help="Paths that join agree in jump and centre.")] = False,
    no_unused: Annotated[bool, typer.Option("--no-unused-modules", help="Every module runs.")] = False,
    no_unproductive: Annotated[
        bool, typer.Option("--no-unproductive-layers", help="No convolution sees more than the image already.")
    ] = False,
    input_shape: SpecInput = None,
    arguments: Args = None,
    strict: Strict = False,
    device: SpecDevice = None,
    stub_missing: StubMissing = False,
    jobs: Jobs = 1,
    timeout: Timeout = None,
    memory: Memory = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="FILE", help="Figures not to fall behind.")
    ] = None,
    tolerance: Tolerance = None,
    select: Annotated[
        list[str] | None, typer.Option("--select", metavar="CODE", help="Only these rules, e.g. RF1. Repeatable.")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option("--ignore", metavar="CODE", help="Not these rules.")] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORM",
            envvar="RFKIT_FORMAT",
            show_envvar=False,
            help="full, concise, json, junit, sarif, github, gitlab, markdown or csv. Default: full; github in its Actions.",
        ),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option("--output", "-o", metavar="FORM=FILE", help="Also write a form to a file. Repeatable."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only what fails.")] = False,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 where it would be 1.")] = False,
    show_config: Annotated[bool, typer.Option("--show-config", help="Show what is asked of each, and where.")] = False,
    _debug: Debug = False,
) -> int:
    """``rfkit check``: its verdict is its exit code."""
    from rfkit.cli import judging
    from rfkit.gate.run import conditions_of

    spec = judging.spec_of(spec_file, context)
    files = judging.files_of(outputs or [])
    form = judging.form_of(form)
    if show_config:
        with destination(None) as write:
            write(judging.configuration(spec, targets or []))
        return 0
    models = judging.models_of(spec, targets or [])
    conditions = conditions_of(spec.settings, jobs)
    with ExitStack() as stack:
        stores = [(name, stack.enter_context(destination(path))) for name, path in files]
        outcome = judging.outcome_of(spec, models, conditions)
        for name, store in stores:
            store(judging.rendered(outcome, name, quiet, to_stdout=False))
        with destination(None) as write:
            write(judging.rendered(outcome, form, quiet, to_stdout=True))
        judging.summarise(outcome, form)
    return 0 if exit_zero and outcome.exit_code == 1 else outcome.exit_code
