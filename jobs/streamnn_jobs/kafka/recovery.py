"""Where a partition goes on: who had it is fenced, the newest fitting checkpoint is loaded, the gap is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streamnn.errors import StateError
from streamnn_connectors.base import Resume
from streamnn_connectors.kafka import (
    KafkaOffsets,
    KafkaOutput,
    KafkaPartition,
    KafkaTransaction,
    Offset,
    Place,
    TransactionFailed,
    take_over,
)
from streamnn_connectors.kafka.contract import ROW_BITS

from ..run.checkpoint import CheckpointStore
from ..run.manifest import check_manifest, make_manifest
from ..run.student import student_note
from ..run.worker import Worker
from ..stores import join_place
from ..stores.lease import LeaseLost
from .merge_log import Merged, read_chain
from .setup import Setup

_NEW_GROUP_ADVICE = "to learn anew, start a new group and another checkpoint folder"
"""End of messages about positions and checkpoints that do not fit together."""


@dataclass(slots=True)
class Recovered:
    """A partition that is ours, with all that is needed to go on.

    Parameters
    ----------
    worker : Worker
        As the checkpoint has it, or new.
    output : KafkaTransaction or KafkaOutput
    partitions : list of KafkaPartition
        Events (and labels), opened where the checkpoint stands.
    goal : list of int or None
        Committed positions: up to there everything is learnt again with output muted. None: nothing is committed.
    merged : list of Merged
        In which order, where there are labels.
    merge_log : int
        An offset of the merge log: what comes after the checkpoint is not before it.
    checkpoint : str or None
        What was loaded.
    store : CheckpointStore or None
        Ours until it is closed.
    """

    worker: Worker
    output: KafkaTransaction | KafkaOutput
    partitions: list[KafkaPartition]
    goal: list[int] | None
    merged: list[Merged]
    merge_log: int
    checkpoint: str | None
    store: CheckpointStore | None

    def close(self) -> None:
        """Give all of it up."""
        if self.store is not None:
            self.store.store.release()
        for partition in self.partitions:
            partition.close()
        self.output.close()


def store_of(setup: Setup, partition: int) -> CheckpointStore | None:
    """Where a partition's checkpoints lie; every process of the job sees the same ones."""
    c = setup.spec.checkpoint
    if c.directory is None:
        return None
    place = join_place(c.directory, f"{setup.topics.events}-{partition}")
    return CheckpointStore(place, c.keep, setup.job.say, c.lease_s, c.timeout_s)


def recover(setup: Setup, partition: int) -> Recovered:
    """Take a partition over.

    Raises
    ------
    SinkError, SourceError
        When the brokers do not answer, or the partition is not ours any more: try again.
    StateError, SpecError
        When it can't go on: the checkpoint is another job's, or what must be learnt again is gone.
    """
    kafka, inputs = setup.spec.kafka, setup.topics.inputs(partition)
    output: KafkaTransaction | KafkaOutput | None = None
    common: dict[str, Any] = {
        "timeout_s": kafka.transaction_timeout_s,
        "compression": kafka.compression,
        "message_bytes": kafka.message_bytes,
    }
    opened: list[KafkaPartition] = []
    store = store_of(setup, partition)
    try:
        if kafka.mode == "exactly-once":
            identity = f"{setup.group}-{setup.topics.events}-{partition}"
            outputs = setup.topics.places(partition)
            # longer than a delay: the broker aborts what is open for so long
            open_s = max(60.0, 2 * kafka.batch_delay_s)
            output, at = take_over(
                kafka.settings, identity, setup.group, inputs, outputs, open_s=open_s, **common
            )
        else:
            with KafkaOffsets(kafka.settings, setup.group, kafka.transaction_timeout_s) as offsets:
                at = offsets.committed(inputs)
        goal = _positions(setup, inputs, at)
        worker = setup.new_worker(partition)
        if store is not None:
            try:
                store.store.take_over()  # who had the partition is fenced by now
            except LeaseLost as error:
                raise TransactionFailed(str(error)) from error
        resume, checkpoint, hint = _load(setup, store, partition, worker, goal)
        if resume is None and goal is not None:
            _require_beginning(setup, partition, inputs)
            resume = [{"position": 0}] * len(inputs)
        opened.append(setup.events.open(str(partition), resume[0] if resume else None))
        if setup.labels is not None:
            opened.append(setup.labels.open(str(partition), resume[1] if resume else None))
        merged: list[Merged] = []
        place = setup.topics.output("merge_log", partition)
        if goal is not None and resume is not None and place is not None:
            begin = [int(token["position"]) for token in resume]
            merged = read_chain(kafka.settings, place, _start(setup, place, hint), begin, goal)
        if output is None:
            source = f"{setup.topics.events}/{partition}"
            mode: Any = kafka.mode
            output = KafkaOutput(kafka.settings, source, opened[0].commit, mode=mode, **common)
        return Recovered(worker, output, opened, goal, merged, hint, checkpoint, store)
    except BaseException:
        if store is not None:
            store.store.release()
        for each in opened:
            each.close()
        if output is not None:
            output.close()
        raise


def save(
    setup: Setup,
    store: CheckpointStore | None,
    partition: int,
    worker: Worker,
    resume: Sequence[Resume],
    merge_log: int,
) -> tuple[str, int] | None:
    """Write a checkpoint of a committed state; its path and size.

    Parameters
    ----------
    setup : Setup
    store : CheckpointStore or None
    partition : int
    worker : Worker
    resume : sequence of Resume
        Of events (and labels).
    merge_log : int
        An offset of the merge log: what comes next is not before it.
    """
    worker.check()
    if store is None:
        return None
    arrays, state = worker.state_dict()
    manifest = make_manifest(
        setup.spec, (setup.topics.events, str(partition)), resume[0], state, {},
        resume_labels=resume[1] if len(resume) > 1 else None, merge_log=merge_log,
    )  # fmt: skip
    try:
        path = store.save(sum(int(token["position"]) for token in resume), arrays, manifest)
    except LeaseLost as error:  # the partition has another owner, or had one for a while
        raise TransactionFailed(str(error)) from error
    return str(path), path.size_bytes


def _positions(setup: Setup, inputs: list[Place], at: dict[Place, Offset | None]) -> list[int] | None:
    found = [at[place] for place in inputs]
    if all(offset is None for offset in found):
        return None
    if any(offset is None for offset in found):
        raise StateError(
            f"group {setup.group}: has a committed offset for only one of "
            f"{', '.join(p.topic for p in inputs)}: it is another job's group. Name one of this job's own; "
            f"{_NEW_GROUP_ADVICE}"
        )
    arrow = [source.arrow for source in (setup.events, setup.labels) if source is not None]
    return [
        offset.offset << ROW_BITS | offset.row if rows else offset.offset
        for offset, rows in zip(found, arrow, strict=True)
        if offset is not None
    ]


def _load(
    setup: Setup, store: CheckpointStore | None, partition: int, worker: Worker, goal: list[int] | None
) -> tuple[list[Resume] | None, str | None, int]:
    found = store.load(None if goal is None else sum(goal)) if store is not None else None
    if found is None:
        return None, None, 0
    arrays, manifest, path = found
    check_manifest(manifest, path, setup.spec, setup.topics.events, str(partition), _NEW_GROUP_ADVICE)
    worker.load_state_dict(arrays, manifest["worker"])
    if note := student_note(setup.spec, manifest["worker"]):
        setup.job.say(f"{setup.topics.events}/{partition}: {note}")
    if goal is None and (worker.counters.records or worker.counters.label_records):
        raise StateError(
            f"group {setup.group}: has no committed offset for partition {partition}, and {path} has learnt "
            f"{worker.counters.records} records: offsets expire when a group is away for long "
            "(offsets.retention.minutes). To go on from there, commit offset "
            f"{manifest['resume']['position']} with kafka-consumer-groups.sh --reset-offsets; {_NEW_GROUP_ADVICE}"
        )
    resume = [manifest["resume"], manifest.get("resume_labels")]
    return [token for token in resume if token is not None], str(path), int(manifest.get("merge_log", 0))


def _require_beginning(setup: Setup, partition: int, inputs: list[Place]) -> None:
    """Without a checkpoint everything is learnt again, so everything must be there."""
    with KafkaOffsets(setup.spec.kafka.settings, setup.group) as offsets:
        first = offsets.beginning(inputs)
    gone = [f"{p.topic}/{p.partition} begins at {at}" for p, at in first.items() if at > 0]
    if gone or setup.spec.kafka.start == "latest":
        why = "; ".join(gone) or "the job did not begin at the first message (kafka.start)"
        raise StateError(
            f"group {setup.group}: offsets of partition {partition} are committed, but there is no "
            f"checkpoint to go on from, and what was learnt can't be learnt again: {why}. Bring the "
            f"checkpoints back; {_NEW_GROUP_ADVICE}"
        )
    setup.job.say(f"{setup.topics.events}/{partition}: no checkpoint, learning again from the first message")


def _start(setup: Setup, place: Place, hint: int) -> int:
    """Where to read the merge log from: what is before it may be gone, the chain says whether that matters."""
    with KafkaOffsets(setup.spec.kafka.settings, setup.group) as offsets:
        return max(hint, offsets.beginning([place])[place])
