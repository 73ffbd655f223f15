"""Chunk and resume for every stage on its own, over a log with late labels and expiries."""

from __future__ import annotations

import numpy as np
import pytest
from member_helpers import columns_alone, room, segment
from test_invariants import Log

from streamnn._kernels.lanes import LANES
from streamnn.alarms import DriftMonitor, FeatureWatch
from streamnn.checks import check_scan
from streamnn.features.history import LabelHistory
from streamnn.features.inputs import Inputs
from streamnn.features.layout import Layout
from streamnn.features.targets import TargetHistory
from streamnn.members.frequencies import Frequencies
from streamnn.members.least_squares import LeastSquares
from streamnn.members.neighbours import NEAREST, Neighbours, ValueNeighbours
from streamnn.members.wide import Wide
from streamnn.mixing.mixer import STACKS, Mixer
from streamnn.mixing.value_mixer import ValueMixer
from streamnn.network import Network, NetworkSpec
from streamnn.pool.curves import UncertaintyCurves
from streamnn.pool.recent import Recent
from streamnn.regret import Ledger, Scores
from streamnn.types import LEARN, OBSERVE
from streamnn.uncertainty import LatentDensity

f4 = np.float32
D, C, M = 4, 3, 5
LOG = Log(200, False, 9, 12)
OP, TICKET, N = LOG.op, LOG.ticket, 200
RNG = np.random.default_rng(5)
ROWS = (RNG.standard_normal((N, 48)) * (RNG.random((N, 48)) < 0.8)).astype(f4)
RAW = np.where(RNG.random((N, D)) < 0.1, np.nan, RNG.standard_normal((N, D)) * [1, 100, 1, 1])
RAW[:, 3] = RNG.integers(0, 6, N)
CLASS = RNG.integers(0, C, N)
VALUE = RNG.standard_normal(N) * 3 + 10
P = RNG.dirichlet(np.ones(C), (N, M)).astype(f4)
V = RNG.standard_normal((N, M, 1)).astype(f4)
IDS = RNG.integers(-1, 5, (N, D)).astype(np.int32)
WEIGHT = np.ones(len(OP), f4)
WEIGHT[::7] = 0.5
LAYOUT = Layout(D, D, 2, 3, C, 2, C - 1, 2, 3)
VALUES = Layout(D, D, 2, 5, 1, 2, 1, 2)
MEMBERS = {  # and the rows that they are tried on
    Wide: Layout(8, 1, 2, 0, C, 0, C - 1, 0),  # eight columns behind two values
    LeastSquares: Layout(4, 2, 2, 0, 1, 4, 1, 0),  # four columns between four values and four
    Neighbours: columns_alone(6),
    ValueNeighbours: columns_alone(6),
    Frequencies: columns_alone(6),
}


class Bench:
    """Runs one stage; the pending store is made anew whenever the log begins anew."""

    def __init__(self, stage):
        self.stage = stage

    def fresh(self):
        self.store = {
            "row": ROWS.copy(), "ids": IDS.copy(), "pairs": np.repeat(IDS, 9, axis=1), "mean_ids": np.repeat(IDS, 6, axis=1),
            "p": P.copy(), "logs": np.zeros((N, C, 2 * LANES), f4), "expert": np.zeros((N, M + len(STACKS) + 2, C), f4), "mixed": np.zeros((N, C), f4),
            "reserve": np.zeros((N, 2)), "clock": np.zeros(N, np.int64), "copy": np.zeros(N, np.int64), "near": np.zeros((N, NEAREST, 2), np.int64),
            "was": np.zeros((N, 2), np.int64), "scale": np.ones((N, 3)), "controls": np.zeros((N, 3)), "forecast": np.zeros((N, 2)),
            "fill": np.zeros((N, C), f4), "steady": ROWS[:, :D].copy(),
        }  # fmt: skip

    def run(self, s, a, b):
        if a == 0:
            self.fresh()
        op, slot, ticket = OP[a:b], TICKET[a:b], TICKET[a:b]
        learn = op == LEARN
        y, v = np.where(learn, CLASS[ticket], 0), np.where(learn, VALUE[ticket], 0.0)
        w, m, st = WEIGHT[a:b], b - a, self.store
        seen = ticket[op == OBSERVE]
        kind = type(s)
        if kind is Inputs:
            s.scan(op, slot, RAW[seen], LAYOUT.offsets, st)
            return (
                st["row"][seen],
                st["mean_ids"][seen],
                st["pairs"][seen],
                st["steady"][seen] if s.steady else None,
            )
        if kind is LabelHistory:
            s.scan_known(op, slot, y, LAYOUT.offsets, st["row"])
            s.impute(op, slot, ticket, y, LAYOUT.offsets, 2, st)
            return st["row"][seen]
        if kind is TargetHistory:
            target, unit = np.zeros(m, f4), np.zeros((m, 2))
            st["p"] = V if st["p"].shape[2] > 1 else st["p"]
            s.scan_known(op, slot, v, VALUES.offsets, st, target, unit)
            s.impute(op, slot, ticket, v, VALUES.offsets, 2, st)
            return st["row"][seen], target[learn], unit[learn]
        if kind is Network:
            latent = np.zeros((m, 16), f4)
            s.scan(op, slot, y.astype(f4), w, 3, st["row"], st["ids"], st["p"], latent)
            return st["p"][seen], latent
        if kind in MEMBERS:
            if kind in (LeastSquares, ValueNeighbours):
                st["p"] = V.copy() if st["p"].shape[2] > 1 else st["p"]
                y = v
            unit = np.stack([0.1 * np.arange(a, b), 1.0 + 0.01 * np.arange(a, b)], 1)
            s.step(segment(op, slot, y, weight=w, unit=unit), MEMBERS[kind], st)
            return st["p"][seen], st["was"][seen]
        if kind in (Mixer, ValueMixer):
            book = np.zeros((m, 2 * s.experts + 1))
            if kind is Mixer:
                s.make_room(op)
                s.scan(op, slot, ticket, y, w, st, 0, book)
                return st["mixed"][seen], book[learn]
            st["p"], st["expert"] = V, (np.zeros((N, M + 2)) if st["expert"].ndim == 3 else st["expert"])
            unit = np.tile([9.0, 2.0], (m, 1))
            s.scan(op, slot, v, w, unit, st, 0, book)
            return st["forecast"][seen], book[learn]
        if kind is Ledger:
            s.scan(op, np.random.default_rng(0).random((len(OP), s.width))[a:b])
            return s.curves()["pool_loss"][:0]
        if kind is Scores:
            st["mixed"], st["reserve"][:, 1] = P[:, 0].copy(), C
            book = np.full((m, 12), 0.5)
            s.scan_classes(op, slot, y, st, 1, 10, book)
            return book[learn]
        if kind is UncertaintyCurves:
            s.scan(op, ROWS[ticket, 0].astype(float), ROWS[ticket, 1].astype(float))
            return None
        if kind is Recent:
            if len(seen):
                s.take(int(seen[0]), st["row"], seen)
            return s.rows[:0]
        if kind is LatentDensity:
            return s.scan(op, y, np.ascontiguousarray(ROWS[ticket, :16]))
        if kind is FeatureWatch:
            values, tags = np.zeros((4, m)), np.zeros(m, np.int32)
            s.scan(op, ROWS[seen, :6].astype(float), values, tags)
            return values.T[op == OBSERVE], tags[op == OBSERVE]
        x = {"surprise": ROWS[ticket, 0].astype(float), "loss": ROWS[ticket, 1].astype(float)}
        return s.scan(x, np.maximum.accumulate(TICKET)[a:b], op)


def feature_watch():
    s = FeatureWatch()
    s.grow([False] * 5 + [True])
    return s


def inputs(steady):
    def make():
        s = Inputs(steady)
        s.grow([False, False, False, True], D)
        return s

    return make


def label_history():
    s = LabelHistory(C, (0, 2))
    s.grow(C, 8)
    return s


def target_history():
    s = TargetHistory()
    s.grow(1, 8)
    return s


def network(rule, average):
    def make():
        net = Network(NetworkSpec("n", (32, 16), rule, 0.01, average=average), 9, C, True, 1)
        net.grow(np.arange(9), 9, C, 8)
        return net

    return make


def settling():
    spec = NetworkSpec("n", (32, 16), "sgd", 0.05, average=20, tv=1e-2, every=13, prune=2, follow=True)
    net = Network(spec, 9, C, True, 1)
    net.grow(np.arange(9), 9, C, 8)
    return net


def wide():
    to = room(MEMBERS[Wide], C, True, 1, 8)
    s = Wide("w", ("x", "x"), True, to)
    s.make_room(to)
    return s


def recent():
    s = Recent()
    s.grow(np.zeros(0, np.int64), 48)
    return s


STAGES = {
    "inputs": inputs(False),
    "inputs in steady units": inputs(True),
    "label history": label_history,
    "target history": target_history,
    **{
        f"network {r}{' average' * a}": network(r, a)
        for r in ("sgd", "rms", "factored")
        for a in (False, True)
    },
    "network whose knots die": settling,
    "wide": wide,
    "least squares": lambda: LeastSquares(room(MEMBERS[LeastSquares], place=1)),
    "neighbours": lambda: Neighbours(room(MEMBERS[Neighbours], C, True)),
    "value neighbours": lambda: ValueNeighbours(room(MEMBERS[ValueNeighbours])),
    "frequencies": lambda: Frequencies(room(MEMBERS[Frequencies], C, True)),
    "mixer": lambda: Mixer(M, C),
    "value mixer": lambda: ValueMixer(M),
    "ledger": lambda: Ledger(["a"], ["b", "c"]),
    "scores": lambda: Scores(True),
    "trace": UncertaintyCurves,
    "recent": recent,
    "latent density": lambda: LatentDensity(16, C),
    "drift monitor": lambda: DriftMonitor(["surprise", "loss"]),
    "feature watch": feature_watch,
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_keeps_the_invariants(stage):
    make = STAGES[stage]
    bench = Bench(make)
    check_scan(make, bench.run, len(OP))


def test_the_kit_finds_what_breaks_them():
    class Forgetful(UncertaintyCurves):
        def state_dict(self):
            return {}

        def load_state_dict(self, arrays):
            pass

    class PerChunk(UncertaintyCurves):
        def scan(self, op, surprise, entropy):
            super().scan(op, surprise + len(op), entropy)

    def run(s, a, b):
        s.scan(OP[a:b], ROWS[TICKET[a:b], 0].astype(float), ROWS[TICKET[a:b], 1].astype(float))
        return s.s["bucket"].copy() if b == len(OP) else None

    with pytest.raises(AssertionError, match="chunks of 1"):
        check_scan(PerChunk, run, len(OP))
    with pytest.raises(AssertionError, match="stopped"):
        check_scan(Forgetful, run, len(OP))
