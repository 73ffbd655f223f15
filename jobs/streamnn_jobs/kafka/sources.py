"""The topics that a spec names, as sources."""

from __future__ import annotations

from typing import Any

from streamnn_connectors.kafka import KafkaSource, MessageFields

from ..records.wanted import declared_kinds, wanted_columns, wanted_of_labels
from ..spec.job import JobSpec


def event_source(spec: JobSpec, **options: Any) -> KafkaSource:
    """The topic of a spec's events.

    Parameters
    ----------
    spec : JobSpec
        With ``source.topic``.
    **options
        More, or other, parameters of :class:`KafkaSource`.
    """
    kafka, topic = spec.kafka, spec.source.topic
    assert topic is not None
    own: dict[str, Any] = {
        "format": kafka.format,
        "unwrap": kafka.ways,
        "wanted": wanted_columns(spec),
        "columns": kafka.columns,
        "fields": MessageFields(kafka.key, kafka.timestamp, kafka.headers),
        "tombstones": kafka.tombstones,
    }
    return KafkaSource(kafka.settings, topic, **_common(spec) | own | options)


def label_source(spec: JobSpec, **options: Any) -> KafkaSource | None:
    """The topic of a spec's labels; None where they come with their events."""
    kafka, topic = spec.kafka, spec.label.topic
    if topic is None:
        return None
    own: dict[str, Any] = {
        "format": kafka.label_format or kafka.format,
        "unwrap": kafka.label_ways,
        "wanted": wanted_of_labels(spec),
        "fields": MessageFields(kafka.key),
    }
    return KafkaSource(kafka.settings, topic, **_common(spec) | own | options)


def _common(spec: JobSpec) -> dict[str, Any]:
    kafka = spec.kafka
    return {
        "kinds": declared_kinds(spec),
        "start": kafka.start,
        "until_end": kafka.until_end,
        "unreachable_s": kafka.unreachable_s,
        "registry": kafka.registry,
    }
