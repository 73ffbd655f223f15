"""Events seen whose label has not come: everything that learning will need, as it was."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._kernels.memory import read_only
from ..errors import StateError
from ..stage import grown
from ..state import check_leaves


class Pending:
    """The store of pending events.

    Each pending event has a slot; every array has one entry a slot. Slots are an inner matter: the saved state
    lists the pending events by ticket.

    Parameters
    ----------
    leaves : dict of str to (dtype, shape)
        Arrays kept for each event, shape without the slot axis.
    """

    def __init__(self, leaves: Mapping[str, tuple[type, tuple[int, ...]]]):
        self.a: dict[str, np.ndarray] = {
            k: np.zeros((0, *shape), dtype) for k, (dtype, shape) in leaves.items()
        }
        self._free = np.zeros(0, np.int64)
        self._slot: dict[int, int] = {}  # of events pending from earlier chunks
        self._kept: dict[str, np.ndarray] = {}  # a state that is only looked at, and so needs no slots

    def __len__(self) -> int:
        return len(self._slot)

    def __contains__(self, ticket: int) -> bool:
        return ticket in self._slot

    @property
    def tickets(self) -> list[int]:
        """Pending tickets, oldest first."""
        return sorted(self._slot)

    def take(self, n: int) -> np.ndarray:
        """`n` free slots."""
        if n > len(self._free):
            have = len(next(iter(self.a.values())))
            more = max(n - len(self._free), have // 2, 64)
            for k, v in self.a.items():
                self.a[k] = grown(v, have + more, *v.shape[1:])
            self._free = np.concatenate([np.arange(have, have + more)[::-1], self._free])
        slots = self._free[len(self._free) - n :][::-1].copy()
        self._free = self._free[: len(self._free) - n]
        return slots

    def give_back(self, slots: np.ndarray) -> None:
        """These slots are free again."""
        self._free = np.concatenate([self._free, slots])

    def slots(self, seen: np.ndarray, ticket: np.ndarray, first: int) -> np.ndarray:
        """The slot of each operation of a segment: a free one where an event is seen, and that of the event elsewhere.

        Parameters
        ----------
        seen : ndarray of bool, shape (m,)
            Where an event is observed.
        ticket : ndarray of int64, shape (m,)
        first : int
            Ticket of the first event that the segment may observe.
        """
        new = self.take(int(seen.sum()))
        slot = np.empty(len(seen), np.int64)
        slot[seen] = new
        inside, outside = ~seen & (ticket >= first), ~seen & (ticket < first)
        slot[inside] = new[ticket[inside] - first]
        if outside.any():
            slot[outside] = self.find(ticket[outside])
        return slot

    def release(self, seen: np.ndarray, ticket: np.ndarray, first: int, slot: np.ndarray) -> np.ndarray:
        """Keep the events of a segment that still wait. Returns the slots of the others, which may be given back."""
        new, inside, outside = slot[seen], ~seen & (ticket >= first), ~seen & (ticket < first)
        waits = np.ones(len(new), np.bool_)
        waits[ticket[inside] - first] = False
        tickets = (np.flatnonzero(waits) + first).tolist()
        self._slot.update(zip(tickets, new[waits].tolist(), strict=True))
        for t in ticket[outside].tolist():
            del self._slot[t]
        return np.concatenate([new[~waits], slot[outside]])

    def find(self, tickets: np.ndarray) -> np.ndarray:
        """Slots of pending events; -1 for one that is not pending."""
        get = self._slot.get
        return np.fromiter((get(t, -1) for t in tickets.tolist()), np.int64, len(tickets))

    def reshape(
        self, leaf: str, shape: tuple[int, ...], columns: np.ndarray | None = None, fill: float = 0.0
    ) -> None:
        """Widen a leaf; `columns` are the new places of old entries of its first inner axis."""
        v = self.a[leaf]
        if v.shape[1:] == shape:
            return
        if columns is None:
            self.a[leaf] = grown(v, len(v), *shape, fill=fill)
        else:
            self.a[leaf] = np.zeros((len(v), *shape), v.dtype)
            self.a[leaf][:, columns] = v

    def state_dict(self) -> dict[str, np.ndarray]:
        """Pending events by ticket."""
        if self._kept:
            return dict(self._kept)
        tickets = self.tickets
        at = np.fromiter((self._slot[t] for t in tickets), np.int64, len(tickets))
        out = {f"pending/{k}": v[at] for k, v in self.a.items()}
        out["pending/ticket"] = np.array(tickets, np.int64)
        return out

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], keep: bool = False) -> None:
        """Take over pending events.

        Parameters
        ----------
        arrays : mapping of str to ndarray
        keep : bool
            Do not copy what is read-only: looks find slots here, and the events must not be learnt.

        Raises
        ------
        StateError
            Names the leaf that does not fit.
        """
        mine = {k: v for k, v in arrays.items() if k.startswith("pending/")}
        if "pending/ticket" not in mine:
            raise StateError("pending: leaf 'pending/ticket' is missing")
        tickets = mine["pending/ticket"]
        n = len(tickets)
        expected = {f"pending/{k}": np.empty((n, *v.shape[1:]), v.dtype) for k, v in self.a.items()}
        expected["pending/ticket"] = np.empty(n, np.int64)
        check_leaves(mine, expected, "pending")
        if keep:
            self._kept = {k: v if read_only(v) else v.copy() for k, v in mine.items()}
        else:
            self.a = {k: mine[f"pending/{k}"].copy() for k in self.a}
        self._free = np.zeros(0, np.int64)
        self._slot = {int(t): i for i, t in enumerate(tickets)}
