"""Getting both sides of a diff: two targets, two report files, or one network at two revisions. Targets run in workers."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from rfkit.errors import UsageError
from rfkit.gate.history.changes import Compared, Failure, Side, compare
from rfkit.gate.history.revisions import Repository, Revision
from rfkit.gate.requirements import ModelSpec
from rfkit.gate.run import Conditions, job_of
from rfkit.gate.spec.discovery import is_file, split_target
from rfkit.isolation import Job, Traced, trace_all
from rfkit.report import Report
from rfkit.soundness import faults

WORKING_TREE = "the working tree"
_NOT_RUN = "it could not be run"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a network is looked at.

    Attributes:
        name: what to call it: ``main (a1b2c3d)``, ``the working tree``.
        folder: what its target is relative to; None: the current directory.
    """

    name: str
    folder: Path | None = None

    @property
    def path(self) -> Path:
        """The folder, also where it is the current one."""
        return self.folder or Path.cwd()


def compare_sides(old: Path | ModelSpec, new: Path | ModelSpec, conditions: Conditions) -> Compared:
    """Two networks, or two reports of ``rfkit report --format json``, or one of each.

    Raises:
        UsageError: a report file cannot be used, or the two cannot be compared.
    """
    models = [each for each in (old, new) if isinstance(each, ModelSpec)]
    traced = iter(trace_models(models, conditions))
    sides, notes = [], []
    for each in (old, new):
        if isinstance(each, Path):
            sides.append(Side(str(each), read_report(each)))
            continue
        found = next(traced)
        if found.report is None:
            return Failure(each.name, each.target, found.error or _NOT_RUN)
        sides.append(Side(each.target, found.report))
        notes += _stand_ins(found)
    before, after = sides
    return compare(before, after, notes=list(dict.fromkeys(notes)))


def compare_revisions(
    models: Sequence[ModelSpec], base: str | None, head: str | None, conditions: Conditions, folder: Path
) -> tuple[Compared, ...]:
    """Networks as they were at one revision and are at another, in worktrees that are gone afterwards.

    Args:
        models: with targets relative to ``folder``.
        base: the old revision; None: where the current branch left the base branch.
        head: the new one; None: the working tree.
        conditions: how they are run.
        folder: the current directory.

    Raises:
        UsageError: there is no repository or no such revision, or the two cannot be compared.
    """
    repository = Repository.around(folder)
    old = repository.merge_base(os.environ) if base is None else repository.revision(base)
    new = None if head is None else repository.revision(head)
    models = [replace(model, target=_inside(model.target, repository, folder)) for model in models]
    with ExitStack() as stack:
        before = _place(old, repository, stack)
        after = Place(WORKING_TREE) if new is None else _place(new, repository, stack)
        return _compared(models, before, after, conditions, repository)


def trace_models(models: Sequence[ModelSpec], conditions: Conditions) -> list[Traced]:
    """What came of each network, each in a worker of its own."""
    return _trace([job_of(model, conditions) for model in models], conditions)


def read_report(path: Path) -> Report:
    """The report in a JSON file.

    Raises:
        UsageError: there is none, or it is none.
    """
    remedy = "rfkit report TARGET --format json writes one"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON; {remedy}") from error
    try:
        report = Report.from_dict(data)
        wrong = next(faults(report), None)
    except ValueError as error:
        raise UsageError(f"{path}: {error}; {remedy}") from error
    except (AttributeError, ArithmeticError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no complete report; {remedy}") from error
    if wrong:
        raise UsageError(f"{path} has a value that no report has ({wrong}); {remedy}")
    return report


def _place(revision: Revision, repository: Repository, stack: ExitStack) -> Place:
    return Place(revision.name, stack.enter_context(repository.worktree(revision)))


def _inside(target: str, repository: Repository, folder: Path) -> str:
    """A target relative to the folder, so that it means the same file in any worktree.

    Raises:
        UsageError: it lies outside of the repository.
    """
    source, name = split_target(target)
    if not is_file(source, folder):
        return target
    path = Path(os.path.abspath(folder / os.path.expanduser(source)))
    real = path.parent.resolve() / path.name
    if not real.is_relative_to(repository.root):
        raise UsageError(f"{source} lies outside of the repository {repository.root}: give two targets to compare")
    return f"{os.path.relpath(real, folder.resolve()).replace(os.sep, '/')}{name}"


def _compared(
    models: Sequence[ModelSpec], old: Place, new: Place, conditions: Conditions, repository: Repository
) -> tuple[Compared, ...]:
    """Trace every network on both sides, where it is there, in one go."""
    jobs: dict[tuple[int, bool], Job] = {}
    for i, model in enumerate(models):
        there = [place for place in (old, new) if _exists(model.target, place.path, repository)]
        for place in there or (old, new):
            jobs[i, place is new] = replace(job_of(model, conditions), directory=place.folder)
    traced = dict(zip(jobs, _trace(list(jobs.values()), conditions), strict=True))
    return tuple(
        _one(model, (old, traced.get((i, False))), (new, traced.get((i, True))), repository)
        for i, model in enumerate(models)
    )


def _one(
    model: ModelSpec, old: tuple[Place, Traced | None], new: tuple[Place, Traced | None], repository: Repository
) -> Compared:
    """One network, of which either side may not have it."""
    notes, sides = [], []
    for place, traced in (new, old):
        if traced is not None and traced.report is None:
            error = (traced.error or _NOT_RUN).replace(f"{place.path}{os.sep}", "")
            return Failure(model.name, model.target, f"{error} (in {place.name})" if place.folder else error)
        report = traced.report if traced is not None else None
        if report is not None:
            elsewhere = _from_elsewhere(report, place, repository)
            if (report.place or "").rpartition(":")[0] in elsewhere:
                error = f"{model.target} is installed, so it is the same at every revision: name its file instead"
                return Failure(model.name, model.target, error)
            notes += [
                f"{file} is installed from the working tree, so it is the same on both sides" for file in elsewhere
            ]
        notes += _stand_ins(traced) if traced is not None else []
        sides.append(Side(place.name, report))
    for place, traced, word in ((*old, "added"), (*new, "removed")):
        notes += [f"{model.target} is not in {place.name}: everything is {word}"] if traced is None else []
    return compare(sides[1], sides[0], model.name, list(dict.fromkeys(notes)))


def _stand_ins(traced: Traced) -> list[str]:
    return [f"stand-ins for packages that are missing: {', '.join(traced.stubs)}"] if traced.stubs else []


def _from_elsewhere(report: Report, place: Place, repository: Repository) -> list[str]:
    """Files of the user's repository from which a network in a worktree is made all the same, the network's own first."""
    if place.folder is None:
        return []
    places = [report.place, *(layer.place for layer in report)]
    files = [each.rpartition(":")[0] for each in places if each is not None]
    return [
        file for file in dict.fromkeys(files) if Path(file).is_absolute() and Path(file).is_relative_to(repository.root)
    ]


def _exists(target: str, folder: Path, repository: Repository) -> bool:
    """Whether the file of a target is there and has something of its name, as far as that can be told."""
    source, name = split_target(target)
    if is_file(source, folder):
        files = [folder / source]
    else:
        up = len(repository.folder.parts)
        paths = [root.joinpath(*source.split(".")) for root in (folder, folder.parents[up - 1] if up else folder)]
        files = [file for path in paths for file in (path.with_name(f"{path.name}.py"), path / "__init__.py")]
    return any(file.is_file() and _binds(file, name[1:].partition(".")[0]) for file in files)


def _binds(file: Path, name: str) -> bool:
    """Whether anything in a file has a name; True for no name, and where that cannot be told."""
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    found = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom | ast.Import)
        for alias in node.names
    }
    found |= {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    found |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return not name or name in found or bool(found & {"*", "__getattr__"})


def _trace(jobs: Sequence[Job], conditions: Conditions) -> list[Traced]:
    if not jobs:
        return []
    return trace_all(jobs, workers=conditions.workers, timeout=conditions.timeout, memory=conditions.memory)
