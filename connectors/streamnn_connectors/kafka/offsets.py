"""Offsets a group has committed, and the ends of partitions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from streamnn.errors import SourceError

from ._client import client, close_consumer, in_our_words, make_consumer, words
from .contract import Offset, Place
from .errors import Fenced
from .settings import KafkaSettings

_COMMIT_S = 30.0
"""How long a commit without a transaction may take."""


class KafkaOffsets:
    """Looks up offsets; joins nothing and reads nothing.

    Parameters
    ----------
    settings : KafkaSettings
    group : str
    timeout_s : float, default 30
        For each look-up: a committed offset is waited for as long as a transaction that moves it is open.

    Examples
    --------
    ::

        with KafkaOffsets(settings, "job") as offsets:
            offsets.committed([Place("events", 0)])
    """

    def __init__(self, settings: KafkaSettings, group: str, timeout_s: float = 30.0):
        self._settings = settings
        self._group = group
        self._timeout_s = timeout_s
        # read_committed: any other may be told the offset before the last transaction
        self._consumer = make_consumer(settings, group_id=group, isolation_level="read_committed")

    def __enter__(self) -> KafkaOffsets:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def committed(self, places: Iterable[Place]) -> dict[Place, Offset | None]:
        """Where the group goes on; None where it has committed nothing.

        Raises
        ------
        SourceError
            When the coordinator does not say in time.
        """
        errors = client().errors
        found: dict[Place, Offset | None] = {}
        with in_our_words(self._settings, SourceError):
            for place in places:
                tp = client().TopicPartition(*place)
                try:
                    at = self._consumer.committed(tp, metadata=True, timeout_ms=int(self._timeout_s * 1000))
                except errors.KafkaTimeoutError as error:
                    raise SourceError(
                        f"group {self._group}: its coordinator did not say within {self._timeout_s:.0f} s "
                        f"what is committed of {place.topic}/{place.partition}. A transaction may still be "
                        "open: try again."
                    ) from error
                found[place] = None if at is None or at.offset < 0 else Offset(at.offset, _row(at.metadata))
        return found

    def beginning(self, places: Iterable[Place]) -> dict[Place, int]:
        """The first offset there is of each."""
        return self._ends(places, "beginning_offsets")

    def end(self, places: Iterable[Place]) -> dict[Place, int]:
        """The offset after the last message a read-committed reader can have of each."""
        return self._ends(places, "end_offsets")

    def membership(self) -> Any:
        """What a transaction commits with for a group without members: it fences nobody."""
        return self._consumer.group_metadata()

    def close(self) -> None:
        """Give up the socket. Safe to call twice."""
        close_consumer(self._consumer)

    def _ends(self, places: Iterable[Place], which: str) -> dict[Place, int]:
        wanted = [client().TopicPartition(*place) for place in places]
        with in_our_words(self._settings, SourceError):
            found = getattr(self._consumer, which)(wanted)
        return {Place(*tp): offset for tp, offset in found.items()}


def commit_offsets(consumer: Any, offsets: Mapping[Place, Offset]) -> None:
    """Commit for the group of a consumer, without a transaction; Fenced when the group no longer knows it.

    During a rebalance nothing is committed: the next commit says it again.
    """
    kafka = client()
    at = {
        kafka.TopicPartition(*place): kafka.OffsetAndMetadata(o.offset, to_metadata(o), -1)
        for place, o in offsets.items()
    }
    try:
        consumer.commit(at, timeout_ms=int(_COMMIT_S * 1000))
    except kafka.errors.RebalanceInProgressError:
        return
    except (kafka.errors.CommitFailedError, kafka.errors.IllegalGenerationError) as error:
        raise Fenced(f"{words(error)}. The partition is somebody else's: drop its state.") from error


def to_metadata(offset: Offset) -> str:
    """The note that goes with a committed offset: the row, where it is within a message."""
    return json.dumps({"row": offset.row}) if offset.row else ""


def _row(metadata: Any) -> int:
    try:
        return int(json.loads(metadata)["row"])
    except (ValueError, TypeError, KeyError):
        return 0
