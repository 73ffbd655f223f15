"""What documents point to is there: files, headings, paths of the code; and every guide is reached from the README."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "jobs").rglob("*.md"))
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
every_page = pytest.mark.parametrize("page", PAGES, ids=[p.relative_to(ROOT).as_posix() for p in PAGES])

LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.M | re.S)
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.S)


def prose(text: str) -> str:
    """A document without its code, whose brackets are no links."""
    return CODE.sub("", FENCE.sub("", text))


def links(text: str) -> list[str]:
    """Targets of the links of a document, in their order."""
    return LINK.findall(prose(text))


def anchors(text: str) -> set[str]:
    """Names under which GitHub shows the headings and the named places of a document."""
    found: set[str] = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    seen: dict[str, int] = {}
    for title in re.findall(r"^#{1,6} +(.+?) *#*$", FENCE.sub("", text), re.M):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        count = seen[slug] = seen.get(slug, -1) + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def broken(page: Path) -> Iterator[str]:
    """Links of a page that lead nowhere, and why."""
    for link in links(page.read_text("utf-8")):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"{link}: there is no such file"
        elif not target.is_relative_to(ROOT):
            yield f"{link}: lies outside the repository"
        elif anchor and anchor not in anchors(target.read_text("utf-8")):
            yield f"{link}: there is no such heading"


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


CODE_PATH = re.compile(r"`((?:\w+/)+(?:\w+\.\w+)?|\w+\.py)`")
SHORT_FOR = (
    "",
    "streamnn",
    "streamnn/pool",
    "jobs/streamnn_jobs",
    "connectors/streamnn_connectors",
    "tests/streamnn",
)
"""Folders that a page may leave out of a path."""


def paths(text: str) -> list[str]:
    """Paths of code that a document names."""
    return [
        path for path in CODE_PATH.findall(FENCE.sub("", text)) if path.split("/")[0] not in ("out", "ckpt")
    ]


@every_page
def test_paths_of_the_code_are_there(page: Path) -> None:
    found = paths(page.read_text("utf-8"))
    # a bare name stands beside a path of the same folder
    near = {
        ROOT / short / (path if path.endswith("/") else path.rpartition("/")[0])
        for path in found
        for short in SHORT_FOR
    }
    folders = {*(ROOT / short for short in SHORT_FOR), page.parent, *near}
    assert [path for path in found if not any((folder / path).exists() for folder in folders)] == []


def test_words_of_the_glossary_are_in_order() -> None:
    rows = re.findall(r"^\| \*\*(.+?)\*\* \|", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.M)
    words = [row.split(" (")[0].lower() for row in rows]
    assert len(words) > 100 and words == sorted(words) and len(set(rows)) == len(rows)


def test_every_guide_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in links(page.read_text("utf-8")):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists():
                waiting.append(target)
    assert [p.name for p in (ROOT / "docs").glob("*.md") if p not in reached] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see [a](b.md#c) and ![d](e.svg)", ["b.md#c", "e.svg"]),
        ("`x[0](y)` and ``[a](b)``", []),
        ("```\n[a](b.md)\n```\n[c](d.md)", ["d.md"]),
        ("[a](https://x.org/y_(z))", ["https://x.org/y_(z)"]),
    ],
)
def test_links_are_found_outside_of_code(text: str, found: list[str]) -> None:
    assert links(text) == found


def test_paths_are_told_from_other_code() -> None:
    text = "`streamnn/pool/` `pool/scan.py`, `scan.py`; `a.b`, `s3://x/y` `out/x.jsonl` `make test`"
    assert paths(text) == ["streamnn/pool/", "pool/scan.py", "scan.py"]


def test_headings_are_named_as_github_names_them() -> None:
    text = '# A `b`: c, d\n## Two words\n## Two words\n```\n# none\n```\n<a id="d-6"></a>'
    assert anchors(text) == {"a-b-c-d", "two-words", "two-words-1", "d-6"}


def test_a_broken_link_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    page = tmp_path / "a.md"
    page.write_text("# A\n[x](b.md) [y](#a) [z](#b) [w](../..) [v](https://x.org)\n")
    assert [why.partition(":")[0] for why in broken(page)] == ["b.md", "#b", "../.."]
