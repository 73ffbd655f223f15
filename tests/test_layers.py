"""The rooms and their doors: imports point one way, the learning room touches nothing outside, files stay small."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

from streamnn.errors import MissingPackage

ROOT = Path(__file__).parents[1]
ROOMS = {
    "streamnn": ROOT / "streamnn",
    "streamnn_connectors": ROOT / "connectors" / "streamnn_connectors",
    "streamnn_jobs": ROOT / "jobs" / "streamnn_jobs",
}
MAY_IMPORT = {  # modules of other rooms, by prefix
    "streamnn": (),
    "streamnn_connectors": ("streamnn.types", "streamnn.errors", "streamnn.kinds"),
    "streamnn_jobs": ("streamnn", "streamnn_connectors"),
}
OUTSIDE = {  # no file, socket, clock or global seed where learning happens
    "asyncio", "glob", "http", "io", "os", "pathlib", "random", "shutil", "socket", "subprocess", "tempfile", "time",
    "urllib",
}  # fmt: skip
MAY_LOOK_OUTSIDE = {
    ("streamnn._kernels.jit", "os"),  # the switch for debugging is an environment variable
    ("streamnn.learners.turns", "os"),  # locks and threads do not outlive a fork
    ("streamnn.pool.threads", "os"),
    # an artefact's C is read from a folder and compiled
    *(("streamnn.edge.load", name) for name in ("pathlib.Path", "shutil", "subprocess", "tempfile")),
}
OUTSIDE_CALLS = {"open", "input", "print"}
SEEDED = {"BitGenerator", "Generator", "PCG64", "Philox", "SeedSequence", "default_rng"}

LONG, LONGEST, MOST_LONG = 300, 500, 0.05  # lines, and the share of files that may be long
MOST_FLOORS = 10


def modules(room: str) -> dict[str, Path]:
    """Dotted name of every module of a room."""
    folder = ROOMS[room]
    names = {}
    for path in sorted(folder.rglob("*.py")):
        parts = [room, *path.relative_to(folder).with_suffix("").parts]
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = [(room, name, path) for room in ROOMS for name, path in modules(room).items()]
every_module = pytest.mark.parametrize(("room", "name", "path"), MODULES, ids=[m[1] for m in MODULES])


def nodes_at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree, without those that only type checkers read."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        todo += node.orelse if isinstance(node, ast.If) and types else ast.iter_child_nodes(node)


def imports(
    tree: ast.AST, module: str, is_package: bool, at_run_time: bool = False
) -> Iterator[tuple[str, int]]:
    """Full name of everything imported, also inside functions, with its line; under TYPE_CHECKING too, if asked."""
    for node in nodes_at_run_time(tree) if at_run_time else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                package = parts[: len(parts) - node.level + is_package]
                base = ".".join([*package, base] if base else package)
            # `from streamnn import errors` imports streamnn.errors
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def learning_outside(tree: ast.AST) -> Iterator[str]:
    """Calls that learning may not make."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OUTSIDE_CALLS:
            yield f"{node.lineno}: calls {node.func.id}"
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Attribute)
            and ast.unparse(node.value) in ("np.random", "numpy.random")
            and node.attr not in SEEDED
        ):
            yield f"{node.lineno}: np.random.{node.attr} has a global seed"


class Module(NamedTuple):
    """What tests ask of a file, which is parsed once."""

    docstring: str | None
    imports: list[tuple[str, int]]
    at_run_time: list[tuple[str, int]]
    outside: list[str]
    constants: list[tuple[str, str]]


@cache
def read(name: str, path: Path) -> Module:
    tree, is_package = ast.parse(path.read_text()), path.name == "__init__.py"
    return Module(
        ast.get_docstring(tree),
        list(imports(tree, name, is_package)),
        list(imports(tree, name, is_package, at_run_time=True)),
        list(learning_outside(tree)),
        list(constants(tree)),
    )


def upward(room: str, module: str, imported: Iterable[tuple[str, int]]) -> list[str]:
    """Imports of another room that this room may not make."""
    found = []
    for target, line in imported:
        other = target.split(".")[0]
        allowed = any(target == p or target.startswith(p + ".") for p in MAY_IMPORT[room])
        if other in ROOMS and other != room and not allowed:
            found.append(f"{module}:{line} imports {target}")
    return found


@every_module
def test_imports_point_one_way(room: str, name: str, path: Path) -> None:
    assert upward(room, name, read(name, path).imports) == []


@pytest.mark.parametrize(
    ("room", "code"),
    [
        ("streamnn", "import streamnn_jobs"),
        ("streamnn", "def f():\n    from streamnn_connectors.base import Source"),
        ("streamnn_connectors", "from streamnn.learners import Classifier"),
        ("streamnn_connectors", "from streamnn import state"),
        ("streamnn_connectors", "import streamnn_jobs.cli.app"),
    ],
)
def test_an_upward_import_is_found(room: str, code: str) -> None:
    module = f"{room}.module"
    assert upward(room, module, imports(ast.parse(code), module, False))


def test_relative_imports_are_resolved() -> None:
    tree = ast.parse("from .. import errors\nfrom ..types import Chunk\nfrom . import schema")
    inside = [t for t, _ in imports(tree, "streamnn.features.inputs", False)]
    package = [t for t, _ in imports(tree, "streamnn.features.inputs", True)]
    assert inside == ["streamnn.errors", "streamnn.types.Chunk", "streamnn.features.schema"]
    assert package == [
        "streamnn.features.errors",
        "streamnn.features.types.Chunk",
        "streamnn.features.inputs.schema",
    ]


@pytest.mark.parametrize(("name", "path"), modules("streamnn").items(), ids=modules("streamnn"))
def test_learning_touches_nothing_outside(name: str, path: Path) -> None:
    found = [
        f"{line}: imports {t}"
        for t, line in read(name, path).imports
        if t.split(".")[0] in OUTSIDE and (name, t) not in MAY_LOOK_OUTSIDE
    ]
    assert found + read(name, path).outside == []


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        (
            "streamnn",
            "torch kafka river pytest hypothesis pandas pyarrow pydantic typer rich streamnn_connectors",
        ),
        ("streamnn_connectors", "numba torch kafka river pytest pandas pydantic typer rich streamnn_jobs"),
        ("streamnn_jobs", "numba torch kafka river pytest pandas"),
        ("streamnn_jobs.data.names", "numba torch kafka river pytest pandas"),
    ],
)
def test_an_import_pulls_in_no_more_than_it_needs(module: str, unwanted: str) -> None:
    code = f"import sys, {module}; print(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(unwanted.split()) & set(loaded.split()) == set()


@every_module
def test_every_module_says_what_it_is_for(room: str, name: str, path: Path) -> None:
    assert read(name, path).docstring


PACKAGES = [(name, path) for _, name, path in MODULES if path.name == "__init__.py"]


@pytest.mark.parametrize(("name", "path"), PACKAGES, ids=[p[0] for p in PACKAGES])
def test_packages_list_the_names_they_give(name: str, path: Path) -> None:
    try:
        package = importlib.import_module(name)
    except MissingPackage as e:
        pytest.skip(str(e))
    tree = ast.parse(path.read_text())
    gives = any(
        (isinstance(n, ast.ImportFrom) and n.module != "__future__")
        or getattr(n, "name", "") == "__getattr__"
        for n in tree.body
    )
    listed = getattr(package, "__all__", None)
    assert listed is not None or not gives, f"{name} re-exports names and has no __all__"
    assert [n for n in listed or () if not hasattr(package, n)] == []


def test_every_package_is_installed() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert sorted(setup["packages"]) == sorted(name for name, _ in PACKAGES)


def test_long_files_are_few() -> None:
    """A file is as long as its subject; where many are long, subjects are not told apart."""
    lengths = {name: len(path.read_text().splitlines()) for _, name, path in MODULES}
    long = {name: n for name, n in lengths.items() if n > LONG}
    assert len(long) <= len(lengths) * MOST_LONG and max(lengths.values()) <= LONGEST, long


def private_imports(module: str, imported: Iterable[tuple[str, int]]) -> list[str]:
    """Imports of another room's modules whose names begin with an underscore."""
    room = module.split(".")[0]
    found = []
    for target, line in imported:
        parts = target.split(".")
        path = ROOMS[parts[0]].joinpath(*parts[1:]) if parts[0] in ROOMS else None
        is_module = path is not None and (path.is_dir() or path.with_suffix(".py").exists())
        hidden = [part for part in (parts if is_module else parts[:-1]) if part.startswith("_")]
        if parts[0] in ROOMS and parts[0] != room and hidden:
            found.append(f"{module}:{line} imports {target}")
    return found


@every_module
def test_no_room_reaches_into_the_private_modules_of_another(room: str, name: str, path: Path) -> None:
    assert private_imports(name, read(name, path).imports) == []


@pytest.mark.parametrize(
    "code",
    [
        "from streamnn.alarms._scan import scan",
        "from streamnn.alarms import _scan",
        "import streamnn._kernels.jit",
        "def f():\n    from streamnn_connectors.kafka._loop import Loop",
    ],
)
def test_an_import_of_a_private_module_is_found(code: str) -> None:
    module = "streamnn_jobs.module"
    assert private_imports(module, imports(ast.parse(code), module, False))


def arrows(imported: Mapping[str, Iterable[tuple[str, int]]]) -> dict[str, set[str]]:
    """Which modules each module imports, also inside functions."""
    found: dict[str, set[str]] = {}
    for name, targets in imported.items():
        found[name] = set()
        for target, _ in targets:
            for module in (target, target.rpartition(".")[0]):
                if module in imported:
                    found[name].add(module)
                    break
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other round about, the first also last; empty if there are none."""
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for other in sorted(graph[name]):
                if found := visit(other, [*way, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := visit(name, []))), [])


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    assert circle(arrows({name: read(name, path).at_run_time for _, name, path in MODULES})) == []


def test_a_circle_is_found() -> None:
    sources = {
        "a": ("from .b import x", True),
        "a.b": ("def f():\n    from . import c", False),
        "a.c": ("if TYPE_CHECKING:\n    from .d import y\nimport a.e", False),
        "a.d": ("from .c import y", False),
        "a.e": ("", False),
    }

    def around() -> list[str]:
        parsed = {name: (ast.parse(text), package) for name, (text, package) in sources.items()}
        return circle(
            arrows(
                {name: list(imports(tree, name, package, True)) for name, (tree, package) in parsed.items()}
            )
        )

    assert around() == []
    sources["a.e"] = ("from .b import x", False)
    assert around() == ["a.b", "a.c", "a.e", "a.b"]


def floors(room: str, imported: Mapping[str, Iterable[tuple[str, int]]]) -> list[set[str]]:
    """Packages of a room, lowest first: each imports packages of lower floors only. CycleError where they go round.

    A module beside the packages counts as one; the room's own `__init__` and `__main__` stand above all.
    """
    arrows: dict[str, set[str]] = {}
    for module, targets in imported.items():
        if module in (room, f"{room}.__main__"):
            continue
        own = module.split(".")[1]
        arrows.setdefault(own, set())
        for target, _ in targets:
            while target and target not in imported:
                target = target.rpartition(".")[0]
            if target and target != room and target.split(".")[1] != own:
                arrows[own].add(target.split(".")[1])
    order = TopologicalSorter(arrows)
    order.prepare()
    found = []
    while order.is_active():
        ready = order.get_ready()
        found.append(set(ready))
        order.done(*ready)
    return found


@pytest.mark.parametrize(
    "room",
    [
        "streamnn",
        "streamnn_connectors",
        "streamnn_jobs",
    ],
)
def test_packages_form_floors(room: str) -> None:
    imported = {name: read(name, path).at_run_time for name, path in modules(room).items()}
    assert 1 <= len(floors(room, imported)) <= MOST_FLOORS


def test_an_arrow_back_up_is_found() -> None:
    def low_is(text: str) -> dict[str, list[tuple[str, int]]]:
        texts = {"r.low": "", "r.high": "", "r.high.b": "def f():\n    from ..low import a", "r.low.a": text}
        return {
            name: list(imports(ast.parse(text), name, name.count(".") == 1, at_run_time=True))
            for name, text in texts.items()
        }

    only_types = "if TYPE_CHECKING:\n    from ..high import b"
    assert floors("r", low_is(only_types)) == [{"low"}, {"high"}]
    with pytest.raises(CycleError):
        floors("r", low_is("from ..high import b"))


SAME_ROLE = {"SCRIPT", "STYLE", "TEMPLATES"}
"""Constants that the packages `report` and `live` have each of their own: the page's script, style and templates."""


def constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Name, without underscores before it, and value of every constant of a module; those it imports are not its own."""
    for node in tree.body:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        for target in targets:
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=True))
            elif isinstance(target, ast.Tuple):  # of a range, for one
                pairs = [(part, value) for part in target.elts]
            else:
                pairs = [(target, value)]
            for part, its in pairs:
                if isinstance(part, ast.Name) and part.id.strip("_").isupper() and its is not None:
                    yield part.id.lstrip("_"), ast.unparse(its)


def ambiguous(constants: Mapping[str, Iterable[tuple[str, str]]]) -> dict[str, dict[str, str]]:
    """Names of constants with more than one value, each with its modules and their values."""
    found: dict[str, dict[str, str]] = {}
    for module, named in constants.items():
        for name, value in named:
            found.setdefault(name, {})[module] = value
    return {n: values for n, values in found.items() if len(set(values.values())) > 1 and n not in SAME_ROLE}


def test_a_constant_has_one_meaning() -> None:
    """Who reads a name in one module and knows it from another is not misled, and can search for it."""
    assert ambiguous({name: read(name, path).constants for _, name, path in MODULES}) == {}


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ("WIDTH = 8", "WIDTH = 9", "WIDTH"),
        ("WIDTH: int = 8", "_WIDTH = 9", "WIDTH"),
        ("_WIDTH, _HEIGHT = 8, 9", "_HEIGHT = 8", "HEIGHT"),
        ("LOOK, LEARN = range(2)", "LEARN = 1", "LEARN"),
    ],
)
def test_a_constant_with_two_meanings_is_found(one: str, other: str, name: str) -> None:
    a, b = list(constants(ast.parse(one))), list(constants(ast.parse(other)))
    assert list(ambiguous({"a": a, "b": b})) == [name]
    assert ambiguous({"a": a, "b": a}) == {}
