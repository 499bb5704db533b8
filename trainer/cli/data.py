"""``trainer data``: what is in an image set, in figures and pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainer.cli.output import say, write
from trainer.config.settings import check_bounds
from trainer.errors import TrainerError

if TYPE_CHECKING:
    from trainer.data import DataSet

FORMATS = ("text", "json")

DATA = """Show what is in a data set: counts, mean and deviation, duplicates, samples.

\b
  trainer data --data shapes
  trainer data --data folder:images --size 64 --augment strong
  trainer data --augmentations
  trainer data --format json > cifar10.json

Pictures go to figures/NAME; --no-pictures draws none.
"""


def data(
    source: Annotated[
        str,
        typer.Option(
            "--data", metavar="SOURCE", help="cifar10, cifar100, mnist, fashion-mnist, shapes or folder:PATH."
        ),
    ] = "cifar10",
    root: Annotated[
        Path, typer.Option("--data-root", metavar="FOLDER", help="Where published data sets are downloaded to.")
    ] = Path("data"),
    validation: Annotated[float, typer.Option("--validation", metavar="SHARE", help="Of each class, held out.")] = 0.1,
    validate_on: Annotated[
        str, typer.Option("--validate-on", metavar="SPLIT", help="validation, or test to hold out none.")
    ] = "validation",
    seed: Annotated[int, typer.Option("--seed", help="Of what is held out, shown and augmented.")] = 0,
    skip_bad_images: Annotated[
        bool, typer.Option("--skip-bad-images", help="Leave out images that cannot be read, and name them.")
    ] = False,
    size: Annotated[
        int | None, typer.Option("--size", metavar="PIXELS", help="Scale and cut images to squares of this side.")
    ] = None,
    channels: Annotated[
        int | None, typer.Option("--channels", metavar="N", help="3 for colour, 1 for grey. Default: the data set's.")
    ] = None,
    augment: Annotated[
        str, typer.Option("--augment", metavar="POLICY", help="For the augmented samples, as trainer fit takes it.")
    ] = "assignment",
    augmentations: Annotated[
        bool, typer.Option("--augmentations", help="Also draw every single augmentation, before and after.")
    ] = False,
    pictures: Annotated[
        Path | None, typer.Option("--pictures", metavar="FOLDER", help="Where to draw. Default: figures/NAME.")
    ] = None,
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Draw nothing.")] = False,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="text or json.")] = "text",
    _debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """``trainer data``: load a data set, describe it, draw it."""
    if form not in FORMATS:
        raise TrainerError(f"--format {form!r}: expected {' or '.join(FORMATS)}")
    if no_pictures and (augmentations or pictures is not None):
        raise TrainerError(f"--no-pictures and {'--augmentations' if augmentations else '--pictures'}: choose one")
    check_bounds("seed", seed)
    from trainer.data import load_data
    from trainer.data_page import as_json, as_text

    options: dict[str, Any] = {
        "validation": validation,
        "validate_on": validate_on,
        "seed": seed,
        "size": size,
        "channels": channels,
    }
    with reading() as progress:
        found = load_data(source, root, **options, skip_bad_images=skip_bad_images, say=say, progress=progress)
    folder = pictures or Path("figures") / found.name
    drawn = {} if no_pictures else _drawn(found, augment, augmentations, seed, folder)
    write((as_json if form == "json" else as_text)(found, drawn), None)
    return 0


def _drawn(found: DataSet, policy: str, augmentations: bool, seed: int, folder: Path) -> dict[str, Path]:
    """Draw the pictures; their files by what they show."""
    from trainer.augment import augmentation, catalogue
    from trainer.data_figures import augmented, each_augmentation, samples, save

    size = found.shape[:2]
    augment = augmentation(policy, mean=found.mean, std=found.std, size=size)
    for note in augment.notes:
        say(note)
    drawn = {
        "samples of each class": save(samples(found, seed), folder / "samples.png"),
        f"samples augmented by {policy}": save(augmented(found, augment, seed), folder / "augmented.png"),
    }
    if augmentations:
        every = catalogue(mean=found.mean, std=found.std, size=size)
        page = each_augmentation(found, every, seed)
        drawn["each augmentation, before and after"] = save(page, folder / "augmentations.png")
    return drawn


@contextmanager
def reading() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on the terminal while images are read; None where there is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading images", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)
