"""Which record an event was: tickets to source positions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamnn.errors import StateError

RUNS = 4096
"""Runs kept. A run ends where a record was no event; older tickets than the runs kept have no position."""


class Positions:
    """Tickets and positions go up together except where a record was a dead letter, so runs suffice.

    Examples
    --------
    >>> import numpy as np
    >>> p = Positions()
    >>> p.add(0, np.array([0, 1, 4]))
    >>> p.add(3, np.array([5]))
    >>> p.of(1), p.of(2), p.of(3)
    (1, 4, 5)
    """

    def __init__(self) -> None:
        self._ticket = np.zeros(0, np.int64)
        self._offset = np.zeros(0, np.int64)

    def add(self, first: int, position: np.ndarray) -> None:
        """Events `first`, `first` + 1, ... are the records at `position`."""
        if len(position) == 0:
            return
        ticket = np.arange(first, first + len(position))
        offset = position - ticket
        last = self._offset[-1:] if len(self._offset) else offset[:1] - 1
        starts = np.flatnonzero(np.diff(offset, prepend=last))
        if starts.size:
            self._ticket = np.concatenate([self._ticket, ticket[starts]])[-RUNS:]
            self._offset = np.concatenate([self._offset, offset[starts]])[-RUNS:]

    def of(self, ticket: int) -> int | None:
        """Position of an event, None when it is no longer known."""
        i = int(np.searchsorted(self._ticket, ticket, side="right")) - 1
        return None if i < 0 else int(ticket + self._offset[i])

    def state_dict(self) -> dict[str, np.ndarray]:
        """The runs."""
        return {"ticket": self._ticket.astype(np.int64), "offset": self._offset.astype(np.int64)}

    def load_state_dict(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`state_dict` gave."""
        for name in ("ticket", "offset"):
            if name not in arrays:
                raise StateError(f"positions: leaf {name!r} is missing")
        self._ticket, self._offset = np.array(arrays["ticket"]), np.array(arrays["offset"])
