"""Topics: what they are like, and making them when asked to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamnn.errors import SourceError, SpecError

from ._client import client, in_our_words, make_admin, words
from .settings import KafkaSettings


@dataclass(slots=True, frozen=True)
class TopicInfo:
    """A topic as the cluster describes it.

    Parameters
    ----------
    name : str
    identity : str
        Changes when a topic of the same name is made again.
    partitions : int
    replicas : int
        Of the first partition.
    """

    name: str
    identity: str
    partitions: int
    replicas: int = 1


@dataclass(slots=True, frozen=True)
class TopicLimits:
    """What a topic keeps and takes; None where it has no limit or does not say.

    Parameters
    ----------
    retention_s : float or None
    message_bytes : int or None
        Largest batch of messages the broker takes.
    cleanup : str
        ``"delete"``, ``"compact"`` or both.
    """

    retention_s: float | None = None
    message_bytes: int | None = None
    cleanup: str = "delete"
    settings: Mapping[str, str] = field(default_factory=dict)


class KafkaAdmin:
    """Describes topics, and makes or deletes them on request; nothing else here ever does.

    Parameters
    ----------
    settings : KafkaSettings

    Raises
    ------
    SourceError
        When no broker answers.

    Examples
    --------
    ::

        with KafkaAdmin(KafkaSettings(bootstrap_servers="localhost:9092")) as admin:
            admin.create("events", partitions=6)
            admin.require_alike("events", "labels")
    """

    def __init__(self, settings: KafkaSettings):
        self._settings = settings
        self._admin = make_admin(settings)

    def __enter__(self) -> KafkaAdmin:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def find(self, topic: str) -> TopicInfo | None:
        """The topic; None when there is none of that name."""
        with in_our_words(self._settings, SourceError):
            try:
                found = self._admin.describe_topics([topic])
            except client().errors.UnknownTopicOrPartitionError:
                return None
        info = next((t for t in found if t["name"] == topic), None)
        if info is None:
            return None
        error = client().errors.for_code(info.get("error_code", 0))
        if error is client().errors.UnknownTopicOrPartitionError:
            return None
        if error is not client().errors.NoError:
            raise SourceError(f"topic {topic}: {words(error())}")
        partitions = info["partitions"]
        return TopicInfo(
            topic, str(info.get("topic_id")), len(partitions), len(partitions[0]["replica_nodes"])
        )

    def describe(self, topic: str) -> TopicInfo:
        """The topic, or SourceError when there is none."""
        found = self.find(topic)
        if found is None:
            raise SourceError(
                f"topic {topic} is not there at {self._settings.where}. Check the name, or make it: "
                f"kafka-topics.sh --create --topic {topic}."
            )
        return found

    def limits(self, topic: str) -> TopicLimits:
        """What the topic keeps and takes; empty when we may not know."""
        kind, errors = client().admin, client().errors
        resource = kind.ConfigResource(kind.ConfigResourceType.TOPIC, topic)
        with in_our_words(self._settings, SourceError):
            try:
                found = self._admin.describe_configs([resource], config_filter="all")
            except errors.AuthorizationError:
                return TopicLimits()
        values = {name: setting["value"] for name, setting in found["topic"][topic].items()}
        retention = int(values.get("retention.ms", -1))
        size = int(values.get("max.message.bytes", 0))
        return TopicLimits(
            None if retention < 0 else retention / 1000,
            size or None,
            values.get("cleanup.policy", "delete"),
            values,
        )

    def create(
        self,
        topic: str,
        partitions: int = 1,
        replicas: int = -1,
        settings: Mapping[str, str] | None = None,
        exist_ok: bool = False,
    ) -> bool:
        """Make a topic; whether it was made. -1 replicas: as many as the cluster makes by itself."""
        new = client().admin.NewTopic(topic, partitions, replicas, topic_configs=dict(settings or {}))
        with in_our_words(self._settings, SourceError):
            try:
                self._admin.create_topics([new])
            except client().errors.TopicAlreadyExistsError:
                if not exist_ok:
                    raise SpecError(f"topic {topic} is there already. Choose another name.") from None
                return False
            self._admin.wait_for_topics([topic])
        return True

    def delete(self, topic: str) -> None:
        """Delete a topic and everything in it."""
        with in_our_words(self._settings, SourceError):
            self._admin.delete_topics([topic])

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """Delete the messages before an offset, as retention does."""
        with in_our_words(self._settings, SourceError):
            self._admin.delete_records({client().TopicPartition(topic, partition): offset})

    def require_alike(self, events: str, labels: str) -> int:
        """How many partitions both have; SpecError when a label's partition could not be its event's."""
        counts = [self.describe(topic).partitions for topic in (events, labels)]
        if counts[0] != counts[1]:
            raise SpecError(
                f"topic {events} has {counts[0]} partitions, {labels} {counts[1]}: the label of a key would "
                "not be in the partition of its event. Give both the same number, keyed alike."
            )
        return counts[0]

    def close(self) -> None:
        """Give up the socket. Safe to call twice."""
        self._admin.close()
