"""``[kafka]``: how a job reads and writes topics."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from streamnn_connectors.kafka import KafkaSettings, RegistrySettings

from .section import Count, Seconds, Section

Mode = Literal["exactly-once", "at-least-once", "plain"]


class KafkaSpec(Section):
    """Brokers, group, output topics, and what a transaction holds.

    What is learnt is decided by ``format``, ``unwrap``, those of labels, ``columns``, ``key``, ``timestamp``,
    ``headers`` and ``tombstones`` alone; the rest may change between a run and its resume.
    """

    connection: KafkaSettings | None = Field(
        default=None,
        description="a table: bootstrap_servers, security_protocol, sasl_..., ssl_...",
    )
    group: str | None = Field(
        default=None, description="name of the consumer group; one job, one group. By default after the topic"
    )
    mode: Mode = Field(default="exactly-once", description="exactly-once, at-least-once or plain")
    predictions: str | None = Field(default=None, description="name of a topic")
    dead_letters: str | None = Field(default=None, description="name of a topic")
    alarms: str | None = Field(default=None, description="name of a topic")
    merge_log: str | None = Field(
        default=None, description="name of a topic: in which order events and labels met"
    )
    registry: RegistrySettings | None = Field(
        default=None, description="a table: url, user, password, ... of the schema registry"
    )
    format: Literal["json", "arrow"] = Field(
        default="json",
        description="json or arrow: of the input; with a registry, messages in its frame are read by their schema",
    )
    label_format: Literal["json", "arrow"] | None = Field(
        default=None, description="json or arrow: of labels on a topic of their own, where it is another"
    )
    unwrap: str | list[str] | None = Field(
        default=None,
        description='a path such as "payload.after", debezium or cloudevents, or a list: where in a message the '
        "record is",
    )
    label_unwrap: str | list[str] | None = Field(
        default=None,
        description='the same of labels on a topic of their own, where it is another; "." is the message itself',
    )
    columns: list[str] | None = Field(
        default=None, description="a list of names: the events are JSON arrays of these columns"
    )
    key: str | None = Field(
        default=None, description="name of a column that the key of a message becomes, of events and labels"
    )
    timestamp: str | None = Field(
        default=None, description="name of a column that the time of a message becomes, in milliseconds"
    )
    headers: dict[str, str] = Field(
        default={}, description="a table: name of a header and of the column that it becomes"
    )
    tombstones: Literal["bad", "row", "skip"] = Field(default="bad", description="bad, row or skip")
    output_format: Literal["json", "arrow"] = Field(default="json", description="json or arrow")
    output_rows: Count = Field(
        default=1, description="a whole number, 1 or more: most predictions in a message"
    )
    batch_events: Count = Field(
        default=2000, description="a whole number, 1 or more: most events in a transaction"
    )
    batch_delay_s: Annotated[float, Field(ge=0)] = Field(
        default=0.1, description="a number of seconds: longest wait of an event for its transaction"
    )
    start: Literal["earliest", "latest"] = Field(
        default="earliest", description="earliest or latest: where a new job begins"
    )
    until_end: bool = Field(
        default=False, description="true or false: stop at the messages there are at the start"
    )
    partitions: list[Annotated[int, Field(ge=0)]] | None = Field(
        default=None,
        description="a list of partitions for this process alone; by default the group shares out",
    )
    create_topics: bool = Field(
        default=False, description="true or false: make the output topics that are missing"
    )
    compression: Literal["gzip", "lz4", "snappy", "zstd"] | None = Field(
        default=None, description="gzip, lz4, snappy or zstd"
    )
    message_bytes: Annotated[int, Field(ge=10_000)] = Field(
        default=1_000_000, description="a whole number, 10000 or more: largest message written"
    )
    instance_id: str | None = Field(
        default=None, description="a text: makes this process a static member of the group"
    )
    session_timeout_s: Seconds = Field(default=10.0, description="a number of seconds above 0")
    revoke_timeout_s: Seconds = Field(default=20.0, description="a number of seconds above 0")
    transaction_timeout_s: Seconds = Field(default=30.0, description="a number of seconds above 0")
    unreachable_s: Seconds = Field(
        default=300.0, description="a number of seconds above 0: no broker for so long ends the job"
    )

    @property
    def settings(self) -> KafkaSettings:
        """How to reach the brokers: ``connection``, and without one what the environment says."""
        return KafkaSettings.from_environment() if self.connection is None else self.connection

    def learning(self) -> dict[str, Any]:
        """The fields that decide what is learnt."""
        found = {name: getattr(self, name) for name in ("format", "columns", "timestamp", "tombstones")}
        # these came later and are left out where not given, so that an older checkpoint still fits
        later = ("key", "headers", "unwrap", "label_unwrap", "label_format")
        return found | {name: value for name in later if (value := getattr(self, name))}

    @property
    def ways(self) -> list[str]:
        """Where the records of events are in their messages."""
        return _ways(self.unwrap)

    @property
    def label_ways(self) -> list[str]:
        """The same of labels."""
        return self.ways if self.label_unwrap is None else _ways(self.label_unwrap)

    @model_validator(mode="after")
    def _columns_differ(self) -> KafkaSpec:
        names = [name for name in (self.key, self.timestamp, *self.headers.values()) if name is not None]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"key, timestamp and headers: two of them become column {name!r}")
        return self

    @model_validator(mode="after")
    def _envelopes_fit(self) -> KafkaSpec:
        if self.unwrap and (self.format == "arrow" or self.columns is not None):
            raise ValueError("unwrap: goes with JSON or Avro objects, not with format = arrow or columns")
        return self


def _ways(unwrap: str | list[str] | None) -> list[str]:
    return [unwrap] if isinstance(unwrap, str) else list(unwrap or ())
