"""`streamnn dlq` on files: what a job has put aside is listed, shown byte by byte, and given back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamnn_connectors.base import BadRecord
from streamnn_jobs.cli.app import main
from streamnn_jobs.outputs.dead_letters import dead_letter

Capture = pytest.CaptureFixture[str]

BAD = [
    BadRecord(3, "malformed JSON: Expecting value", "decode", b'{"x": \xff'),
    BadRecord(5, "the time in column 't' is 'abc', which is no time", "schema", b'{"x":"abc"}\n'),
    BadRecord(9, "the time in column 't' is 'def', which is no time", "schema", b'{"x":"def"}'),
]


@pytest.fixture
def letters(tmp_path: Path) -> str:
    path = tmp_path / "dead_letters.jsonl"
    lines = [json.dumps(dead_letter(bad, "events.jsonl", "0")) for bad in BAD]
    path.write_text("\n".join(lines) + '\n{"position": 12, "rea')  # the last one is being written
    return str(path)


def run(capsys: Any, *args: str) -> tuple[int, str, str]:
    code = main(["dlq", *args])
    out, err = capsys.readouterr()
    return code, out, err


def test_listing(letters: str, capsys: Capture) -> None:
    code, out, _ = run(capsys, "list", letters)
    assert code == 0
    assert out.splitlines() == [
        f"{letters}: 3 dead letters",
        "          2  schema  the time in column 't' is '…', which is no time",
        "          1  decode  malformed JSON: Expecting value",
        "events.jsonl/0/3        7 B  decode  malformed JSON: Expecting value",
        "events.jsonl/0/5       12 B  schema  the time in column 't' is 'abc', which is no time",
        "events.jsonl/0/9       11 B  schema  the time in column 't' is 'def', which is no time",
    ]
    code, out, _ = run(capsys, "list", letters, "--stage", "schema", "--limit", "1")
    assert out.splitlines()[-1] == "... and 1 more: --limit 2"
    code, out, _ = run(capsys, "list", letters, "--reason", "DEF", "--json")
    found = json.loads(out)
    assert found["dead_letters"] == 1 and found["kinds"][0]["count"] == 1
    assert found["letters"][0] == {
        "where": "events.jsonl/0/9", "stage": "schema", "reason": BAD[2].reason, "topic": "events.jsonl",
        "partition": 0, "offset": 9, "row": 0, "time": None, "key": None, "headers": [], "bytes": 11,
        "text": '{"x":"def"}', "raw": "eyJ4IjoiZGVmIn0=",
    }  # fmt: skip


def test_reasons_without_end_are_counted_in_bounds(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "d.jsonl"
    words = ["".join(chr(97 + int(c)) for c in str(i)) for i in range(500)]
    bad = [BadRecord(i, f"odd {w}", "decode", b"") for i, w in enumerate(words)]
    path.write_text("".join(json.dumps(dead_letter(b, "s", "0")) + "\n" for b in bad))
    _, out, _ = run(capsys, "list", str(path), "--json")
    kinds = json.loads(out)["kinds"]
    assert len(kinds) == 101 and kinds[0] == {"stage": "", "reason": "(further reasons)", "count": 400}


def test_showing(letters: str, capsysbinary: Any) -> None:
    code, out, _ = run(capsysbinary, "show", letters, "events.jsonl/0/3", "9")
    text = out.decode()
    assert code == 0 and text.count("where ") == 2
    assert (
        "reason   malformed JSON: Expecting value\nstage    decode\ntime     not known\nkey      none" in text
    )
    assert 'value    7 bytes\n{"x": \\xff' in text
    assert run(capsysbinary, "show", letters, "--raw", "5", "3")[1] == BAD[0].raw + BAD[1].raw
    assert json.loads(run(capsysbinary, "show", letters, "3", "--json")[1])[0]["text"] == '{"x": \\xff'
    code, _, err = run(capsysbinary, "show", letters, "77")
    assert code == 3 and b"no such dead letter" in err


def test_giving_back_to_a_file(letters: str, tmp_path: Path, capsys: Capture) -> None:
    mended = tmp_path / "again.jsonl"
    choice = ["replay", letters, "--stage", "schema", "--to-file", str(mended)]
    code, out, _ = run(capsys, *choice, "--dry-run")
    assert code == 0 and out == f"{letters}: 2 would be sent to {mended}\n" and not mended.exists()
    code, out, _ = run(capsys, *choice, "--json")
    assert json.loads(out) == {"replayed": 2, "found": 2, "to": str(mended)}
    assert mended.read_bytes() == b'{"x":"abc"}\n{"x":"def"}\n'
    code, _, err = run(capsys, *choice)
    assert code == 5 and "is there already" in err
    code, _, err = run(capsys, "replay", letters)
    assert code == 2 and "does not say which topic" in err
    code, _, err = run(capsys, *choice, "--to", "t")
    assert code == 2 and "--to and --to-file: give one" in err


def test_what_is_no_file_of_letters(tmp_path: Path, capsys: Capture) -> None:
    for line in ("{}", "[1]", "nonsense", json.dumps(dead_letter(BAD[0], "s", "0") | {"raw": "!"})):
        path = tmp_path / "x.jsonl"
        path.write_text(line + "\n")
        code, _, err = run(capsys, "list", str(path))
        assert code == 3 and "line 1 is no dead letter" in err
    code, _, err = run(capsys, "list", str(tmp_path / "none.jsonl"))
    assert code == 3 and "can't be read: No such file" in err
    several = tmp_path / "several.jsonl"
    several.write_text(json.dumps(dead_letter(BadRecord(1, "r", "decode", b"a\nb"), "s", "0")) + "\n")
    code, _, err = run(capsys, "replay", str(several), "--to-file", str(tmp_path / "o"))
    assert code == 2 and "has several lines" in err and "show --raw" in err
