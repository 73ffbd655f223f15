"""The topics of a job: that they are there, fit each other, and keep what a restart needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamnn.errors import SpecError
from streamnn_connectors.kafka import KafkaAdmin, Place

from ..spec.job import JobSpec

_OWN_PARTITIONS = ("predictions", "merge_log")
"""Outputs that need as many partitions as the input."""


@dataclass(slots=True, frozen=True)
class Topics:
    """Names, and how many partitions each has.

    Parameters
    ----------
    events : str
    labels : str or None
    partitions : int
        Of `events`, and of `labels` where there are any.
    outputs : dict of str to (str, int)
        Topic and partitions by what it holds: predictions, dead_letters, alarms, merge_log.
    """

    events: str
    labels: str | None
    partitions: int
    outputs: dict[str, tuple[str, int]]

    def inputs(self, partition: int) -> list[Place]:
        """What is read: events, and labels of the same number."""
        topics = [self.events] if self.labels is None else [self.events, self.labels]
        return [Place(topic, partition) for topic in topics]

    def output(self, what: str, partition: int) -> Place | None:
        """Where an input partition's outputs go; None when nowhere."""
        if what not in self.outputs:
            return None
        topic, count = self.outputs[what]
        return Place(topic, partition % count)

    def places(self, partition: int) -> list[Place]:
        """All that transactions of an input partition may write to."""
        found = [self.output(what, partition) for what in self.outputs]
        return list(dict.fromkeys(place for place in found if place is not None))


def check_topics(spec: JobSpec, say: Callable[[str], None], create: bool = True) -> Topics:
    """Look at the topics of a spec; make missing outputs where it asks for that.

    Parameters
    ----------
    spec : JobSpec
        With a topic as its source.
    say : callable
        Told what may go wrong later: retention shorter than the time between checkpoints, compaction, no dead letters.
    create : bool
        False: nothing is made, what would be is said.

    Raises
    ------
    SpecError
        When topics do not fit each other.
    SourceError
        When one is missing, or no broker answers.
    """
    events, labels, kafka = spec.source.topic, spec.label.topic, spec.kafka
    assert events is not None
    wanted = {
        "predictions": kafka.predictions,
        "dead_letters": kafka.dead_letters,
        "alarms": kafka.alarms,
        "merge_log": kafka.merge_log if labels is not None else None,
    }
    for what, topic in wanted.items():
        if topic is not None and topic in (events, labels):
            raise SpecError(f"kafka.{what}: {topic} is read by this job: name another topic")
    if kafka.merge_log is not None and [*wanted.values()].count(kafka.merge_log) > 1:
        raise SpecError(
            f"kafka.merge_log: {kafka.merge_log} is for other outputs already: name another topic"
        )
    if labels == events:
        raise SpecError(
            "label.topic: is source.topic: labels that come with their events need no topic of their own"
        )
    if kafka.dead_letters is None:
        say(
            "kafka.dead_letters: names no topic: records that can't be used are counted, and lost. Name one "
            "to keep them"
        )
    with KafkaAdmin(kafka.settings) as admin:
        count = admin.describe(events).partitions if labels is None else admin.require_alike(events, labels)
        for partition in kafka.partitions or ():
            if partition >= count:
                raise SpecError(
                    f"kafka.partitions: {events} has {count}, the first is 0; {partition} is none of them"
                )
        outputs: dict[str, tuple[str, int]] = {}
        missing: list[str] = []
        for what, topic in wanted.items():
            if topic is None:
                continue
            if kafka.create_topics and admin.find(topic) is None:
                if not create:
                    say(f"topic {topic} is not there yet: a run makes it with {count} partitions")
                    outputs[what] = (topic, count)
                    missing.append(topic)
                    continue
                admin.create(topic, count, exist_ok=True)
                say(f"made topic {topic} with {count} partitions")
            has = admin.describe(topic).partitions
            if what in _OWN_PARTITIONS and has < count:
                raise SpecError(
                    f"kafka.{what}: {topic} has {has} partitions, {events} has {count}: what is of a "
                    "partition goes to the one of the same number. Give it as many"
                )
            takes = admin.limits(topic).message_bytes
            if takes is not None and takes < kafka.message_bytes:
                raise SpecError(
                    f"kafka.message_bytes: is {kafka.message_bytes}, topic {topic} takes {takes}: lower it, "
                    "or raise the topic's max.message.bytes"
                )
            outputs[what] = (topic, has)
        for topic in (events, labels, wanted["merge_log"]):
            if topic is not None and topic not in missing:
                _check_log(admin, topic, spec, say)
    return Topics(events, labels, count, outputs)


def _check_log(admin: KafkaAdmin, topic: str, spec: JobSpec, say: Callable[[str], None]) -> None:
    """What a restart reads again must still be there, as it was."""
    limits, every_s = admin.limits(topic), spec.checkpoint.every_s
    if "compact" in limits.cleanup:
        say(
            f"topic {topic} is compacted: records vanish from it, and a restart that has to learn them again "
            "gives another state. Set cleanup.policy=delete"
        )
    if limits.retention_s is None:
        return
    if spec.checkpoint.directory is None:
        say(
            f"topic {topic} keeps messages for {limits.retention_s:.0f} s, and there are no checkpoints: a "
            "restart after that can't learn everything again. Set checkpoint.directory"
        )
    elif every_s is not None and limits.retention_s < 10 * every_s:
        say(
            f"topic {topic} keeps messages for {limits.retention_s:.0f} s, a checkpoint is written every "
            f"{every_s:.0f} s: a job that is down for longer loses its place. Raise retention.ms"
        )
