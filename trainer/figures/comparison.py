"""Runs side by side: how their accuracy rose."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from trainer.compare import Entry
from trainer.errors import TrainerError
from trainer.figures.style import LIGHT, Theme, new_figure, saved, styled, whole_epochs
from trainer.tables import cut

FORMS = ("png", "svg", "pdf")


def comparison(compared: Sequence[Entry], theme: Theme) -> Figure:
    """Accuracy over the epochs, a line for each run; logs of documents are dashed; a dot marks the best epoch.

    Args:
        compared: at least one with an epoch.
        theme: of the figure.

    Raises:
        TrainerError: none has an epoch.
    """
    drawn = [entry for entry in compared if entry.curve]
    if not drawn:
        raise TrainerError("none of the runs has an epoch to draw")
    figure = new_figure(4.4)
    axes = figure.subplots()
    for number, entry in enumerate(drawn):
        colour = theme.series[number % len(theme.series)]
        epochs, values = zip(*entry.curve, strict=True)
        best = entry.curve[(entry.best_epoch or len(entry.curve)) - 1]
        label = f"{cut(entry.name, 40)}: {best[1]:.2f}% ({entry.chosen_on}, epoch {best[0]})"
        style = "-" if entry.settings else (0, (4, 2))
        axes.plot(epochs, values, linestyle=style, color=colour, label=label)
        axes.plot(*best, "o", color=colour, markersize=5, zorder=5)
    axes.set_title("Accuracy, %")
    axes.legend(loc="lower right", handlelength=2.2)
    whole_epochs(axes, max(entry.curve[-1][0] for entry in drawn))
    return figure


def comparison_file(compared: Sequence[Entry], form: str) -> bytes:
    """The figure as a PNG, SVG or PDF.

    Raises:
        TrainerError: another form, or nothing to draw.
    """
    if form not in FORMS:
        raise TrainerError(f"a figure is {', '.join(FORMS)}, told by the end of its name; got {form or 'none'!r}")
    with styled(LIGHT):
        return saved(comparison(compared, LIGHT), form)
