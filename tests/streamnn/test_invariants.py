"""The four invariants on whole pools: chunk, resume, read (machine: test_machine.py)."""

from __future__ import annotations

import numpy as np
import pytest

from streamnn.checks import check_scan
from streamnn.learners import Classifier, Regressor
from streamnn.types import EXPIRE, LEARN, OBSERVE, Chunk


class Log:
    """A log with late labels, expiries, missing values, text, and columns and classes that come later."""

    def __init__(self, n: int, regression: bool, seed: int, delay: int = 7):
        rng = np.random.default_rng(seed)
        t = np.arange(n)
        a, b, c = rng.standard_normal(n), rng.integers(0, 5, n).astype(float), rng.standard_normal(n) * 100
        a[rng.random(n) < 0.1] = np.nan
        c[rng.random(n) < 0.02] = np.inf
        late = np.where(t < n // 2, np.nan, rng.standard_normal(n))
        text = np.array([None if v > 3 else "abcd"[v] for v in rng.integers(0, 5, n)], object)
        self.columns = {"b": b, "late": late, "a": a, "text": text, "c": c}
        if regression:
            self.labels = (3.0 * np.nan_to_num(a) + b + 50.0).astype(object)
        else:
            y = (np.nan_to_num(a) > 0).astype(int) + (t > n // 3) * (b > 3)
            self.labels = np.array(["low", "high", "new"], object)[y]
        ops = []
        waiting = []
        for e in range(n):
            ops.append((OBSERVE, e))
            waiting.append((e + rng.integers(0, delay + 1), e))
            for due in sorted(w for w in waiting if w[0] <= e):
                waiting.remove(due)
                ops.append((EXPIRE if rng.random() < 0.1 else LEARN, due[1]))
        self.op = np.array([o for o, _ in ops], np.int8)
        self.ticket = np.array([e for _, e in ops])
        self.rows = np.cumsum(self.op == OBSERVE)

    def __len__(self) -> int:
        return len(self.op)

    def run(self, model, a: int, b: int):
        lo, hi = (self.rows[a - 1] if a else 0), (self.rows[b - 1] if b else 0)
        cols = {k: v[lo:hi] for k, v in self.columns.items()}
        label = np.where(self.op[a:b] == LEARN, self.labels[self.ticket[a:b]], None)
        out = model.run(Chunk(cols, self.op[a:b], self.ticket[a:b], label))
        p = (
            out.mean
            if out.proba is None
            else (out.proba[:, 0] if out.proba.shape[1] else np.zeros(len(out.ticket), np.float32))
        )
        return out.ticket, p, out.surprise, out.entropy, out.alarms

    def look(self, model):
        out = model.look({k: v[:5] for k, v in self.columns.items()})
        return (out.proba if out.mean is None else out.mean), out.surprise, out.entropy


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("make", [Classifier, Regressor])
@pytest.mark.parametrize("delay", [0, 30])
def test_pool_keeps_the_invariants(make, seed, delay):
    log = Log(150, make is Regressor, seed, delay)
    check_scan(make, log.run, len(log), log.look)


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_learn_many_equals_the_loop(make):
    log = Log(80, make is Regressor, 3)
    one, many = make(), make()
    for i in range(80):
        one.learn_one({k: v[i] for k, v in log.columns.items()}, log.labels[i])
    many.learn_many(log.columns, log.labels.tolist())
    assert one.state_hash() == many.state_hash()


def test_a_look_predicts_what_observe_says():
    log = Log(200, False, 5)
    model = Classifier()
    for a in range(0, len(log), 11):
        b = min(a + 11, len(log))
        at = log.rows[a - 1] if a else 0
        if log.op[a] == OBSERVE and a:
            row = {k: v[at : at + 1] for k, v in log.columns.items()}
            looked = model.look(row)
            out = log.run(model, a, a + 1)
            assert looked.proba[0, 0] == out[1][0]
            assert looked.surprise[0] == out[2][0]
            a += 1
        log.run(model, a, b)
