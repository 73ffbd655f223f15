"""Free members that look at labels alone: majority, fading frequency, and what follows what (no-change)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.jit import kernel, leaf
from ..features.layout import Layout
from ..stage import grown
from ..state import Arrays
from ..types import EXPIRE, LEARN
from .member import Leaves, Member, Room, Segment

f4 = np.float32
FREQUENCY_STEP = 0.01
"""Least step of frequencies towards each label: they reach back some hundred labels."""


class _Seen(NamedTuple):
    """What was counted: the arrays of the member, see there."""

    last: np.ndarray
    counts: np.ndarray
    fade: np.ndarray
    follow: np.ndarray
    left: np.ndarray
    stay: np.ndarray


@leaf
def _unknown(c, last, stay, C):
    # nothing is known yet of what follows this class: it stays as often as others do
    return stay if c == last else (1.0 - stay) / max(C - 1, 1)


@kernel
def _scan(op, slot, y, place, seen: _Seen, was, p):
    last, counts, fade, follow, left, stay = seen
    C = len(fade)
    for e in range(len(op)):
        s = slot[e]
        if op[e] == LEARN:
            w, step = was[s, 0], 0.0
            if w >= 0:
                left[w] += 1.0
                step = max(FREQUENCY_STEP, 1.0 / (left[w] + 1.0))
            for c in range(C):
                hit = 1.0 if c == y[e] else 0.0
                fade[c] += FREQUENCY_STEP * (hit - fade[c])
                if w >= 0:
                    q = follow[w, c] if left[w] > 1.0 else _unknown(c, w, stay[0], C)
                    follow[w, c] = q + step * (hit - q)
            if w >= 0:
                stay[1] += 1.0
                stay[0] += max(FREQUENCY_STEP, 1.0 / (stay[1] + 1.0)) * (
                    (1.0 if w == y[e] else 0.0) - stay[0]
                )
            counts[y[e]] += 1.0
            last[0] = y[e]
        elif op[e] != EXPIRE:
            t, best = 0.0, 0
            for c in range(C):
                t += counts[c]
                if counts[c] > counts[best]:
                    best = c
            w = last[0]
            was[s, 0], was[s, 1] = w, best  # also the predictions of the controls
            for c in range(C):
                p[s, place, c] = counts[c] / t
                p[s, place + 1, c] = fade[c]
                if w < 0:
                    p[s, place + 2, c] = 1.0 / C
                else:
                    p[s, place + 2, c] = follow[w, c] if left[w] > 0.0 else _unknown(c, w, stay[0], C)


class Frequencies(Member):
    """Class counts so far, fading class frequencies, and transitions from the last label known.

    These are counted, and fade once there are many; a class of which nothing is known stays as often as others do.

    Parameters
    ----------
    room : Room
    """

    compiled = True

    def __init__(self, room: Room) -> None:
        super().__init__("frequencies", ("majority", "frequency", "no-change"), room)
        classes = room.values
        self.s = {
            "last": np.full(1, -1, np.int64),
            "counts": np.ones(classes),
            "fade": np.full(classes, 1.0 / classes),
            "follow": np.zeros((classes, classes)),
            "left": np.zeros(classes),  # labels that came after each class
            "stay": np.array([0.5, 0.0]),  # share of labels that repeat the last, and how many
        }

    def leaves(self, room: Room) -> Leaves:
        """The last label known and the most frequent class when the event came."""
        return {"was": (np.int64, (2,))}

    def make_room(self, room: Room) -> None:
        """Grow with the classes."""
        s, classes = self.s, room.values
        s["counts"] = grown(s["counts"], classes, fill=1.0)
        s["fade"] = grown(s["fade"], classes)
        s["follow"] = grown(s["follow"], classes, classes)
        s["left"] = grown(s["left"], classes)

    def step(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Predict at OBSERVE, learn at LEARN."""
        s = self.s
        _scan(
            *(segment.op, segment.slot, segment.y),
            self.place,
            _Seen(s["last"], s["counts"], s["fade"], s["follow"], s["left"], s["stay"]),
            store["was"],
            store["p"],
        )
