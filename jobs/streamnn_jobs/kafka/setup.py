"""What all partitions of a job share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from streamnn_connectors.kafka import KafkaSource, MessageFields

from ..records.wanted import declared_kinds, wanted_columns, wanted_of_labels
from ..run.job import BaseJob
from ..run.joined_worker import new_worker
from ..run.plan import Plan
from ..run.worker import Worker
from ..spec.job import JobSpec
from .inputs import Policy
from .merge_log import most_merged
from .topics import Topics


@dataclass(slots=True)
class Setup:
    """A job's spec, topics and clients, and who is told.

    Parameters
    ----------
    spec : JobSpec
    topics : Topics
    group : str
    policy : callable
        How a live job merges events and labels.
    job : BaseJob
        Who is told, who may stop it, its clock, and what makes a learner.
    events : KafkaSource
    labels : KafkaSource or None
    """

    spec: JobSpec
    topics: Topics
    group: str
    policy: Policy
    job: BaseJob
    events: KafkaSource = field(init=False)
    labels: KafkaSource | None = field(init=False, default=None)

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return self.spec.learner.task

    @property
    def batch_events(self) -> int:
        """Most records in a transaction: how they met must fit one message of the merge log."""
        kafka = self.spec.kafka
        if "merge_log" not in self.topics.outputs:
            return kafka.batch_events
        return min(kafka.batch_events, most_merged(kafka.message_bytes))

    def open_sources(self) -> None:
        """Connect; nothing is joined yet."""
        spec, kafka = self.spec, self.spec.kafka
        common: dict[str, Any] = {
            "until_end": kafka.until_end,
            "unreachable_s": kafka.unreachable_s,
            "registry": kafka.registry,
        }
        self.events = KafkaSource(
            kafka.settings,
            self.topics.events,
            self.group,
            managed=kafka.partitions is None,
            format=kafka.format,
            unwrap=kafka.ways,
            wanted=wanted_columns(spec),
            kinds=declared_kinds(spec),
            columns=kafka.columns,
            fields=MessageFields(kafka.key, kafka.timestamp, kafka.headers),
            tombstones=kafka.tombstones,
            start=kafka.start,
            session_timeout_s=kafka.session_timeout_s,
            instance_id=kafka.instance_id,
            revoke_timeout_s=kafka.revoke_timeout_s,
            **common,
        )
        if spec.label.topic is not None:
            # whoever has a partition of the events reads that of the labels, whatever a group would say
            self.labels = KafkaSource(
                kafka.settings,
                spec.label.topic,
                start=kafka.start,
                format=kafka.label_format or kafka.format,
                unwrap=kafka.label_ways,
                wanted=wanted_of_labels(spec),
                kinds=declared_kinds(spec),
                fields=MessageFields(kafka.key),
                **common,
            )

    def close_sources(self) -> None:
        """Leave the group."""
        for source in (getattr(self, "events", None), self.labels):
            if source is not None:
                source.close()

    def new_worker(self, partition: int) -> Worker:
        """A worker that has learnt nothing."""
        worker = new_worker(self.spec, self.task, self.job.make, self.topics.events, str(partition))
        worker.letters = False
        return worker

    def plan(self, partition: int) -> Plan:
        """A partition, for those who look on."""
        return Plan(self.spec, self.events, self.topics.events, str(partition), self.task, None, None, [])
