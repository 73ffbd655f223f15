"""What a transaction is going to hold, as messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from streamnn_connectors.base import BadRecord
from streamnn_connectors.kafka import Encoding, Message, dead_letter_messages
from streamnn_connectors.kafka.encoding import json_lines

from ..run.worker import Step
from ..spec.job import JobSpec
from .stream import Stream
from .topics import Topics


class Outbox:
    """Predictions, dead letters and alarms of one partition, encoded, until they are sent.

    Parameters
    ----------
    spec : JobSpec
    topics : Topics
    partition : int
    """

    def __init__(self, spec: JobSpec, topics: Topics, partition: int):
        self._key = spec.label.key
        self._largest = spec.kafka.message_bytes
        self._keyed = spec.kafka.output_rows == 1 and spec.kafka.output_format == "json"
        self._encoding = Encoding(spec.kafka.output_format, spec.kafka.output_rows, self._largest)
        self._partition = partition
        self._places = {
            what: topics.output(what, partition) for what in ("predictions", "dead_letters", "alarms")
        }
        self._values: list[bytes] = []
        self._keys: list[bytes | None] = []
        self._dead: list[Message] = []
        self._alarms: list[bytes] = []

    @property
    def wants_predictions(self) -> bool:
        """Whether there is a topic for them."""
        return self._places["predictions"] is not None

    def add(self, step: Step, events: Stream, labels: Stream | None) -> None:
        """Encode what a step gave; the streams still hold the messages it was made of."""
        if step.predictions and self.wants_predictions:
            encoded = self._encoding.encode(step.predictions)
            self._values += encoded.values
            if self._key is not None and self._keyed:
                self._keys += [_bytes(key) for key in step.predictions[self._key]]
        if self._places["dead_letters"] is not None:
            for bad in step.bad:
                self._dead += self._letter(bad, events)
            for bad in step.bad_labels:
                assert labels is not None
                self._dead += self._letter(bad, labels)
        if step.alarms and self._places["alarms"] is not None:
            self._alarms += json_lines([{**alarm, "partition": self._partition} for alarm in step.alarms])

    def send(self, output: Any) -> None:
        """Into the transaction that is open."""
        place = self._places["predictions"]
        if place is not None and self._values:
            keys = self._keys if self._key is not None and self._keyed else None
            output.send(place.topic, self._values, keys=keys, partition=place.partition)
        place = self._places["alarms"]
        if place is not None and self._alarms:
            output.send(place.topic, self._alarms, partition=place.partition)
        for message in self._dead:
            output.send_message(message)
        self.clear()

    def clear(self) -> None:
        """Nothing of it is sent."""
        self._values, self._keys, self._dead, self._alarms = [], [], [], []

    def _letter(self, bad: BadRecord, stream: Stream) -> list[Message]:
        place = self._places["dead_letters"]
        assert place is not None
        original = stream.original(bad.position)
        offset = stream.partition.offset({"position": bad.position})
        if original is not None and not stream.partition.rowwise:
            bad = replace(bad, raw=original.value or b"")
        where = stream.partition.place
        letters = dead_letter_messages(bad, where, offset, place.topic, original, self._largest)
        return [replace(letter, partition=place.partition) for letter in letters]


def _bytes(key: str | None) -> bytes | None:
    return None if key is None else key.encode("utf-8", "surrogatepass")
