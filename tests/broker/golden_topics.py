"""Topics of a release as bytes: recorded by one test run, written into a real broker by later ones."""

from __future__ import annotations

import base64
import json
import lzma
from pathlib import Path
from typing import Any

from kafka_helpers import produce
from kafka_job_helpers import Stage, event, label

from streamnn_connectors.kafka import KafkaSource, KafkaTransaction, Offset, Place
from streamnn_jobs.spec.job import JobSpec

FILE = Path(__file__).parent / "golden" / "v1-topics.json.xz"
EVENTS, LABELS, MORE = 300, 250, 100
OUTPUTS = ("predictions", "dead", "alarms", "merge")


def golden_spec(stage: Stage, directory: Path | None, **more: Any) -> JobSpec:
    limits = {"limits__pending": 60, "limits__early_labels": 60, "run__batch_records": 17}
    return stage.spec(directory, kafka__batch_events=40, **limits, **more)


def inputs() -> dict[str, list[bytes]]:
    """Events, one in twenty of them none, and labels, some before their event and some twice."""
    events = [event(i) if i % 20 else b"{broken" for i in range(EVENTS)]
    labels = [label((i * 7) % LABELS) for i in range(LABELS)] + [label(3)]
    return {"events": events, "labels": labels}


def more_inputs() -> dict[str, list[bytes]]:
    """What comes after the upgrade."""
    span = range(EVENTS, EVENTS + MORE)
    return {"events": [event(i) for i in span], "labels": [label(i) for i in span]}


def record(stage: Stage, end: dict[str, Any], checkpoint: Path) -> None:
    """Keep what the topics hold, where the group stands, and the last checkpoint but one."""
    topics = {
        what: [
            {
                "offset": m.offset,
                "key": _text(m.key),
                "value": _text(m.value),
                "headers": [[name, _text(value)] for name, value in m.headers],
            }
            for m in stage.read(what)
        ]
        for what in stage.topics
    }
    file = {"name": checkpoint.name, "bytes": _text(checkpoint.read_bytes())}
    whole = {"topics": topics, "names": stage.topics, "end": end, "checkpoint": file}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_bytes(lzma.compress(json.dumps(whole, sort_keys=True).encode()))


def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lzma.decompress(FILE.read_bytes()))
    return found


def write(stage: Stage, found: dict[str, Any], identity: str) -> None:
    """The same messages at the same offsets, and the group's offsets committed with the last of them."""
    for what in ("events", "labels"):
        produce(stage.settings, stage.topics[what], [_bytes(m["value"]) for m in found["topics"][what]])
    with_group = KafkaSource(stage.settings, stage.topics["events"], stage.group)
    partition = with_group.open("0")
    output = KafkaTransaction(stage.settings, identity)
    try:
        for what in OUTPUTS:
            at = 0
            for m in found["topics"][what]:
                if m["offset"] > at:  # a marker was here: the messages before it are a transaction
                    output.commit()
                    at += 1
                if not output.is_open:
                    output.begin()
                headers = [(name, _bytes(value) or b"") for name, value in m["headers"]]
                keys = None if m["key"] is None else [_bytes(m["key"])]
                output.send(stage.topics[what], [_bytes(m["value"])], keys=keys, partition=0, headers=headers)
                at += 1
            if output.is_open:
                output.commit()
        output.begin()
        places = [Place(stage.topics[what], 0) for what in ("events", "labels")]
        goal = [Offset(len(found["topics"][what])) for what in ("events", "labels")]
        output.commit(dict(zip(places, goal, strict=True)), partition.membership())
    finally:
        output.close()
        partition.close()
        with_group.close()


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
