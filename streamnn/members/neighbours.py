"""Nearest neighbours among the latest learnt events: of classes, each trusted by its record, and of a number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.jit import kernel, leaf
from .._kernels.lanes import LANES
from ..features.layout import Layout
from ..features.moments import OUTLIER_DEVIATIONS
from ..state import Arrays
from ..types import EXPIRE, LEARN
from .distances import BLOCK, distances, held_rows, hold, with_columns
from .member import Leaves, Member, Room, Segment

f4 = np.float32
WINDOWS = (64, 128, 512)
"""Learnt events looked through for the nearest, one prediction of the classifier's member for each."""
NEAREST = 5
"""Neighbours that vote for classes."""
VALUE_WINDOW, VALUE_NEAREST = 1024, 16
"""The same for a number: events looked through, and neighbours whose targets are averaged."""
_LEAST_VOTE = f4(0.02)
"""Every class's share of the votes, in votes: so that a new class changes no ratio between the others."""


class _Memory(NamedTuple):
    """Learnt events held for classes: rows, labels, the trust in each, tickets, and how many there were."""

    ring: np.ndarray
    label: np.ndarray
    trust: np.ndarray
    owner: np.ndarray
    learnt: np.ndarray


class _ValueMemory(NamedTuple):
    """Learnt events held for a number: rows, targets, and how many there were."""

    ring: np.ndarray
    label: np.ndarray
    learnt: np.ndarray


class _Store(NamedTuple):
    """What is read and written of pending events."""

    row: np.ndarray
    near: np.ndarray
    p: np.ndarray


class _ValueStore(NamedTuple):
    """The same for a number."""

    row: np.ndarray
    scale: np.ndarray
    p: np.ndarray


@leaf
def _vote(near_i, label, trust, p, s, place):
    C = p.shape[2]
    t = _LEAST_VOTE * f4(C)
    for c in range(C):
        p[s, place, c] = _LEAST_VOTE
    for j in range(len(near_i)):
        if near_i[j] >= 0:
            v = trust[near_i[j]] / (f4(1.0) + f4(0.25) * f4(j))
            p[s, place, label[near_i[j]]] += v
            t += v
    for c in range(C):
        p[s, place, c] /= t


@kernel
def _scan_classes(op, slot, ticket, y, at, place, windows, memory: _Memory, store: _Store):
    ring, label, trust, owner, learnt = memory
    rows, near, p = store
    d = len(ring) // len(label)
    W = len(label)
    dist, nearest = np.zeros(W, f4), np.zeros(W // LANES, f4)
    k = near.shape[1]
    near_d, near_i = np.zeros(k, f4), np.zeros(k, np.int64)
    for e in range(len(op)):
        s = slot[e]
        if op[e] == LEARN:
            for j in range(k):  # the neighbours of then are trusted more or less, if they are still held
                q = near[s, j, 0]
                if q >= 0 and owner[q] == near[s, j, 1]:
                    trust[q] = min(f4(1.0), trust[q] * f4(1.25)) if label[q] == y[e] else trust[q] * f4(0.5)
            q = learnt[0] % W
            hold(ring, d, q, rows, s, at)
            label[q], trust[q], owner[q] = y[e], f4(1.0), ticket[e]
            learnt[0] += 1
        elif op[e] != EXPIRE:
            held = min(learnt[0], W)
            pos = learnt[0] % W
            for j in range(k):
                near_d[j], near_i[j] = f4(1e30), -1
            worst = f4(1e30)
            w = 0
            a = 0
            block, start = -1, -1
            while a < held:  # from the latest backwards
                q = pos - 1 - a
                if q < 0:
                    q += W
                if q // BLOCK != block:
                    block = q // BLOCK
                    if block != start:  # the latest and the oldest rows share one: its distances are there
                        distances(ring, d, block, rows, s, at, worst, dist, nearest)
                    if a == 0:
                        start = block
                # to the start of its sixteen, of the window, or of what is held
                stop = min(q % LANES + 1, held - a)
                if w < len(windows):
                    stop = min(stop, windows[w] - a)
                if nearest[q // LANES] < worst:
                    for r in range(q, q - stop, -1):
                        x = dist[r]
                        if x < worst:
                            j = k - 1
                            while j > 0 and near_d[j - 1] > x:
                                near_d[j], near_i[j] = near_d[j - 1], near_i[j - 1]
                                j -= 1
                            near_d[j], near_i[j] = x, r
                            worst = near_d[k - 1]
                a += stop
                if w < len(windows) and a == windows[w]:
                    _vote(near_i, label, trust, p, s, place + w)
                    w += 1
            while w < len(windows):
                _vote(near_i, label, trust, p, s, place + w)
                w += 1
            for j in range(k):
                near[s, j, 0] = near_i[j]
                near[s, j, 1] = owner[near_i[j]] if near_i[j] >= 0 else -1


class Neighbours(Member):
    """The five nearest of the last 64, 128 and 512 learnt events, found in one pass; one prediction for each window.

    A neighbour's vote is its rank's weight times its trust, which grows when it agreed with a label and
    halves when it did not.

    Parameters
    ----------
    room : Room
    """

    compiled = True

    def __init__(self, room: Room) -> None:
        super().__init__("neighbours", tuple(f"neighbours-{w}" for w in WINDOWS), room)
        longest = WINDOWS[-1]
        self._windows = np.array(WINDOWS)
        self.s = {
            "ring": held_rows(room.layout.columns, longest),
            "label": np.zeros(longest, np.int64),
            "trust": np.zeros(longest, f4),
            "owner": np.full(longest, -1, np.int64),
            "count": np.zeros(1, np.int64),
        }

    def leaves(self, room: Room) -> Leaves:
        """Which events were nearest."""
        return {"near": (np.int64, (NEAREST, 2))}

    def make_room(self, room: Room) -> None:
        """Grow with the columns; rows held have 0, the mean, in new ones."""
        self.s["ring"] = with_columns(self.s["ring"], room.layout.columns)

    def step(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Predict at OBSERVE, learn at LEARN."""
        s = self.s
        _scan_classes(
            *(segment.op, segment.slot, segment.ticket, segment.y),
            layout.span(*self.reads)[0],
            self.place,
            self._windows,
            _Memory(s["ring"].reshape(-1), s["label"], s["trust"], s["owner"], s["count"]),
            _Store(store["row"], store["near"], store["p"]),
        )


@kernel
def _scan_values(op, slot, y, at, place, memory: _ValueMemory, store: _ValueStore):
    ring, label, learnt = memory
    rows, scale, p = store
    W, K = len(label), VALUE_NEAREST
    d = len(ring) // W
    dist, nearest = np.zeros(W, f4), np.zeros(W // LANES, f4)
    near_d, near_y = np.zeros(K, f4), np.zeros(K)
    for e in range(len(op)):
        s = slot[e]
        if op[e] == LEARN:
            q = learnt[0] % W
            hold(ring, d, q, rows, s, at)
            label[q] = y[e]
            learnt[0] += 1
        elif op[e] != EXPIRE:
            held = min(learnt[0], W)
            k, worst = 0, f4(1e30)
            for b in range(0, held, LANES):
                if b % BLOCK == 0:
                    distances(ring, d, b // BLOCK, rows, s, at, worst, dist, nearest)
                if nearest[b // LANES] >= worst:
                    continue
                for q in range(b, min(b + LANES, held)):
                    x = dist[q]
                    if x < worst:
                        j = min(k, K - 1)
                        while j > 0 and near_d[j - 1] > x:
                            near_d[j], near_y[j] = near_d[j - 1], near_y[j - 1]
                            j -= 1
                        near_d[j], near_y[j] = x, label[q]
                        k = min(k + 1, K)
                        if k == K:
                            worst = near_d[K - 1]
            t, n, far = 0.0, 0, OUTLIER_DEVIATIONS * scale[s, 1]
            for j in range(k):  # an absurd target has no vote
                if abs(near_y[j] - scale[s, 0]) <= far:
                    t += near_y[j]
                    n += 1
            p[s, place, 0] = (t / n - scale[s, 0]) / scale[s, 1] if n > 0 else 0.0


class ValueNeighbours(Member):
    """Mean target of the 16 nearest of the last 1,024 learnt events.

    Parameters
    ----------
    room : Room
    """

    compiled = True

    def __init__(self, room: Room) -> None:
        super().__init__("neighbours", ("neighbours",), room)
        self.s = {
            "ring": held_rows(room.layout.columns, VALUE_WINDOW),
            "label": np.zeros(VALUE_WINDOW),
            "count": np.zeros(1, np.int64),
        }

    def make_room(self, room: Room) -> None:
        """Grow with the columns; rows held have 0, the mean, in new ones."""
        self.s["ring"] = with_columns(self.s["ring"], room.layout.columns)

    def step(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Predict at OBSERVE, learn at LEARN."""
        s = self.s
        _scan_values(
            *(segment.op, segment.slot, segment.y),
            layout.span(*self.reads)[0],
            self.place,
            _ValueMemory(s["ring"].reshape(-1), s["label"], s["count"]),
            _ValueStore(store["row"], store["scale"], store["p"]),
        )
