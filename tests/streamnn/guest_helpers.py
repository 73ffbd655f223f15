"""A network of one's own without torch: softmax or linear regression in plain Python, that is watched."""

from __future__ import annotations

import numpy as np

from streamnn.lowered import Plan, PlanBuilder
from streamnn.lowered.activations import activation
from streamnn.lowered.dense import linear
from streamnn.members import Member, Room
from streamnn.stage import grown
from streamnn.types import EXPIRE, LEARN

f4 = np.float32


def plan(inputs: int, outputs: int) -> Plan:
    """A factory of plans, which needs no torch: one hidden layer."""
    b, rng = PlanBuilder((inputs,)), np.random.default_rng(0)
    h = activation(b, linear(b, b.input, "0", rng.normal(size=(16, inputs)), np.zeros(16)), "relu")
    return b.finish(linear(b, h, "2", rng.normal(size=(outputs, 16)) / 4, np.zeros(outputs)), latent=h)


class Straight(Member):
    """Weights from the row to the outputs, under plain gradient steps; its row is its latent."""

    def __init__(self, guest, name: str, watched: bool, room: Room) -> None:
        super().__init__(name, (name,), room)
        self.reads, self.watched, self.lr = guest.reads, watched, f4(guest.lr)
        self.classify, self.wants = room.classify, ("names",)
        inputs = room.layout.width(self.reads)
        self.units, self.grows = inputs, guest.road != "eager"
        self._first = np.arange(inputs)  # where the inputs of the first event lie now
        self.s = {
            "w": np.zeros((inputs, room.values), f4),
            "b": np.zeros(room.values, f4),
            "table": np.zeros((0, inputs), f4),
            "reopened": np.zeros(1, np.int64),
        }

    def make_room(self, room: Room) -> None:
        places, inputs = room.piece(self.reads)
        self._first = places[self._first]
        for leaf, shape in (("w", (inputs, room.values)), ("table", (len(self.s["table"]), inputs))):
            old, new = self.s[leaf], np.zeros(shape, f4)
            if leaf == "w":
                new[places, : old.shape[1]] = old
            else:
                new[:, places] = old
            if old.shape != new.shape:
                self.s[leaf] = new
        b = self.s["b"]
        self.s["b"] = grown(b, room.values, fill=float(b.min() - 2.0)) if len(b) < room.values else b
        self.reserve("table", room.category_rows)

    def reopen(self) -> None:
        self.s["reopened"][0] += 1

    def _row(self, store, slot: int, span: tuple[int, int]):
        names = store["names"][slot]
        return store["row"][slot, span[0] : span[1]] + self.s["table"][names[names >= 0]].sum(0, dtype=f4)

    def _said(self, x):
        # one after the other: numpy's sum has an order that depends on the width
        o = np.cumsum(np.vstack([x[:, None] * self.s["w"], self.s["b"]]), 0, f4)[-1]
        if not self.classify:
            return o
        p = np.exp(o - o.max())
        return p / p.sum()

    def step(self, segment, layout, store) -> None:
        span = layout.span(*self.reads)
        for i, (op, slot) in enumerate(zip(segment.op.tolist(), segment.slot.tolist(), strict=True)):
            if op == EXPIRE:
                continue
            x = self._row(store, slot, span)
            p = self._said(x)
            if self.watched:
                segment.latent[i] = x[self._first]
            if op != LEARN:
                store["p"][slot, self.place] = p
                continue
            g = p.copy()
            if self.classify:
                g[int(segment.target[i])] -= f4(1.0)
            else:
                g = np.clip(p - segment.target[i], -1.0, 1.0)
            g *= self.lr * segment.weight[i]
            back = (self.s["w"] * g).sum(1, dtype=f4)
            self.s["w"] -= x[:, None] * g
            self.s["b"] -= g
            names = store["names"][slot]
            self.s["table"][names[names >= 0]] -= back
