"""What the pool is held against: the best expert, the best sequence of experts, any interval of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._kernels.jit import kernel
from ..errors import SpecError


@kernel
def _sequences(losses, total, last, since):
    # total[t, m]: least loss of events 0..t with at most m switches; last, since: its last expert, its start
    n, N = losses.shape
    M = total.shape[1] - 1
    d = np.zeros((M + 1, N))
    start = np.zeros((M + 1, N), np.int32)
    for t in range(n):
        for m in range(M, -1, -1):
            best = 0
            for i in range(N):
                if t > 0 and m > 0 and total[t - 1, m - 1] < d[m, i]:
                    d[m, i] = total[t - 1, m - 1]
                    start[m, i] = t
                d[m, i] += losses[t, i]
                if d[m, i] < d[m, best]:
                    best = i
            total[t, m], last[t, m], since[t, m] = d[m, best], best, start[m, best]


@kernel
def _worst(pool, losses):
    # Kadane's scan for every expert: the interval on which pool - expert sums to the most
    n, N = losses.shape
    best, a, b, who = -np.inf, 0, 0, 0
    for i in range(N):
        run, start = 0.0, 0
        for t in range(n):
            if run <= 0.0:
                run, start = 0.0, t
            run += pool[t] - losses[t, i]
            if run > best:
                best, a, b, who = run, start, t + 1, i
    return a, b, best, who


@dataclass(frozen=True, slots=True)
class Sequences:
    """The best sequences of experts with at most 0, 1, ..., M switches, on every prefix.

    Parameters
    ----------
    total : ndarray of float64, shape (n, M + 1)
        Entry (t, m): least loss over events 0 to t with at most m switches.
    last, since : ndarray of int32, shape (n, M + 1)
        The expert such a sequence ends with, and the event from which on it is used.
    """

    total: np.ndarray
    last: np.ndarray
    since: np.ndarray

    def path(self, switches: int) -> np.ndarray:
        """The expert at every event of the best sequence with at most so many switches; int32, shape (n,)."""
        out = np.empty(len(self.total), np.int32)
        stop, m = len(out), switches
        while stop > 0:
            start = int(self.since[stop - 1, m])
            out[start:stop] = self.last[stop - 1, m]
            stop, m = start, m - 1
        return out


@dataclass(frozen=True, slots=True)
class Interval:
    """Events `start` to `stop` (not included), and the pool's regret to the expert that is best on them."""

    start: int
    stop: int
    regret: float
    expert: int


def best_expert(losses: np.ndarray) -> tuple[int, float]:
    """The expert with the least total loss, the first of equals, and that loss.

    Parameters
    ----------
    losses : ndarray of float64, shape (n, N)
        Loss of every expert at every event.

    Examples
    --------
    >>> import numpy as np
    >>> best_expert(np.array([[1.0, 0.0], [0.5, 1.0]]))
    (1, 1.0)
    """
    total = _checked(losses).sum(0)
    i = int(total.argmin())
    return i, float(total[i])


def regret(pool: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Regret to the best expert on every prefix.

    Parameters
    ----------
    pool : ndarray of float64, shape (n,)
    losses : ndarray of float64, shape (n, N)

    Returns
    -------
    ndarray of float64, shape (n,)
        Entry t: the pool's loss over events 0 to t, less that of the expert which is best over them.
    """
    losses = _checked(losses, pool)
    return np.cumsum(pool) - np.cumsum(losses, 0).min(1)


def best_sequences(losses: np.ndarray, switches: int) -> Sequences:
    """Best sequences of experts in hindsight, by dynamic programming over the number of switches.

    Takes n * N * (switches + 1) steps and keeps 16 bytes an event and switch.

    Parameters
    ----------
    losses : ndarray of float64, shape (n, N)
    switches : int
        Most switches.

    Examples
    --------
    >>> import numpy as np
    >>> losses = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.25, 0.0]])
    >>> best = best_sequences(losses, 2)
    >>> best.total[-1].tolist(), best.path(1).tolist()
    ([1.25, 0.0, 0.0], [0, 0, 1, 1])
    """
    losses = _checked(losses)
    if switches < 0:
        raise SpecError(f"comparator: {switches} switches were asked for: allowed are 0 and more")
    shape = len(losses), switches + 1
    found = Sequences(np.zeros(shape), np.zeros(shape, np.int32), np.zeros(shape, np.int32))
    _sequences(losses, found.total, found.last, found.since)
    return found


def worst_interval(pool: np.ndarray, losses: np.ndarray, length: int | None = None) -> Interval:
    """The interval on which the pool's regret is largest: of one length, or of any.

    Raises
    ------
    SpecError
        When there are fewer events than `length`, or none.

    Examples
    --------
    >>> import numpy as np
    >>> pool, losses = np.array([0.0, 1.0, 1.0, 0.0]), np.array([[1.0], [0.0], [0.5], [1.0]])
    >>> worst_interval(pool, losses).regret, worst_interval(pool, losses, 1).start
    (1.5, 1)
    """
    losses = _checked(losses, pool)
    n = len(losses)
    if not 1 <= (1 if length is None else length) <= n:
        raise SpecError(f"comparator: no interval of {length or 1} events among {n}")
    if length is None:
        a, b, most, i = _worst(np.ascontiguousarray(pool, np.float64), losses)
        return Interval(int(a), int(b), float(most), int(i))
    total = np.zeros((n + 1, losses.shape[1]))
    np.cumsum(np.asarray(pool)[:, None] - losses, axis=0, out=total[1:])
    most = total[length:] - total[:-length]
    a, i = divmod(int(most.argmax()), losses.shape[1])
    return Interval(a, a + length, float(most[a, i]), i)


def _checked(losses: np.ndarray, pool: np.ndarray | None = None) -> np.ndarray:
    losses = np.ascontiguousarray(losses, np.float64)
    if losses.ndim != 2 or not losses.shape[1]:
        raise SpecError(f"comparator: losses have shape {losses.shape}: (events, experts) is needed")
    if pool is not None and np.shape(pool) != losses.shape[:1]:
        raise SpecError(f"comparator: the pool has {np.shape(pool)} losses, its experts {len(losses)} each")
    return losses
