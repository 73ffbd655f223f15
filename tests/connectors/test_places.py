"""What names stand for: files in their order, copies of what is not on this disk, and how the form of text is told."""

from __future__ import annotations

import io
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamnn.errors import SourceError
from streamnn_connectors import open_source
from streamnn_connectors._lines import LineReader
from streamnn_connectors._sniff import delimiter_of
from streamnn_connectors._text_form import TextForm, look_at
from streamnn_connectors.opening import Recorded
from streamnn_connectors.places import places_of


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_copy_that_is_not_whole_goes(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Torn(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise error

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Torn()))
    with pytest.raises((SourceError, KeyboardInterrupt), match=r"No space left on device\. The environ|^$"):
        places_of("-")
    assert not list(tmp_path.iterdir())


def test_a_url_is_read_from_a_copy_that_goes_with_its_source(web: str, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("x;y\n1;2\n")
    recorded = Recorded(f"{web}/orders.csv?version=3")
    copy = recorded.files[0]
    source = recorded.open()
    del recorded
    partition = source.open("0")
    batch = partition.next_batch(9)
    assert (
        batch is not None
        and batch.rows.to_pylist() == [{"x": 1.0, "y": 2.0}]
        and source.info().name == "orders"
    )
    partition.close()
    assert copy.exists()
    del source
    assert not copy.parent.exists()
    with pytest.raises(SourceError, match="can't be fetched: HTTP Error 404"):
        places_of(f"{web}/none.csv?secret=1")


def test_standard_input_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def again() -> None:
        told = io.TextIOWrapper(io.BytesIO(b"".join(b'{"x": %d}\n' % i for i in range(9))))
        monkeypatch.setattr(sys, "stdin", told)

    again()
    source = open_source("-")
    partition = source.open("0")
    batch = partition.next_batch(4)
    partition.close()
    assert batch is not None and source.info().name == "stdin"
    again()
    rest = open_source("-").open("0", batch.resume)
    more = rest.next_batch(9)
    rest.close()
    assert more is not None and more.rows.column("x").to_pylist() == [4.0, 5.0, 6.0, 7.0, 8.0]


def test_names_that_stand_for_nothing_say_so(tmp_path: Path) -> None:
    for name, words in (
        (tmp_path / "*.csv", "no file fits the pattern"),
        (tmp_path, "has no files"),
        ([], "empty"),
    ):
        with pytest.raises(SourceError, match=words):
            places_of(name)


WORD = st.text(st.sampled_from("abcxyz üé.-"), min_size=1, max_size=8).filter(lambda t: t.strip() == t)
TABLE = st.integers(2, 5).flatmap(
    lambda n: st.lists(st.lists(WORD, min_size=n, max_size=n), min_size=3, max_size=8)
)


@given(TABLE, st.sampled_from("\t;|,"))
def test_the_delimiter_of_any_table_is_seen(table: list[list[str]], delimiter: str) -> None:
    lines = [delimiter.join(row).encode() for row in table]
    assert delimiter_of(lines) == delimiter.encode()
    quoted = [delimiter.join(f'"{cell},{cell};|"' for cell in row).encode() for row in table]
    assert delimiter_of(quoted) == delimiter.encode()


@settings(max_examples=60)
@given(
    lines=st.lists(
        st.text(st.characters(codec="cp1252", exclude_categories=["Cc"]), max_size=9), min_size=1, max_size=9
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252"]),
)
@example(lines=["é", ""], encoding="cp1252")
def test_lines_come_back_in_any_encoding_that_is_named(
    lines: list[str], encoding: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes("\n".join([*lines, "end"]).encode(encoding))
    form = look_at(path, encoding)
    reader = LineReader(path, 0, form)
    found, places = [], []
    while taken := reader.take(1):
        found += taken
        places.append(reader.byte)
    reader.close()
    assert [line.decode() for line in found] == [*lines, "end"]
    for at, place in enumerate(places[:-1]):
        reader = LineReader(path, place, form)
        assert reader.take(1) == [found[at + 1]]
        reader.close()
    bare = encoding.removesuffix("-sig")
    marked = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(bare, bare)
    assert [form.original(line) for line in found] == [line.encode(marked) for line in [*lines, "end"]]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"K\xf6ln,1\n", "windows-1252"),
        ("Köln,1\n".encode() * 2 + b"K\xf6ln,1\n", "utf-8"),
        (b"a,\xff\n", "utf-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "utf-16-le"),
        (b"\xff\xfe\x00\n{}", "utf-8"),
        ("Köln".encode()[:-3], "utf-8"),
        (b"price,\x8050\n", "windows-1252"),
    ],
)
def test_how_an_encoding_is_told(content: bytes, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    assert look_at(path).encoding == encoding
    every = bytes(range(128, 256))
    form = TextForm("windows-1252")
    path.write_bytes(every)
    reader = LineReader(path, 0, form)
    assert form.original(reader.take(1)[0]) == every
    reader.close()


def test_each_file_writes_its_numbers_in_its_own_way(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1.5,x\n2.25,y\n")
    (tmp_path / "2.csv").write_text("b;a\nx;3,5\ny;1.000,25\n")
    partition = Recorded(str(tmp_path)).open().open("0")
    read = []
    while (batch := partition.next_batch(10)) is not None:
        read += batch.rows.column("a").to_pylist()
    assert read == [1.5, 2.25, 3.5, 1000.25]


def test_what_is_packed_and_broken_is_told(tmp_path: Path) -> None:
    (tmp_path / "orders").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(SourceError, match=r"orders can't be unpacked: .*Is it whole"):
        Recorded(str(tmp_path / "orders")).open()


@pytest.mark.parametrize(
    ("names", "kinds", "kind", "values"),
    [
        (["2023", "2024"], {}, "number", [2023.0, 2024.0]),
        (["2023", "2024"], {"at": "category"}, "category", ["2023", "2024"]),
        (["007", "008"], {}, "id", ["007", "008"]),
        (["1_000", "2_000"], {}, "text", ["1_000", "2_000"]),
        (["DE", "NA"], {}, "text", ["DE", "NA"]),
        (["1", "2"], {"at": "ignored"}, None, None),
    ],
)
def test_folders_are_columns_with_kinds(
    names: list[str], kinds: dict[str, str], kind: str | None, values: list[object] | None, tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / f"at={name}").mkdir()
        (tmp_path / f"at={name}" / "a.csv").write_text("x,y\n1,2\n")
    partition = open_source(tmp_path, kinds=kinds).open("0")
    found = []
    while (batch := partition.next_batch(10)) is not None:
        assert (batch.columns["at"].kind if "at" in batch.columns else None) == kind
        found += batch.rows.to_pylist()
    assert ([row["at"] for row in found] if values else None) == values
    assert values or "at" not in found[0]
