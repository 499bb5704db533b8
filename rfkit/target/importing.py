"""Importing a user's model file so that it finds its neighbours, and so that nothing else does.

Each target gets a private package (``_target_1``, ``_target_2``, ...) whose search path is the folders the file may
import from; all its files are loaded as submodules of that package, by a loader that gives them an ``__import__`` of
their own. So an import means a neighbour only where one of the target's own files wrote it: torch never meets a
neighbour called ``signal.py``, two targets never share a ``utils.py``, ``sys.path`` stays as it is, and an import
inside ``forward`` keeps working later on, because a function keeps the ``__import__`` of its file.

What an absolute import in one of the target's files means, first match first:

1. ``torch`` and ``rfkit``: always the running ones.
2. A name of the standard library: the standard library, unless it lacks what the file asks of it (``from signal import
   smooth``, or ``import signal`` with ``signal.smooth`` further down) and a neighbour of that name exists. A folder may
   hold a ``types.py`` beside a file that means the standard one by ``import types``.
3. A neighbour: a file or package in the folders, also where a package of that name is installed or was imported before.
   A file does not mean itself, and a folder without ``__init__.py`` gives way to an installed package.
4. Whatever is installed.

``importlib.import_module`` follows the same rules while ``Neighbourhood.running`` is entered.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import itertools
import os
import sys
import tokenize
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

_RUNNING = frozenset({"torch", "rfkit"})
_ROOT_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg")
_SITES = ("site-packages", "dist-packages")
_MACHINERY = ("<frozen", os.path.dirname(__file__))
_numbers = itertools.count(1)


class Neighbourhood:
    """The files around one target, importable by each other under a private name.

    Attributes:
        name: name of the private package.
        file: the target's file, absolute; None for a target that is installed.
        packages: the packages the file belongs to, outermost first.
        folders: where an absolute import is looked up, in this order; what the files add to ``sys.path`` is appended.
    """

    def __init__(self, file: Path | None = None, packages: Sequence[str] | None = None) -> None:
        """The surroundings of a file, which belongs to ``packages`` (found out from the file if not given).

        Without a file it holds nothing: for a target that is installed, and still has to be run with care.
        """
        self.name = f"_target_{next(_numbers)}"
        self.file = file and (file.resolve() if packages is None else file.absolute())
        self.packages = tuple(_packages(self.file) if self.file and packages is None else packages or ())
        self.folders = [] if self.file is None else _folders(self.file, self.packages)
        self._builtins = {**vars(builtins), "__import__": self._import}
        self._sys_path = frozenset(sys.path)
        importlib.invalidate_caches()
        sys.modules[self.name] = _Package(self)
        if _Finder not in sys.meta_path:
            sys.meta_path.insert(0, _Finder)

    def load(self) -> ModuleType:
        """Execute the file, after the packages it belongs to. Whatever it raises is passed on.

        Raises:
            ValueError: if there is no file.
        """
        if self.file is None:
            raise ValueError("this neighbourhood was made without a file")
        name, folder = self.name, self.file.parents[len(self.packages)]
        for package in self.packages:
            name, folder = f"{name}.{package}", folder / package
            self._execute(name, folder / "__init__.py")
        if self.file.name != "__init__.py":
            name = f"{name}.{self.file.stem.replace('.', '_')}"
            self._execute(name, self.file)
        return sys.modules[name]

    def discard(self) -> None:
        """Forget every module of this neighbourhood, after a load that failed."""
        for name in [name for name in sys.modules if name == self.name or name.startswith(f"{self.name}.")]:
            del sys.modules[name]

    @contextmanager
    def running(self, program: str) -> Iterator[None]:
        """Run code of the target: what it prints goes to stderr, what it changes in the process is put back.

        Covers ``sys.argv`` (``[program]`` meanwhile), ``sys.path``, the working directory and the warnings filters.
        """
        argv, path, folder, original = sys.argv, sys.path[:], os.getcwd(), importlib.import_module

        def import_module(name: str, package: str | None = None) -> ModuleType:
            importer = sys._getframe(1).f_globals
            full = importlib.util.resolve_name(name, package) if package else name
            if self.wrote(importer) and self._means_neighbour(full, importer, ()):
                return original(f"{self.name}.{full}")
            return original(name, package)

        with warnings.catch_warnings(), redirect_stdout(sys.stderr):
            sys.argv = [program]
            importlib.import_module = import_module
            try:
                yield
            finally:
                importlib.import_module = original
                sys.argv, sys.path[:] = argv, path
                os.chdir(folder)

    def wrote(self, namespace: Mapping[str, Any]) -> bool:
        """Whether the globals of a frame are those of one of the target's own files."""
        return namespace.get("__builtins__") is self._builtins

    def place(self, error: BaseException) -> tuple[str, int] | None:
        """File and line of an error: the innermost line of the target's own files, else the innermost of all."""
        if isinstance(error, SyntaxError) and error.filename:
            return self.short(error.filename), error.lineno or 1
        frames = list(_frames(error.__traceback__))
        own = [frame for frame in frames if self.wrote(frame.tb_frame.f_globals)]
        others = [frame for frame in frames if not _file(frame).startswith(_MACHINERY)]
        for frame in (own or others)[-1:]:
            return self.short(_file(frame)), frame.tb_lineno
        return None

    def short(self, file: str) -> str:
        """A file name relative to the working directory, to one of the folders or to ``sys.path``, else as it is."""
        for folder in (os.getcwd(), *self.folders, *sorted(sys.path, key=len, reverse=True)):
            if folder and Path(file).is_relative_to(folder):
                return str(Path(file).relative_to(folder))
        return file

    def _execute(self, name: str, file: Path) -> None:
        if name in sys.modules:
            return
        spec = ModuleSpec(name, None, is_package=True)
        if file.is_file():
            spec = ModuleSpec(
                name, _Loader(name, str(file), self), origin=str(file), is_package=file.name == "__init__.py"
            )
            spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(str(file.parent))
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        if spec.loader is not None:
            spec.loader.exec_module(module)
        parent, _, child = name.rpartition(".")
        setattr(sys.modules[parent], child, module)

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002  the signature of builtins.__import__
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        wanted = tuple(fromlist or ())
        if level or not self._means_neighbour(name, globals or {}, wanted):
            return builtins.__import__(name, globals, locals, wanted, level)
        module = builtins.__import__(f"{self.name}.{name}", globals, locals, wanted)
        return module if wanted else sys.modules[f"{self.name}.{name.partition('.')[0]}"]

    def _means_neighbour(self, name: str, importer: Mapping[str, Any], wanted: Sequence[str]) -> bool:
        top, _, rest = name.partition(".")
        if top in _RUNNING:
            return False
        self.folders.extend(
            folder for folder in map(os.path.abspath, _added(self._sys_path)) if folder not in self.folders
        )
        spec = PathFinder.find_spec(f"{self.name}.{top}", self.folders)
        if spec is None or (spec.submodule_search_locations is None and spec.origin == importer.get("__file__")):
            return False
        if top in sys.stdlib_module_names:
            asked = (rest.partition(".")[0],) if rest else wanted or _attributes_used(importer.get("__file__"), top)
            return not all(_offers(top, attribute) for attribute in asked)
        return spec.origin is not None or not installed(top)


class _Package(ModuleType):
    """The private package itself: its search path is the neighbourhood's folders."""

    def __init__(self, neighbourhood: Neighbourhood) -> None:
        super().__init__(neighbourhood.name)
        self.__spec__ = ModuleSpec(neighbourhood.name, None, is_package=True)
        self.__path__ = neighbourhood.folders
        self.__neighbourhood__ = neighbourhood


class _Finder:
    """Finds submodules of private packages, and nothing else."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = sys.modules.get(fullname.partition(".")[0])
        if not isinstance(package, _Package):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(fullname, spec.loader.path, package.__neighbourhood__)
        return spec


class _Loader(SourceFileLoader):
    """Compiles from source, writing no bytecode next to the user's files, and hands the file its own ``__import__``."""

    def __init__(self, fullname: str, path: str, neighbourhood: Neighbourhood) -> None:
        super().__init__(fullname, path)
        self._neighbourhood = neighbourhood

    def get_code(self, fullname: str) -> CodeType:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = self.get_filename(fullname)
            code = self.source_to_code(self.get_data(path), path)
        assert isinstance(code, CodeType)
        return code

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self._neighbourhood._builtins
        super().exec_module(module)


def repository_root(folder: Path) -> Path:
    """The nearest folder upwards with .git, pyproject.toml, setup.py or setup.cfg; without one, the folder itself."""
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in _ROOT_MARKS):
            return candidate
    return folder


def syntax_tree(file: str | Path | None) -> ast.Module:
    """The parsed source of a module, an empty one where there is no source that parses."""
    try:
        with tokenize.open(file or "") as source, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def local_file(module: str, wanted: Sequence[str] = ()) -> Path | None:
    """The file that a dotted module name means in the working directory or its repository's root, None for neither.

    A folder without ``__init__.py`` gives way to an installed package, and the standard library goes first where it has
    what is wanted.
    """
    top, *rest = parts = module.split(".")
    standard = top in sys.stdlib_module_names and all(_offers(top, name) for name in rest[:1] or wanted)
    if top in _RUNNING or standard:
        return None
    for root in (Path.cwd(), repository_root(Path.cwd())):
        place = root.joinpath(*parts)
        file = next((file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()), None)
        if file and (not rest or (root / top / "__init__.py").is_file() or not installed(top)):
            return file
    return None


def installed_name(file: Path) -> str | None:
    """The module name of a file in site-packages, None elsewhere: it is imported as any other installed module."""
    for folder in file.resolve().parents:
        if folder.name in _SITES and str(folder) in sys.path:
            return ".".join(file.resolve().relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
    return None


def installed(top: str) -> bool:
    """Whether a top-level name can be imported from elsewhere, as more than a bare folder."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def _packages(file: Path) -> tuple[str, ...]:
    """Packages a file belongs to, outermost first.

    A file that neither imports relatively nor names its own package is a script: no ``__init__.py`` beside it runs.
    """
    nodes = list(ast.walk(syntax_tree(file)))
    levels = max((node.level for node in nodes if isinstance(node, ast.ImportFrom)), default=0)
    levels = max(levels, file.name == "__init__.py")
    packages: list[str] = []
    folder = file.parent
    while folder.name.isidentifier() and (len(packages) < levels or (folder / "__init__.py").exists()):
        packages.insert(0, folder.name)
        folder = folder.parent
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    named = packages and packages[0] in {name.partition(".")[0] for name in imported}
    return tuple(packages) if levels or named else ()


def _folders(file: Path, packages: Sequence[str]) -> list[str]:
    folders = (file.parents[len(packages)], file.parent, repository_root(file.parent), Path.cwd())
    return list(dict.fromkeys(str(folder) for folder in folders if folder.name not in _SITES))


def _added(known: frozenset[str]) -> list[str]:
    return [entry for entry in sys.path if entry not in known and os.path.isdir(entry)]


def _offers(standard: str, attribute: str) -> bool:
    if attribute == "*" or hasattr(builtins.__import__(standard), attribute):
        return True
    try:
        return importlib.util.find_spec(f"{standard}.{attribute}") is not None
    except ImportError:
        return False


def _attributes_used(file: str | None, module: str) -> tuple[str, ...]:
    """What a file takes from a module that it imports whole: ``smooth`` for ``import signal`` and ``signal.smooth``."""
    nodes = list(ast.walk(syntax_tree(file)))
    imported = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names if alias.name == module]
    names = {alias.asname or alias.name for alias in imported}
    return tuple(
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names
    )


def _frames(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _file(frame: TracebackType) -> str:
    return frame.tb_frame.f_code.co_filename
