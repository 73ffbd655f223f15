"""No mixture: the first member's prediction as it is, and what every member lost."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.ieee import log64
from .._kernels.jit import kernel
from ..stage import Stage, gathered
from ..types import EXPIRE, LEARN
from .mixer_kernel import PROBABILITY_FLOOR
from .value_mixer import TARGET_RANGE

f4 = np.float32


class AloneClassesPending(NamedTuple):
    """What is read and written of pending events of classes; the first axis of each is the slot."""

    p: np.ndarray  # (slots, M, C), float32: what members say
    mixed: np.ndarray  # (slots, C), float32: what the first one says
    reserve: np.ndarray  # (slots, 2): share kept back for classes never seen, and classes known
    clock: np.ndarray  # (slots,), int64: labels learnt when the event came


class AloneValuesPending(NamedTuple):
    """The same where a number is learnt."""

    p: np.ndarray  # (slots, M, 1), float32: what members say, scaled
    scale: np.ndarray  # (slots, 3): location and scale of the target when the event came
    forecast: np.ndarray  # (slots, 2): median, in the target's units, and mean, scaled
    clock: np.ndarray  # (slots,), int64: labels learnt when the event came


@kernel
def _classes(op, slot, y, keeps_back, count, pending: AloneClassesPending, at, losses):
    p, mixed, reserve, clock = pending.p, pending.mixed, pending.reserve, pending.clock
    M, C = p.shape[1], p.shape[2]
    for e in range(len(op)):
        if op[e] == EXPIRE:
            continue
        s = slot[e]
        if op[e] != LEARN:
            t = f4(0.0)
            for c in range(C):
                t += p[s, 0, c]
            good = t > f4(0.5) and t < f4(1.5)
            for c in range(C):
                mixed[s, c] = p[s, 0, c] if good else f4(1.0) / f4(C)
            reserve[s, 0] = 1.0 / ((count[0] + 1.0) * (count[0] + 2.0)) if keeps_back else 0.0
            reserve[s, 1] = C
            clock[s] = count[0]
            continue
        # from 0 on it is a class that nobody knew when the event came, and says nothing of any member
        unseen = y[e] - np.int64(reserve[s, 1])
        if unseen >= 0:
            kept = -log64(
                max(reserve[s, 0] / np.float64(np.int64(1) << min(unseen + 1, 30)), PROBABILITY_FLOOR)
            )
        else:
            kept = -log64(1.0 - reserve[s, 0])
        for m in range(M):
            v = 1.0
            if unseen < 0:
                v = np.float64(mixed[s, y[e]] if m == 0 else p[s, m, y[e]])
                v = max(v, PROBABILITY_FLOOR) if v == v else PROBABILITY_FLOOR
            losses[e, at + m] = kept - log64(v)
        losses[e, at + M] = losses[e, at]
        losses[e, at + M + 1] = 1.0
        count[0] += 1


@kernel
def _values(op, slot, y, unit, count, pending: AloneValuesPending, at, losses):
    p, scale, forecast, clock = pending.p, pending.scale, pending.forecast, pending.clock
    M = p.shape[1]
    for e in range(len(op)):
        if op[e] == EXPIRE:
            continue
        s = slot[e]
        m0, sd = scale[s, 0], scale[s, 1]
        if op[e] != LEARN:
            v = np.float64(p[s, 0, 0])
            forecast[s, 1] = v if np.isfinite(v) else 0.0
            forecast[s, 0] = m0 + sd * forecast[s, 1]
            clock[s] = count[0]
            continue
        # in today's units, as where members are mixed
        t = min(max((y[e] - unit[e, 0]) / unit[e, 1], -TARGET_RANGE), TARGET_RANGE)
        for m in range(M):
            v = forecast[s, 1] if m == 0 else np.float64(p[s, m, 0])
            v = (m0 + sd * (v if np.isfinite(v) else 0.0) - unit[e, 0]) / unit[e, 1]
            d = min(max(v, -TARGET_RANGE), TARGET_RANGE) - t
            losses[e, at + m] = d * d
        losses[e, at + M] = losses[e, at]
        losses[e, at + M + 1] = 1.0
        count[0] += 1


class _Alone(Stage):
    """What both have: nothing is learnt, so nothing is bounded.

    Parameters
    ----------
    members : int
        The first is the one that counts; the others are controls.
    """

    stackers: tuple[str, ...] = ()
    regret_bound = float("inf")

    def __init__(self, members: int) -> None:
        super().__init__("mixer")
        self.experts = members
        self.s = {"count": np.zeros(1, np.int64)}

    def grow(self, values: int) -> None:
        """Nothing here is as wide as a label."""

    def make_room(self, op: np.ndarray) -> bool:
        """Nothing here waits for a label."""
        return False

    def bound(self, switches: int) -> float:
        """Nothing is proven of a member by itself."""
        return float("inf")


class AloneClasses(_Alone):
    """The first member's probabilities as they are; all classes alike where they are none.

    Losses are those of :class:`streamnn.mixing.mixer.Mixer`: no probability of a label counts as less than 1e-7, and
    unless the classes are `closed` a share 1 / ((n + 1) (n + 2)) after n labels is kept back for classes never seen. So
    log losses of a member alone and of a pool can be set side by side.

    Parameters
    ----------
    members : int
        The first is the one that counts; the others are controls.
    closed : bool
        No other classes will come.

    Examples
    --------
    >>> alone = AloneClasses(1)
    >>> store = {"p": np.full((1, 1, 2), 0.5, np.float32), "mixed": np.zeros((1, 2), np.float32)}
    >>> store |= {"reserve": np.zeros((1, 2)), "clock": np.zeros(1, np.int64)}
    >>> losses = np.zeros((2, 3))
    >>> alone.scan(np.array([0, 1], np.int8), np.zeros(2, np.int64), np.zeros(2, np.int64), store, 0, losses)
    >>> store["mixed"].tolist(), round(float(losses[1, 0] / np.log(2.0)), 6)  # half is kept back at first
    ([[0.5, 0.5]], 2.0)
    """

    def __init__(self, members: int, closed: bool = False) -> None:
        super().__init__(members)
        self._keeps_back = not closed

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        y: np.ndarray,
        store: dict[str, np.ndarray],
        at: int,
        losses: np.ndarray,
    ) -> None:
        """Into ``store["mixed"]`` at OBSERVE; at LEARN `losses` receives, from column `at` on, those of the members and
        of the first again, then their weights."""
        pending = gathered(AloneClassesPending, store)
        _classes(op, slot, y, self._keeps_back, self.s["count"], pending, at, losses)


class AloneValues(_Alone):
    """The first member's forecast as it is, of mean and median alike; the running mean where it is no number.

    Losses are those of :class:`streamnn.mixing.value_mixer.ValueMixer`: squared errors in running deviations, of
    forecasts and targets that are clipped to four.
    """

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        y: np.ndarray,
        unit: np.ndarray,
        store: dict[str, np.ndarray],
        at: int,
        losses: np.ndarray,
    ) -> None:
        """Into ``store["forecast"]`` at OBSERVE; `losses` at LEARN as :meth:`AloneClasses.scan`."""
        pending = gathered(AloneValuesPending, store)
        _values(op, slot, y, unit, self.s["count"], pending, at, losses)
