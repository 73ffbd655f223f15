"""Text sinks after a crash: torn ends, foreign files, full disks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from streamnn.errors import SinkError
from streamnn_connectors import JsonLinesSink, open_sink

FILES = ["out.jsonl", "out.csv"]
every_file = pytest.mark.parametrize("name", FILES)
RECORDS: list[dict[str, Any]] = [
    {"position": 3, "word": 'a,"b"\nc', "p": 0.1, "n": 7},
    {"position": 4, "word": "é\r\n", "p": None, "n": -1},
    {"position": 4, "word": "", "p": 1e-7, "n": 0},
    {"position": 10, "word": '"', "p": 1e22, "n": 12345678901},
]


@every_file
@pytest.mark.parametrize("how", ["write", "write_columns"])
def test_a_torn_end_is_cut_off_at_every_byte(name: str, how: str, tmp_path: Path) -> None:
    path = tmp_path / name
    ends = []
    sink = open_sink(path)
    for record in RECORDS:
        if how == "write":
            sink.write([record])
        else:
            sink.write_columns({key: [value] for key, value in record.items()})
        sink.flush()
        ends.append(path.stat().st_size)
    sink.close()
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        kept = sum(end <= size for end in ends)
        sink = open_sink(path)
        assert sink.committed() == (RECORDS[kept - 1]["position"] if kept else -1), size
        assert path.stat().st_size == (ends[kept - 1] if kept else _header_end(whole, name, size))
        sink.write(RECORDS[kept:])
        sink.close()
        assert path.read_bytes() == whole, size


def _header_end(whole: bytes, name: str, size: int) -> int:
    end = whole.index(b"\n") + 1
    return end if name.endswith(".csv") and size >= end else 0


def test_a_long_torn_end(tmp_path: Path) -> None:
    for name in FILES:
        path = tmp_path / name
        sink = open_sink(path)
        sink.write([{"position": 1, "text": 'x"\n' * 100_000}, {"position": 2, "text": "y" * 300_000}])
        sink.close()
        size = path.stat().st_size
        with open(path, "ab") as file:
            file.write((b'{"position":3,"text":"' if "json" in name else b'3,"') + b"z" * 200_000)
        sink = open_sink(path)
        assert sink.committed() == 2 and path.stat().st_size == size
        sink.close()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("o.jsonl", b'{"x": 1}\n{"x": 2'),
        ("o.jsonl", b"[1]\n"),
        ("o.jsonl", b"\xff\xfe\n"),
        ("o.jsonl", b'{"position": "1"}\n'),
        ("o.jsonl", b"notes without a newline"),
        ("o.csv", b"a,b\n1,2\n3,"),
        ("o.csv", b"position,b\nx,2\n3,"),
        ("o.csv", b'"a"b\n1,2\n'),
    ],
)
def test_a_file_of_someone_else_is_left_alone(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SinkError, match="already holds something else"):
        open_sink(tmp_path / name)
    assert (tmp_path / name).read_bytes() == content


@every_file
def test_a_full_disk_loses_nothing_that_was_taken(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    sink: Any = open_sink(path)
    sink.write(RECORDS)

    class Full:
        """Takes ten bytes, then there is no space."""

        def __init__(self, file: Any):
            self.file, self.left = file, 10

        def __getattr__(self, attribute: str) -> Any:
            return getattr(self.file, attribute)

        def write(self, data: Any) -> int:
            if self.left == 0:
                raise OSError(28, "No space left on device")
            taken = self.file.write(data[: self.left])
            self.left -= taken
            return taken

    real = sink._file
    sink._file = Full(real)
    with pytest.raises(SinkError, match=r"can't be written: No space left on device.*disk is not full"):
        sink.flush()
    assert sink.committed() == -1 and path.stat().st_size == 10
    sink._file = real
    sink.close()
    assert sink.committed() == 10
    other = open_sink(tmp_path / f"other-{name}")
    other.write(RECORDS)
    other.close()
    assert path.read_bytes() == (tmp_path / f"other-{name}").read_bytes()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_device_that_is_full() -> None:
    sink = JsonLinesSink("/dev/full")
    sink.write([{"position": 0}])
    with pytest.raises(SinkError, match="No space left"):
        sink.close()
    sink.close()


def test_an_unflushed_sink_that_is_dropped_loses_its_buffer(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path / "o.jsonl")
    sink.write([{"position": 0}])
    del sink
    assert (tmp_path / "o.jsonl").read_bytes() == b""
