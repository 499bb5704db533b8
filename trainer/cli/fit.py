"""``trainer fit``: train a network, or go on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from trainer.cli.settings import asked, with_settings
from trainer.config import from_mapping
from trainer.errors import TrainerError

FIT = """Train a network that the gate passes.

\b
  trainer fit net.py:Net --epochs 40
  trainer fit net.py:Net --data folder:images --time-budget 20m
  trainer fit net.py:Net --config recipe.toml --seed 1
  trainer fit --resume runs/Net-20260101-120000

Every option is also a key of the file for --config, with underscores: batch_size = 256. The command line overrules it.
Exit codes: 0 done, 1 the gate refused it or the training failed, 2 it could not run, 129, 130 or 143 it was interrupted.
"""


def _fit(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings in TOML; the command line overrules them.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="RUN", help="Go on with a run where its last saved state is.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
    *,
    settings: dict[str, Any],
) -> int:
    if resume is not None and config is not None:
        raise TrainerError("--resume goes on with the settings of its run; --config is for a new one")
    wanted = None if resume is not None else from_mapping(asked(settings, config))
    from trainer.progress import progress
    from trainer.train import fit as train
    from trainer.train import resume as go_on

    shown = progress()
    if resume is not None:
        return go_on(resume, settings, shown).exit_code
    assert wanted is not None
    return train(wanted, shown).exit_code


fit = with_settings(_fit)
