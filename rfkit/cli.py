"""The command line: read the options, call, write, exit code. The only place that prints.

stdout carries the report and nothing else; whatever else there is to say goes to stderr, in one line.
Exit codes: 0 it ran, 2 it could not run.
"""

from __future__ import annotations

import difflib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rfkit import __version__
from rfkit.errors import InputError, RfkitError, TargetError, UsageError

if TYPE_CHECKING:
    from rfkit.report import Report
    from rfkit.target import LoadedModel

FORMATS = ("table", "json", "csv", "markdown")
DEVICES = ("meta", "cpu")
PIPED_WIDTH = 120
INTERRUPTED = 130
"""What typer returns for Ctrl-C outside standalone mode."""

ABOUT = """What every layer of a PyTorch network sees, and what it costs.

\b
  rfkit report model.py:Net              a table of its layers
  rfkit explain model.py:Net conv2.0     one layer's receptive field, by hand
"""

REPORT = """Report what every layer of a network sees and costs.

\b
  rfkit report model.py:Net
  rfkit report model.py:Net --arg dropout=0.1 --input 3x64x64 --all
  rfkit report torchvision.models:resnet18 --format json -o resnet18.json

The table is as wide as the terminal, 120 columns when piped. COLUMNS, NO_COLOR and FORCE_COLOR are honoured.
"""

EXPLAIN = """Work out one layer's receptive field by hand, step by step.

\b
  rfkit explain model.py:Net conv2.0
"""

app = typer.Typer(
    name="rfkit",
    help=ABOUT,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Target = Annotated[str, typer.Argument(metavar="TARGET", help="model.py:Net or package.module:factory.")]
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="SHAPE",
        help="Channels and positions, e.g. 3x32x32. Default: what the model states, else 3x32x32, 3x224x224 "
        "or 1x28x28, whichever it accepts.",
    ),
]
Args = Annotated[
    list[str] | None,
    typer.Option("--arg", metavar="VALUE", help="For the constructor: dropout=0.1, or 10 by position. Repeatable."),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Count context too: gates, norms over positions, pooled branches."),
]
Device = Annotated[
    str,
    typer.Option("--device", metavar="NAME", help="meta, or cpu where the forward needs real numbers."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"rfkit {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def rfkit(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Show the help where no command is given."""
    if context.invoked_subcommand is None:
        sys.stdout.write(f"{context.get_help()}\n")


@app.command(help=REPORT)
def report(
    target: Target,
    input_shape: Input = None,
    arguments: Args = None,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="table, json, csv or markdown.")] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, whole or not at all.")
    ] = None,
    layers: Annotated[
        str | None, typer.Option("--layers", metavar="PATTERN", help="Only these layers, e.g. 'conv*'.")
    ] = None,
    depth: Annotated[
        int | None, typer.Option("--depth", metavar="N", help="Fold layers to N components of their names.")
    ] = None,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Also norms, activations and dropouts (JSON and CSV always have them).")
    ] = False,
    units: Annotated[bool, typer.Option("--units", help="What every single unit sees (JSON only).")] = False,
    strict: Strict = False,
    device: Device = "meta",
    _debug: Debug = False,
) -> None:
    """``rfkit report``: trace a target, write the report."""
    _chosen("--format", form, FORMATS)
    if depth is not None and depth < 1:
        raise UsageError(f"--depth {depth}: expected 1 or more components of a layer's name")
    for option, given, forms in (("--units", units, ("json",)), ("--depth", depth, ("table", "markdown"))):
        if given and form not in forms:
            _say(f"{option} makes no difference to --format {form}; it is for {' and '.join(forms)}")
    with _destination(output) as write:
        found = _traced(target, input_shape, arguments or [], device, strict=strict, units=units)
        write(_rendered(found, form, output is None, all_rows=all_rows, layers=layers, depth=depth))


@app.command(help=EXPLAIN)
def explain(
    target: Target,
    layer: Annotated[str, typer.Argument(metavar="LAYER", help="A layer as the report names it, e.g. conv2.0.")],
    input_shape: Input = None,
    arguments: Args = None,
    strict: Strict = False,
    device: Device = "meta",
    _debug: Debug = False,
) -> None:
    """``rfkit explain``: trace a target, write the calculation of one layer."""
    from rfkit.render import explain as steps

    with _destination(None) as write:
        found = _traced(target, input_shape, arguments or [], device, strict=strict, units=False)
        wrap = sys.stdout.isatty() or "COLUMNS" in os.environ
        write(steps.render(found, layer, width=_width() if wrap else None))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every failure is one line on stderr.

    Args:
        arguments: what follows ``rfkit`` on the command line; None: those of the process.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = app(words, prog_name="rfkit", standalone_mode=False) or 0
        _flush()
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if "--debug" in words:
            import traceback

            traceback.print_exc()
        _say(_message(error))
        return 2
    if code == INTERRUPTED:
        _say("interrupted")
        return 2
    return int(code)


def _message(error: Exception) -> str:
    """One line for any error: our own as it stands, the option parser's in the same manner, the rest as internal."""
    if isinstance(error, RfkitError):
        return " ".join(str(error).split())
    if hasattr(error, "format_message"):
        return _usage(error)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"internal error: {what}; run again with --debug and report what it shows"


def _usage(error: Any) -> str:
    """What the option parser says, in one line with a remedy: the nearest option or command, or the command's help."""
    said = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "rfkit"
    wrong = getattr(error, "option_name", None)
    if "No such option" in said and wrong and context is not None:
        options = [option for param in context.command.params for option in param.opts if option.startswith("--")]
        near = difflib.get_close_matches(wrong, options, 1, 0.5)
        return f"no option {wrong}; " + (f"did you mean {near[0]}?" if near else f"{command} --help lists them")
    if said.startswith("No such command"):
        wrong = said.split("'")[1]
        near = difflib.get_close_matches(wrong, ("report", "explain"), 1, 0.5)
        meant = near[0] if near else f"report {wrong}" if ":" in wrong or wrong.endswith(".py") else ""
        return f"no command {wrong!r}; " + (f"did you mean rfkit {meant}?" if meant else "rfkit --help lists them")
    return f"{said[:1].lower()}{said[1:].rstrip('.')}; see {command} --help"


def _chosen(option: str, value: str, values: Sequence[str]) -> None:
    if value not in values:
        near = difflib.get_close_matches(value, values, 1, 0.6)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"{option} {value!r}: {hint}expected one of {', '.join(values)}")


def _traced(
    target: str, input_shape: str | None, arguments: Sequence[str], device: str, *, strict: bool, units: bool
) -> Report:
    """The report on a target, traced at the shape that was given, else at the first that its forward accepts."""
    _chosen("--device", device, DEVICES)
    from rfkit.target import load, parse_shape

    shape = None if input_shape is None else parse_shape(input_shape)
    options: dict[str, Any] = {"device": device, "strict": strict, "units": units}
    loaded = load(target, arguments, device=device)
    return _first_trace(loaded, options) if shape is None else _trace(loaded, shape, options)


def _first_trace(loaded: LoadedModel, options: dict[str, Any]) -> Report:
    failures = []
    for candidate in loaded.input_shapes():
        try:
            return _trace(loaded, candidate.sizes, options)
        except InputError as error:
            failures.append((candidate.sizes, error))
    if len({str(error) for _, error in failures}) == 1:
        raise failures[0][1]
    tried = ", ".join(_joined(sizes) for sizes, _ in failures)
    sizes, first = failures[0]
    raise InputError(f"{loaded.label} accepts none of {tried}; give --input (at {_joined(sizes)}: {first})") from first


def _trace(loaded: LoadedModel, shape: tuple[int, ...], options: dict[str, Any]) -> Report:
    from rfkit.analyze import trace

    try:
        with loaded.running():
            return trace(loaded.module, shape, target=loaded.label, rebuild=loaded.rebuild, **options)
    except SystemExit as error:
        raise TargetError(f"{loaded.label} calls sys.exit in its forward; take that out") from error


def _joined(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))


def _rendered(found: Report, form: str, to_stdout: bool, **selection: Any) -> str:
    """The report in one of its forms; ``selection``: ``all_rows``, ``layers`` and ``depth``."""
    if form == "json":
        from rfkit.render import as_json

        return as_json.render(found, layers=selection["layers"])
    if form == "csv":
        from rfkit.render import as_csv

        return as_csv.render(found, layers=selection["layers"])
    if form == "markdown":
        from rfkit.render import markdown

        return markdown.render(found, **selection)
    from rfkit.render import table

    if to_stdout:
        return table.render(found, width=_width(), color=_color(), **selection)
    return table.render(found, width=_width(terminal=False), **selection)


def _width(terminal: bool = True) -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns if terminal else PIPED_WIDTH


def _color() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def _destination(output: Path | None) -> Iterator[Callable[[str], None]]:
    """Where the report goes: stdout, or a file that appears when it is complete and is left alone otherwise.

    Raises:
        UsageError: the file cannot be written, which is found out on entry.
    """
    if output is None or str(output) == "-":
        yield _print
        return
    path = output.resolve()
    if path.is_dir():
        raise UsageError(f"cannot write {output}: it is a folder")
    if path.exists() and not os.access(path, os.W_OK):
        raise UsageError(f"cannot write {output}: permission denied")
    if path.exists() and not path.is_file():
        yield lambda text: _store(path, text, output)
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    _store(part, "", output)

    def write(text: str) -> None:
        _store(part, text, output)
        if path.exists():
            shutil.copymode(path, part)
        os.replace(part, path)

    try:
        yield write
    finally:
        part.unlink(missing_ok=True)


def _store(path: Path, text: str, output: Path) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot write {output}: {(error.strerror or str(error)).lower()}") from error


def _print(text: str) -> None:
    """Write to stdout, in ASCII where it has no other characters; a reader who has seen enough is no error."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = text.translate(_PLAIN).encode("ascii", "replace").decode()
    _flush(text)


_PLAIN = str.maketrans("█▉▊▋▌▍▎▏…≠○≤", "######--.xo<")


def _flush(text: str = "") -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise UsageError(f"cannot write to stdout: {(error.strerror or str(error)).lower()}") from error


def _say(message: str) -> None:
    sys.stderr.write(f"rfkit: {message}\n")
