"""Taking a partition over: fence who had it, finish what the brokers forgot, and learn where to go on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from streamnn.errors import SinkError, SourceError

from . import _decisions
from ._client import client, in_our_words, make_admin, words
from .contract import Offset, Place
from .errors import TransactionFailed
from .offsets import KafkaOffsets
from .settings import KafkaSettings
from .transaction import KafkaTransaction

_OFFSETS_TOPIC = "__consumer_offsets"
_DECIDED = {
    "PrepareCommit": True,
    "CompleteCommit": True,
    "PrepareAbort": False,
    "CompleteAbort": False,
    # taking over aborts these
    "Ongoing": False,
    "PrepareEpochFence": False,
}


def take_over(
    settings: KafkaSettings,
    transactional_id: str,
    group: str,
    inputs: Iterable[Place],
    outputs: Sequence[Place],
    **options: Any,
) -> tuple[KafkaTransaction, dict[Place, Offset | None]]:
    """A producer that nobody else has any more, and the offsets that are committed.

    A broker that starts again after it was killed may take the partitions of a transaction that is decided,
    but not yet marked as such in all of them, for deleted, and forget them. Readers and offsets then wait for
    ever. Such a transaction is finished here as it was decided, before the offsets are read.

    Parameters
    ----------
    settings : KafkaSettings
    transactional_id, group : str
    inputs : iterable of Place
        Whose offsets to read.
    outputs : sequence of Place
        All that transactions of this id may have written to.
    **options
        Of :class:`KafkaTransaction`.

    Raises
    ------
    SinkError
        When the brokers do not answer: try again.
    TransactionFailed
        When a transaction is left over and can't be finished here: says what to do.
    SourceError
        When the committed offsets are not known in time: try again.

    Examples
    --------
    ::

        output, at = take_over(settings, "job-events-0", "job", [Place("events", 0)], [Place("predictions", 0)])
    """
    with in_our_words(settings, SinkError):
        admin = make_admin(settings)
        try:
            before = _describe(admin, transactional_id, options.get("timeout_s", 30.0))
            output = KafkaTransaction(settings, transactional_id, **options)
            try:
                if before is not None:
                    _finish(settings, admin, transactional_id, before, outputs)
                timeout_s = options.get("timeout_s", 30.0)
                with KafkaOffsets(settings, group, timeout_s) as offsets:
                    return output, offsets.committed(inputs)
            except BaseException:
                output.close()
                raise
        finally:
            admin.close()


def _describe(admin: Any, transactional_id: str, timeout_s: float) -> Any:
    """What the coordinator knows of an id; None when it knows nothing, or does not say."""
    errors = client().errors
    until_s = time.monotonic() + timeout_s
    while True:
        try:
            return admin.describe_transactions([transactional_id])[transactional_id]
        except (
            errors.TransactionalIdNotFoundError,
            errors.AuthorizationError,
            errors.UnsupportedVersionError,
        ):
            return None
        except errors.RetriableError:
            # the first transaction of a cluster finds its coordinators still being made
            if time.monotonic() > until_s:
                raise
            time.sleep(0.1)


def _finish(
    settings: KafkaSettings, admin: Any, transactional_id: str, before: Any, outputs: Sequence[Place]
) -> None:
    """End what `before` left open in any partition: after taking over there should be nothing."""
    kafka = client()
    places = [kafka.TopicPartition(*place) for place in outputs]
    for topic in admin.describe_topics([_OFFSETS_TOPIC]):
        places += [kafka.TopicPartition(_OFFSETS_TOPIC, p["partition_index"]) for p in topic["partitions"]]
    left = [
        (tp, producer)
        for tp, state in admin.describe_producers(places).items()
        for producer in state.active_producers
        if producer.producer_id == before.producer_id and producer.current_transaction_start_offset >= 0
    ]
    if not left:
        return
    where = ", ".join(f"{tp.topic}/{tp.partition}" for tp, _ in left)
    decided = _DECIDED.get(before.state.value)
    if decided is None:
        # taken over before, by somebody who did not get this far: the log still tells
        (log,) = admin.describe_topics([_decisions.TOPIC])
        epoch = max(producer.producer_epoch for _, producer in left)
        untold = "no longer know whether it was committed"
        try:
            decided = _decisions.decision(
                settings, len(log["partitions"]), transactional_id, before.producer_id, epoch
            )
        except SourceError as error:
            untold = f"what was decided can't be read ({error})"
        if decided is None:
            raise TransactionFailed(
                f"{transactional_id}: the brokers have forgotten a transaction in {where}, and {untold}. "
                "Look there, end it with kafka-transactions.sh, and start again."
            )
    _mark_as(admin, decided)
    try:
        for tp, producer in left:
            spec = kafka.admin.AbortTransactionSpec(
                tp, producer.producer_id, producer.producer_epoch, max(0, producer.coordinator_epoch)
            )
            admin.abort_transaction(spec)
    except kafka.errors.AuthorizationError as error:
        raise TransactionFailed(
            f"{transactional_id}: the brokers have forgotten a transaction in {where}, and it may not be "
            f"finished here: {words(error)}. It was to be {'committed' if decided else 'aborted'}: allow "
            "CLUSTER_ACTION."
        ) from error


def _mark_as(admin: Any, commit: bool) -> None:
    """Let the markers of `admin` say `commit`; by itself kafka-python can only abort."""
    abort = admin._abort_transaction_request

    def request(spec: Any) -> Any:
        made = abort(spec)
        for marker in made.markers:
            marker.transaction_result = commit
        return made

    admin._abort_transaction_request = request
