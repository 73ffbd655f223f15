"""`streamnn dlq` on a topic: what a source refused is listed, shown and sent again once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka_helpers import batches, produce, read, values

from streamnn_connectors.base import BadRecord
from streamnn_connectors.kafka import (
    KafkaSettings,
    KafkaSource,
    KafkaTransaction,
    Place,
    dead_letter_messages,
)
from streamnn_jobs.cli.app import main
from streamnn_jobs.outputs.dead_letters import dead_letter

pytestmark = pytest.mark.slow
Make = Callable[..., str]
Capture = pytest.CaptureFixture[str]


ENVELOPE = b'{"before":null,"after":{"x":2},"op":"c"}'
"""A change event, which nobody has said how to open."""


@pytest.fixture
def box(
    settings: KafkaSettings, topic: Make, name: Callable[[str], str], closing: Callable[[Any], Any]
) -> tuple[str, str]:
    """A topic of events, three of them bad, and that of their letters."""
    events, dead = topic("events"), topic("dead")
    produce(
        settings,
        events,
        [b'{"x":1}', b"{oops", ENVELOPE, b"\xff"],
        [b"a", b"b", b"c", None],
        [("trace", b"t\xff")],
    )
    partition = closing(KafkaSource(settings, events, until_end=True)).open("0")
    (batch,) = batches(partition, 4)
    output = closing(KafkaTransaction(settings, name("id")))
    output.begin()
    for bad in batch.bad:
        at, original = partition.offset({"position": bad.position}), partition.original(bad.position)
        for message in dead_letter_messages(bad, Place(events, 0), at, dead, original):
            output.send_message(message)
    output.commit()
    return events, dead


def run(capsys: Any, settings: KafkaSettings, command: str, target: str, *args: str) -> tuple[int, str, str]:
    code = main(["dlq", command, target, "--bootstrap", settings.where, *args])
    out, err = capsys.readouterr()
    return code, out, err


def test_list_show_and_replay(
    settings: KafkaSettings, box: tuple[str, str], topic: Make, capsys: Capture
) -> None:
    events, dead = box
    code, out, _ = run(capsys, settings, "list", dead)
    lines = out.splitlines()
    assert code == 0 and lines[0] == f"{dead}: 3 dead letters"
    assert lines[-2].split()[:4] == [f"{events}/0/2", str(len(ENVELOPE)), "B", "schema"]
    code, out, _ = run(capsys, settings, "show", dead, f"{events}/0/1")
    assert (
        "key      b\n" in out
        and "header   trace: t\\xff\n" in out
        and out.endswith("value    5 bytes\n{oops\n")
    )
    code, out, _ = run(capsys, settings, "show", dead, "1", "--json")
    (letter,) = json.loads(out)
    assert (letter["topic"], letter["partition"], letter["offset"], letter["key"]) == (events, 0, 1, "b")
    assert letter["time"].startswith("20") and letter["raw"] == "e29vcHM="
    # sent again once, each choice for itself
    code, out, _ = run(capsys, settings, "replay", dead, "--stage", "schema")
    assert code == 0 and out == f"{dead}: 1 sent to the topics they came from\n"
    assert run(capsys, settings, "replay", dead, "--stage", "schema")[1].startswith(f"{dead}: 0 sent")
    (again,) = read(settings, events)[4:]
    assert (again.key, again.value, again.header("trace")) == (b"c", ENVELOPE, b"t\xff")
    assert again.header("streamnn-replayed") == f"{events}/0/2".encode()
    target = topic("target")
    for expected in (3, 0):
        _, out, _ = run(capsys, settings, "replay", dead, "--to", target, "--json")
        assert json.loads(out) == {"replayed": expected, "found": expected, "to": target}
    run(capsys, settings, "replay", dead, "--to", target, "--again", "--where", f"{events}/0/3")
    assert values(settings, target) == [b"{oops", ENVELOPE, b"\xff", b"\xff"]
    code, _, err = run(capsys, settings, "list", dead + "-none")
    assert code == 3 and "is not there at" in err


def test_a_file_into_a_topic(settings: KafkaSettings, topic: Make, tmp_path: Path, capsys: Capture) -> None:
    path, target = tmp_path / "dead_letters.jsonl", topic("target")
    letters = [dead_letter(BadRecord(i, "r", "decode", b"%d" % i), "s", "0") for i in range(1500)]
    path.write_text("".join(json.dumps(letter) + "\n" for letter in letters))
    code, out, _ = run(capsys, settings, "replay", str(path), "--to", target)
    assert code == 0 and out == f"{path}: 1,500 sent to {target}\n"
    assert values(settings, target) == [b"%d" % i for i in range(1500)]
    code, _, err = run(capsys, settings, "replay", str(path), "--to", target + "-none")
    assert code == 3 and "is not there at" in err
