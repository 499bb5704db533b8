"""``trainer lr-find``: let the learning rate rise, and see what the loss does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from trainer.cli.output import write
from trainer.cli.settings import asked, with_settings
from trainer.config import from_mapping

LR_FIND = """Train for some steps at learning rates that rise, show the loss, and suggest a rate. Nothing is stored.

\b
  trainer lr-find net.py:Net
  trainer lr-find net.py:Net --optimizer adamw --highest 1
"""
LINES = 16
BAR = 40
LEFT_OUT = frozenset(
    {"spec", "force", "run", "epochs", "time_budget", "target_accuracy", "schedule", "warmup", "lr"}
    | {"save_every", "log_steps", "report", "tensorboard", "ema"}
)


def _lr_find(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings in TOML; the command line overrules them.")
    ] = None,
    lowest: Annotated[float, typer.Option("--lowest", metavar="X", help="Rate of the first step.")] = 1e-5,
    highest: Annotated[float, typer.Option("--highest", metavar="X", help="Rate of the last step.")] = 10.0,
    steps: Annotated[int, typer.Option("--steps", metavar="N", min=10, help="How many, at least 10.")] = 150,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
    *,
    settings: dict[str, Any],
) -> int:
    wanted = from_mapping(asked(settings, config))
    from trainer.train.lr_find import find_lr

    found = find_lr(wanted, _say, lowest=lowest, highest=highest, steps=steps)
    for line in chart(found.rates, found.losses):
        _say(line)
    if found.flat:
        _say(
            f"the loss hardly changes, {min(found.losses):.3f} to {max(found.losses):.3f}: no rate stands out; try more "
            f"--steps than {steps}, or a higher rate: --highest {10 * highest:g}"
        )
    elif found.suggestion is None:
        _say(
            f"the loss is lowest at the last rate; more room at the top shows where it bursts: --highest {10 * highest:g}"
        )
    else:
        _say(f"the loss is lowest at {found.lowest:.2g}; a tenth of that leaves room: --lr {found.suggestion:.2g}")
    return 0


def chart(rates: Sequence[float], losses: Sequence[float]) -> list[str]:
    """About `LINES` lines of rate, loss and a bar, which is empty at the lowest loss and full at the highest."""
    low, high = min(losses), max(losses)
    rows = list(zip(rates, losses, strict=True))[:: max(len(rates) // LINES, 1)]
    bars = [round(BAR * (loss - low) / (high - low)) if high > low else 0 for _, loss in rows]
    return [
        f"{rate:10.2e}  loss {loss:7.3f}  {'#' * bar}".rstrip() for (rate, loss), bar in zip(rows, bars, strict=True)
    ]


def _say(text: str) -> None:
    write(f"{text}\n", None)


lr_find = with_settings(_lr_find, LEFT_OUT)
