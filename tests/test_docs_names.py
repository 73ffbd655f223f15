"""What docstrings and documents name is there: parameters, what roles point to, files, tests and reasons."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamnn_jobs.outputs.dead_letters import REASON_WORDS

ROOT = Path(__file__).parents[1]
ROOMS = {
    "streamnn": ROOT / "streamnn",
    "streamnn_connectors": ROOT / "connectors" / "streamnn_connectors",
    "streamnn_jobs": ROOT / "jobs" / "streamnn_jobs",
}
FILES = [path for folder in ROOMS.values() for path in sorted(folder.rglob("*.py"))]
DOCS = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=\n\n?[A-Z][a-z]+\n-+\n|\Z)", re.DOTALL | re.MULTILINE)
Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def documented(docstring: str) -> list[str]:
    """Names in the Parameters section of a numpydoc docstring."""
    section = SECTION.search(docstring)
    lines = textwrap.dedent(section[1]).splitlines() if section else []
    heads = [line.partition(" : ")[0] for line in lines if line and not line.startswith(" ")]
    return [name.strip(" *") for head in heads for name in head.split(",")]


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    a = function.args
    more = [x for x in (a.vararg, a.kwarg) if x is not None]
    return {x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs, *more)}


def accepted(node: Documented) -> set[str]:
    """Parameters of a function; of a class those of its constructor, and its fields."""
    if not isinstance(node, ast.ClassDef):
        return parameters(node)
    fields = {
        m.target.id for m in node.body if isinstance(m, ast.AnnAssign) and isinstance(m.target, ast.Name)
    }
    makers = [m for m in node.body if isinstance(m, ast.FunctionDef) and m.name in ("__init__", "__new__")]
    return fields.union(*map(parameters, makers))


def unknown_parameters(text: str) -> Iterator[str]:
    """Parameters that docstrings describe and that are not there; classes without a constructor are left out."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Documented) and (names := documented(ast.get_docstring(node) or "")):
            there = accepted(node)
            if there or not isinstance(node, ast.ClassDef):
                yield from (f"{node.name}: {name}" for name in names if name not in there)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_docstrings_describe_parameters_that_are_there(path: Path) -> None:
    assert list(unknown_parameters(path.read_text())) == []


def test_an_unknown_parameter_is_found() -> None:
    text = '''
class A:
    """A.

    Parameters
    ----------
    x, y : int
        One.
    z : int, optional

    Raises
    ------
    E
    """

    def __init__(self, x, *, z=0):
        pass
'''
    assert list(unknown_parameters(text)) == ["A: y"]


def defined(path: Path) -> dict[str, ast.AST]:
    """What a module or class body binds."""
    return bound(ast.parse(path.read_text()).body)


def bound(body: list[ast.stmt]) -> dict[str, ast.AST]:
    found: dict[str, ast.AST] = {}
    for node in body:
        if isinstance(node, Documented):
            found[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0]: node for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in ast.walk(node):
                if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store):
                    found[target.id] = node
            if (
                "__all__" in found and found["__all__"] is node
            ):  # names that a package imports when they are asked for
                found |= {str(n.value): node for n in ast.walk(node) if isinstance(n, ast.Constant)}
    return found


def exists(name: str) -> bool:
    """Whether the full name of a module, or of something in one, is there."""
    room, *parts = name.split(".")
    path = ROOMS[room]
    while parts and ((path / parts[0]).is_dir() or (path / f"{parts[0]}.py").exists()):
        path = path / parts.pop(0)
    if not parts:
        return True
    names = defined(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))
    node = names.get(parts[0])
    if len(parts) == 1 or not isinstance(node, ast.ClassDef):
        return node is not None  # what an imported class has is looked for under that class's own name
    makers = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    return parts[1] in bound(node.body) or parts[1] in makers


ROLE = re.compile(
    r":(?:class|func|meth|mod|attr|exc|data):`~?((?:streamnn|streamnn_connectors|streamnn_jobs)(?:\.\w+)*)`"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_roles_point_to_what_is_there(path: Path) -> None:
    assert [name for name in ROLE.findall(path.read_text()) if not exists(name)] == []


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("streamnn.types.Chunk", True),
        ("streamnn.network.Network.certificate", True),
        ("streamnn.network.arrays", True),
        ("streamnn.types.Chunks", False),
        ("streamnn.network.network.Network.certificates", False),
        ("streamnn.networks", False),
    ],
)
def test_a_name_that_is_not_there_is_found(name: str, there: bool) -> None:
    assert exists(name) == there


@pytest.mark.parametrize("document", [name for name in DOCS if name != "decisions.md"])  # which is history
def test_documents_name_files_and_tests_that_are_there(document: str) -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    files = re.findall(
        r"(?<![\w/])((?:streamnn|connectors|jobs|tests|benchmarks|docs|docker)/[\w/.-]+\.\w+)", DOCS[document]
    )
    assert [name for name in files if not (ROOT / name).exists()] == []
    named = re.findall(r"`(?:test_)?(\w+_\w+_\w+_\w+)`", DOCS[document]) if document == "kafka.md" else []
    assert [name for name in named if f"def test_{name}" not in tests] == []


def test_decisions_that_comments_quote_are_there() -> None:
    decisions = " ".join(DOCS["decisions.md"].split())
    quoted = [
        (path.name, title)
        for path in FILES
        for title in re.findall(r'decisions\.md, "([^"]+)"', re.sub(r"\n\s*(?:# )?", " ", path.read_text()))
    ]
    assert quoted
    assert [(name, title) for name, title in quoted if title not in decisions] == []


def test_lines_of_code_that_a_debugger_shows_are_where_it_says() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    shown = re.findall(r"> (streamnn/[\w/]+\.py)\((\d+)\)\w+\(\)\n +-> (.*)", text)
    assert shown
    for file, number, line in shown:
        assert (ROOT / file).read_text().splitlines()[int(number) - 1].strip() == line


def test_reasons_of_dead_letters_are_those_there_are() -> None:
    listed = re.search(
        r"`reason` of dead letters is one of (.*?)\. `cause`", DOCS["operations.md"], re.DOTALL
    )
    assert listed is not None and tuple(re.findall(r"`(\w+)`", listed[1])) == REASON_WORDS
