"""The order in which events and labels met, a message a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from streamnn.errors import StateError
from streamnn_connectors.kafka import KafkaSettings, Place, read_messages

from ..run.joined_worker import EVENT, LABEL

_REST_BYTES = 1000
"""Room for positions and names, and for what a broker adds to a message."""


@dataclass(slots=True, frozen=True)
class Merged:
    """What a transaction merged.

    Parameters
    ----------
    begin, end : tuple of (int, int)
        Positions of the next event and the next label, before and after.
    order : ndarray of int8
        EVENT or LABEL, a record each.
    """

    begin: tuple[int, int]
    end: tuple[int, int]
    order: np.ndarray


class _Line(msgspec.Struct):
    v: int
    begin: tuple[int, int]
    end: tuple[int, int]
    runs: list[int]


def to_value(merged: Merged) -> bytes:
    """As JSON: lengths of runs, of events and of labels in turn.

    Examples
    --------
    >>> order = np.array([LABEL, EVENT, EVENT], np.int8)
    >>> to_value(Merged((5, 7), (9, 8), order))
    b'{"v":1,"begin":[5,7],"end":[9,8],"runs":[0,1,2]}'
    >>> from_value(_).order.tolist()
    [1, 0, 0]
    """
    order = merged.order
    cuts = np.flatnonzero(np.diff(order, prepend=order[:1])) if len(order) else np.zeros(0, np.int64)
    runs = np.diff(np.concatenate([[0], cuts, [len(order)]])).tolist()
    if len(order) and order[0] == LABEL:
        runs.insert(0, 0)
    return msgspec.json.encode(_Line(1, merged.begin, merged.end, runs))


def most_merged(message_bytes: int) -> int:
    """So many records fit one message in any order: a run of k takes at most 2 k bytes, as where all are of one.

    Examples
    --------
    >>> most_merged(1_000_000), most_merged(10_000)
    (499500, 4500)
    """
    return (message_bytes - _REST_BYTES) // 2


def from_value(value: bytes) -> Merged:
    """Back from JSON. StateError when it is no such line."""
    try:
        line = msgspec.json.decode(value, type=_Line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise StateError(f"merge log: a message is none of a merge log: {e}") from e
    kinds = np.where(np.arange(len(line.runs)) % 2 == 0, EVENT, LABEL).astype(np.int8)
    return Merged(line.begin, line.end, np.repeat(kinds, line.runs))


def chain(found: Iterable[Merged], begin: Sequence[int], end: Sequence[int], where: str) -> list[Merged]:
    """Those that lead from one pair of positions to another, in order.

    Of two that begin alike the later one counts: the earlier was never committed.

    Raises
    ------
    StateError
        When a link is missing.
    """
    at, goal = (begin[0], begin[1]), (end[0], end[1])
    links = {merged.begin: merged for merged in found}
    out: list[Merged] = []
    while at != goal:
        link = links.pop(at, None)
        if link is None or link.end[0] > goal[0] or link.end[1] > goal[1]:
            raise StateError(
                f"{where}: how events from {at[0]} and labels from {at[1]} on were merged is not there (any "
                f"more), and {goal[0]} and {goal[1]} are committed. Retention may have passed it: raise "
                "retention.ms; to learn anew, start a new group and another checkpoint folder"
            )
        out.append(link)
        at = link.end
    return out


def read_chain(
    settings: KafkaSettings, place: Place, start: int, begin: Sequence[int], end: Sequence[int]
) -> list[Merged]:
    """:func:`chain` of what a partition of the merge log holds from offset `start` on."""
    if tuple(begin) == tuple(end):
        return []
    values = (message.value for message in read_messages(settings, [place], {place: start}))
    found = (from_value(value) for value in values if value is not None)
    return chain(found, begin, end, f"{place.topic}/{place.partition}")
