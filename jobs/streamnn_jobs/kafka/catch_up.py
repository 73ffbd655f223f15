"""The gap between a checkpoint and what is committed, read again in the order in which it was learnt."""

from __future__ import annotations

from collections.abc import Callable

from streamnn.errors import SourceError
from streamnn_connectors.kafka import TransactionFailed

from .inputs import Inputs, Piece
from .merge_log import Merged

STALL_S = 60.0
"""A gap that does not come for so long is an error."""


class CatchUp:
    """Pieces up to the committed place.

    Parameters
    ----------
    inputs : Inputs
        Standing where the checkpoint does.
    goal : list of int or None
        Committed positions; None where nothing is.
    merged : list of Merged
        How events and labels met, from checkpoint to goal.
    limit : int
        Most records a piece.
    clock : callable
        Seconds that only go up.
    """

    def __init__(
        self,
        inputs: Inputs,
        goal: list[int] | None,
        merged: list[Merged],
        limit: int,
        clock: Callable[[], float],
    ):
        self.records = 0
        self._inputs = inputs
        self._goal = goal
        self._limit = limit
        self._clock = clock
        self._moved_s = clock()
        self._merged = list(reversed(merged))
        self._at = 0

    @property
    def done(self) -> bool:
        """Whether the goal is reached."""
        return self._goal is None or all(
            at >= to for at, to in zip(self._inputs.next, self._goal, strict=True)
        )

    def take(self) -> Piece | None:
        """A piece that is there now; None when there is none yet.

        Raises
        ------
        SourceError
            When the log is not what it was.
        TransactionFailed
            When nothing came for long: recover the partition again.
        """
        assert self._goal is not None
        piece = self._one(self._goal[0]) if self._inputs.labels is None else self._both()
        now = self._clock()
        if piece is not None:
            self._moved_s = now
            self.records += piece.records
        elif now - self._moved_s > STALL_S:
            raise TransactionFailed(
                f"{self._inputs.events.partition.place.topic}: what is to be learnt again up to {self._goal} "
                f"did not come within {STALL_S:.0f} s; it stands at {self._inputs.next}"
            )
        return piece

    def _one(self, goal: int) -> Piece | None:
        events = self._inputs.events
        piece = self._inputs.take_before(goal, self._limit)
        if piece is None and len(events):
            events.skip_to(goal)  # all that is there lies beyond
        return piece

    def _both(self) -> Piece | None:
        merged = self._merged[-1]
        piece = self._inputs.take_in(merged.order[self._at : self._at + self._limit])
        self._at += piece.records if piece is not None else 0
        if self._at < len(merged.order):
            return piece
        self._merged.pop()
        self._at = 0
        for stream, to in zip(self._inputs.streams, merged.end, strict=True):
            if stream.passed > to:  # its next may lie beyond: markers of transactions are no records
                place = stream.partition.place
                raise SourceError(
                    f"{place.topic}/{place.partition}: the log is not what it was: record {to} is not where "
                    "it was merged. It was compacted, or made anew: start a new job"
                )
            stream.skip_to(to)
        return piece
