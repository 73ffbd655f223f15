"""What all partitions of a job share."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamnn_connectors.kafka import KafkaSource

from ..run.job import BaseJob
from ..run.joined_worker import new_worker
from ..run.plan import Plan
from ..run.worker import Worker
from ..spec.job import JobSpec
from .inputs import Policy
from .merge_log import most_merged
from .sources import event_source, label_source
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
        kafka = self.spec.kafka
        self.events = event_source(
            self.spec,
            group=self.group,
            managed=kafka.partitions is None,
            session_timeout_s=kafka.session_timeout_s,
            instance_id=kafka.instance_id,
            revoke_timeout_s=kafka.revoke_timeout_s,
        )
        # whoever has a partition of the events reads that of the labels, whatever a group would say
        self.labels = label_source(self.spec)

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
