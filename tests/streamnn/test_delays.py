"""Delays as news: overdue labels counted exactly, invariants with times, nothing without them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamnn.checks import check_scan
from streamnn.errors import SchemaError
from streamnn.features.delays import DELAY_DECAYS, DELAY_VALUES, DUE_DEVIATIONS, Delays
from streamnn.learners import Classifier, Regressor
from streamnn.types import EXPIRE, LEARN, OBSERVE, Chunk

f4 = np.float32
OFFSETS = np.zeros(10, np.int64)


def store(n):
    return {
        "row": np.zeros((n, DELAY_VALUES), f4),
        "ids": np.full((n, 1), -1, np.int32),
        "mean_ids": np.full((n, 1), -1, np.int32),
        "usual": np.zeros((n, 3)),
        "record": np.zeros(n, np.int64),
    }


def log(event, delay):
    """Operations in time; a NaN delay is a label that never comes. Labels that come at an event's time come after it."""
    at = [(t, 0, OBSERVE, i) for i, t in enumerate(event)]
    at += [(t + d, 1, LEARN, i) for i, (t, d) in enumerate(zip(event, delay, strict=True)) if d == d]
    at.sort()
    return (
        np.array([a[2] for a in at], np.int8),
        np.array([a[3] for a in at], np.int64),
        np.array([a[0] for a in at], np.float64),
    )


def by_the_book(event, delay):
    """Fading shares of overdue labels before each event, by looking through a list of all events."""
    op, ticket, time = log(event, delay)
    bias, rms, mean, learnt = 0.0, 1.0, 0.0, 0
    waiting, came, usual = [], {}, {}
    fade = np.zeros((len(DUE_DEVIATIONS), len(DELAY_DECAYS)))
    out = []
    for o, e, t in zip(op, ticket, time, strict=True):
        if o == OBSERVE:
            for w in sorted(w for w in waiting if w[0] < t):
                late = 1.0 if came.get(w[2], math.inf) > w[0] else 0.0
                fade[w[1]] += (1 - np.array(DELAY_DECAYS)) * (late - fade[w[1]])
            waiting = [w for w in waiting if w[0] >= t]
            out.append(fade.copy())
            usual[e] = (bias, rms)
            if learnt:
                waiting += [(t + math.exp(bias + d * rms), k, e) for k, d in enumerate(DUE_DEVIATIONS)]
            continue
        came[e] = t
        d = t - event[e]
        mean += max(1 / (learnt + 1), 0.001) * (d - mean)
        d = max(d, 0.01 * mean)
        if not d > 0:
            continue
        learnt += 1
        y = math.log(d)
        if learnt == 1:
            bias = y
        g = bias - y
        rms = max(math.sqrt(rms**2 + 0.001 * (min(abs(g), 3 * rms) ** 2 - rms**2)), 1e-3)
        bias -= max(1 / (learnt + 1), 0.002) * min(max(g, -2 * rms), 2 * rms)
    return np.array(out)


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.6), st.floats(0.1, 30))
def test_overdue_labels_are_counted_as_by_the_book(seed, never, scale):
    rng = np.random.default_rng(seed)
    event = np.cumsum(rng.exponential(1.0, 60))
    delay = np.where(rng.random(60) < never, np.nan, rng.lognormal(0, 1, 60) * scale)
    op, ticket, time = log(event, delay)
    s, a = Delays(0), store(60)
    s.scan(op, ticket, ticket, time, OFFSETS, 0, a)
    want = by_the_book(event, delay)
    for k in range(len(DUE_DEVIATIONS)):
        got = a["row"][:, len(DELAY_DECAYS) * (1 + k) : len(DELAY_DECAYS) * (2 + k)]
        np.testing.assert_allclose(got, 2 * want[:, k], atol=1e-5)


def test_labels_that_stop_coming_are_news_before_any_label():
    event = np.arange(600.0)
    delay = np.where(np.arange(600) < 300, 10.0, np.nan)
    delay[290:300] = np.nan
    op, ticket, time = log(event, delay)
    s, a = Delays(0), store(600)
    s.scan(op, ticket, ticket, time, OFFSETS, 0, a)
    share = (
        a["row"][:, len(DELAY_DECAYS) * len(DUE_DEVIATIONS)] / 2
    )  # one deviation beyond the usual delay, the fastest mean
    assert share[250:295].max() < 0.01 and share[-1] > 0.99


@pytest.mark.parametrize("place", [20, 50])
def test_an_event_from_the_future_does_not_make_all_later_labels_overdue(place):
    event = np.arange(300.0)
    op, ticket, time = log(event, np.where(np.arange(300) % 2, 3.5, 4.5))
    time[(op == OBSERVE) & (ticket == place)] = 1e9
    s, a = Delays(0), store(300)
    s.scan(op, ticket, ticket, time, OFFSETS, 0, a)
    share = a["row"][:, len(DELAY_DECAYS) * len(DUE_DEVIATIONS)] / 2
    assert share[place + 1 : place + 5].max() > 0.5  # those that waited just then
    assert share[place + 40 :].max() < 0.01


def pool_log(n=260):
    rng = np.random.default_rng(5)
    event = np.cumsum(rng.integers(0, 3, n)).astype(float)
    delay = np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(2, 1, n))
    op, ticket, time = log(event, delay)
    never = np.flatnonzero(np.isnan(delay))[:10]
    op = np.append(op, np.full(len(never), EXPIRE, np.int8))
    ticket, time = np.append(ticket, never), np.append(time, np.full(len(never), np.nan))
    time[::17] = np.nan
    return op, ticket, time, rng


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_invariants_of_pools_with_times(make):
    op, ticket, time, rng = pool_log()
    n = len(op)
    x, c = rng.standard_normal(260), rng.integers(0, 5, 260).astype(float)
    y = (x > 0).astype(int) + (c == 3) if make is Classifier else x + c
    late = np.where(np.arange(260) > 130, x * 2, np.nan)  # a column that comes later

    def run(model, a, b):
        seen = op[a:b] == OBSERVE
        at = ticket[a:b][seen]
        columns = {"x": x[at], "c": c[at]}
        if (at > 130).any():
            columns["late"] = late[at]
        return model.run(Chunk(columns, op[a:b], ticket[a:b], y[ticket[a:b]], time=time[a:b]))

    look = {"x": np.array([0.3, -1.0]), "c": np.array([3.0, 1.0])}
    check_scan(make, lambda m, a, b: vars_of(run(m, a, b)), n, lambda m: vars_of(m.look(look)))


def vars_of(out):
    return {k: getattr(out, k) for k in ("ticket", "surprise", "entropy", "mean", "median", "known")}


def test_without_times_there_is_no_trace_of_them():
    model = Classifier()
    model.learn_one({"a": 1.0}, 0)
    assert model._pool.layout.delays == model._pool.layout.dues == 0
    assert not any(k.startswith("delays/") for k in model.state_dict()[0])


def test_times_must_be_as_many_as_operations():
    with pytest.raises(SchemaError, match="2 operations has 1 times"):
        Classifier().run(
            Chunk(
                {"a": np.ones(1)},
                np.array([OBSERVE, LEARN], np.int8),
                np.zeros(2, np.int64),
                np.zeros(2),
                time=np.ones(1),
            )
        )
