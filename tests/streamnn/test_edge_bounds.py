"""No integer leaves its bound, and bounds are not far above what an adversary reaches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from edge_nets import float_network, inputs, random_modules, stage
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.edge import Output, Spline
from streamnn.edge.bits import Bits
from streamnn.edge.bounds import TOP_LOGIT, TOP_LOGIT_FRACTION, TOP_WORD, overflow_bounds
from streamnn.edge.device import LEARN_FRACTION, TOP_LEARNT_BIAS, top_weight
from streamnn.edge.float_network import FloatNetwork
from streamnn.edge.modules import run_modules
from streamnn.edge.quantiser import quantise

seeds = st.integers(0, 2**32 - 1)


def on_the_way(m, x, ids, skipped):
    """Largest size of each kind of integer while one event goes through a module, term by term in Python's integers."""
    seen = {k: [0] * m.units for k in ("accumulator", "table", "skip", "place", "product", "value")}

    def note(kind, j, *values):
        seen[kind][j] = max(seen[kind][j], *(abs(v) for v in values))

    def shift(kind, j, v, s):
        s = int(s)
        if s <= 0:
            note(kind, j, v, v << -s)
            return v << -s
        note(kind, j, v, v + (1 << (s - 1)))
        return (v + (1 << (s - 1))) >> s

    x = [int(v) for v in (x if m.gather is None else x[m.gather])]
    out = []
    for j in range(m.units):
        acc = int(m.bias[j])
        note("accumulator", j, acc)
        for i, v in enumerate(x):
            acc += v * int(m.weights[i, j])
            note("accumulator", j, acc, v * int(m.weights[i, j]))
        if m.table is not None:
            total = 0
            for r in ids:
                total += int(m.table[r, j]) if r >= 0 else 0
                note("table", j, total)
            acc += shift("table", j, total, m.table_shift[j])
        if m.skip >= 0:
            acc += shift("skip", j, int(skipped[j]), m.skip_shift[j])
        note("accumulator", j, acc)
        if isinstance(m.after, Output):
            out.append(acc << int(m.after.align[j]))
            note("value", j, out[-1])
        elif isinstance(m.after, Spline):
            f, s = m.after, int(m.fraction[j]) - m.after.spacing
            u = acc + (f.reach << int(m.fraction[j]))
            i = min(max(u >> s, 0), f.knots.shape[1] - 2)
            place, low, high = u - (i << s), int(f.knots[j, i]), int(f.knots[j, i + 1])
            note("place", j, u, place, f.reach << int(m.fraction[j]), i << s)
            note("product", j, place * (high - low), low << s)
            note("value", j, (low << s) + place * (high - low))
            v = shift("value", j, (low << s) + place * (high - low), s + int(f.knot_fraction[j]) - f.fraction)
            out.append(min(max(v, -(1 << (f.bits - 1))), (1 << (f.bits - 1)) - 1))
        else:
            out.append(1 if acc > m.after.above[j] else -1)
    return seen, np.array(out)


def check(modules, st, events):
    """Run events and hold every integer against its bound; the share of each bound that was reached at most."""
    bounds, reached = overflow_bounds(modules, st), [{} for _ in modules]
    for x, ids in events:
        out = []
        for l, m in enumerate(modules):
            seen, z = on_the_way(m, x, ids, out[m.skip] if m.skip >= 0 else None)
            out.append(z)
            x = z
            for kind, sizes in seen.items():
                most = getattr(bounds[l], kind)
                assert (np.array(sizes, float) <= most).all(), (l, kind)
                share = np.divide(np.array(sizes, float), most, where=most > 0, out=np.zeros(m.units))
                reached[l][kind] = np.maximum(reached[l].get(kind, 0.0), share)
            assert (bounds[l].low <= z).all() and (z <= bounds[l].high).all()
    return bounds, reached


def adversaries(m, st):
    """For each unit the inputs and rows that make its accumulator largest and smallest."""
    rows = [list(range(a, b)) for a, b in zip(st.key_start[:-1], st.key_start[1:], strict=True) if b > a]
    least = np.full(st.width, -127)
    least[st.sensed :] = 0
    for j in range(m.units):
        for sign in (1, -1):
            x = np.where(sign * m.weights[:, j] > 0, 127, least)
            # the rows of each table in turn; none where all of them point elsewhere
            ids = [max([-1, *r], key=lambda k: sign * int(m.table[k, j]) if k >= 0 else 0) for r in rows]
            yield x, np.array(ids, int)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_bounds_hold_in_modules_of_all_kinds(seed):
    rng = np.random.default_rng(seed)
    modules, st_ = random_modules(rng, 5, 12), stage(5, 12, 3)
    x, ids = inputs(rng, 6, 5, 12, 3)
    check(modules, st_, [*zip(x, ids, strict=True), *adversaries(modules[0], st_)])


@settings(max_examples=15, deadline=None)
@given(seeds, st.sampled_from([3, 4, 8]), st.integers(0, 3))
def test_adversaries_come_near_the_bounds_and_never_beyond(seed, bits, classes):
    rng = np.random.default_rng(seed)
    stage_ = stage(6, 12, 2, classes)
    width = stage_.width
    network = float_network(rng, width, (5, 5), 3, 12, skip=bool(seed % 2))
    x, ids = inputs(rng, 60, width, 12, 2)
    x[:, 6:] = np.abs(x[:, 6:])
    modules = quantise(network, x, ids, np.full(width, 5), Bits(weights=bits))
    events = [*zip(x[:5], ids[:5], strict=True), *adversaries(modules[0], stage_)]
    bounds, reached = check(modules, stage_, events)
    assert (reached[0]["accumulator"] >= 0.5).all()
    assert (reached[0]["place"] >= 0.5).all()
    # one-layer bounds of hidden modules are reached where their inputs are free
    for l in (1, 2):
        m, low = modules[l], bounds[l - 1].low
        z = [
            np.where(s * m.weights[:, j] > 0, bounds[l - 1].high, low)
            for j in range(m.units)
            for s in (1, -1)
        ]
        none = np.zeros((len(z), 0), int)
        acc = np.abs(m.accumulate(np.array(z).astype(np.int64), none)).reshape(m.units, 2, m.units)
        own = acc[np.arange(m.units), :, np.arange(m.units)].max(1)
        skip = (
            bounds[l].skip if m.skip < 0 else bounds[l].accumulator - own
        )  # what a residual adds is left out
        assert (own <= bounds[l].accumulator).all()
        assert (own + skip >= 0.5 * bounds[l].accumulator).all()


def in_words(modules, st_):
    bounds = overflow_bounds(modules, st_)
    last = modules[-1]
    fraction = last.fraction + last.after.align
    assert all((b.largest <= TOP_WORD).all() for b in bounds)
    assert (bounds[-1].value <= TOP_LOGIT).all()
    assert (fraction == fraction[0]).all() and 0 <= fraction[0] <= TOP_LOGIT_FRACTION
    return bounds


def with_first(network, **changes):
    return FloatNetwork((replace(network.layers[0], **changes), *network.layers[1:]))


@pytest.mark.parametrize("bits", [8, 3])
@pytest.mark.parametrize(
    "wild",
    ["wide", "tiny weights", "no weights", "large bias", "large table", "tiny table", "tiny outputs", "large outputs",
     "one tiny output", "constant knots", "tiny knots"],
)  # fmt: skip
def test_every_quantised_network_stays_in_32_bits(wild, bits):
    rng = np.random.default_rng(3)
    wide = 784 if wild == "wide" else 6
    network = float_network(rng, wide, (8,), 3, 12)
    first, last = network.layers
    if wild == "wide":
        network = with_first(network, weights=np.sign(first.weights) * 0.99)
    elif wild == "tiny weights":
        network = with_first(network, weights=first.weights * 1e-6)
    elif wild == "no weights":
        network = with_first(network, weights=first.weights * 0.0)
    elif wild == "large bias":
        network = with_first(network, bias=first.bias + 3e4, weights=first.weights * 1e-3)
    elif wild == "large table":
        network = with_first(network, table=first.table * 1e4)
    elif wild == "tiny table":
        network = with_first(network, table=first.table * 1e-7)
    elif wild == "tiny outputs":
        network = FloatNetwork((first, replace(last, weights=last.weights * 1e-5, bias=last.bias * 1e-5)))
    elif wild == "large outputs":
        network = FloatNetwork((first, replace(last, weights=last.weights * 1e3, bias=last.bias * 1e3)))
    elif wild == "one tiny output":
        network = FloatNetwork((first, replace(last, weights=last.weights * [1e-6, 1.0, 30.0])))
    else:
        v = first.functions.values * (1e-6 if wild == "tiny knots" else 0.0)
        network = with_first(network, functions=replace(first.functions, values=v))
    x, ids = inputs(rng, 200, wide, 12, 2)
    modules = quantise(network, x, ids, np.full(wide, 5), Bits(weights=bits))
    in_words(modules, stage(wide, 12, 2))
    shifts = [m.fraction - m.after.spacing + m.after.knot_fraction - m.after.fraction for m in modules[:-1]]
    assert max(np.abs(s).max() for s in shifts) <= 30
    assert np.abs(modules[0].table_shift).max() <= 30
    logits = run_modules(modules, x.astype(np.int64), ids)[-1]
    float_logits = network.scaled(1 / np.log(2))(x / 32, ids)
    off = np.abs(logits * 2.0 ** -(modules[-1].fraction + modules[-1].after.align) - float_logits)
    scale = np.abs(float_logits).max() + 1e-6
    assert off.mean() <= (0.15 if bits == 8 else 0.5) * scale


def test_fraction_bits_are_given_up_where_the_worst_case_asks_for_it():
    rng = np.random.default_rng(3)
    network = float_network(rng, 4000, (8,), 3)
    first = network.layers[0]
    steep = first.functions.values.copy()
    steep[:4, [0, -2]], steep[:4, [1, -1]] = -1.9, 1.9
    network = with_first(
        network, weights=np.sign(first.weights) * 0.99, functions=replace(first.functions, values=steep)
    )
    x, ids = inputs(rng, 100, 4000)
    x[50:] = -x[:50]  # what comes out lies around 0
    modules = quantise(network, x, ids, np.full(4000, 5))
    in_words(modules, stage(4000))
    size = np.abs(modules[0].weights).max(0)
    assert (size[:4] < 32).all() and (size[4:] > 60).all()  # 127 would clip nothing


@pytest.mark.parametrize("units", [1, 2, 31, 32, 33, 512])
def test_logits_leave_room_for_what_a_device_learns(units):
    learnt = TOP_LEARNT_BIAS + units * top_weight(units) * 128
    assert learnt <= TOP_WORD
    assert 2 * (TOP_LOGIT + (learnt >> LEARN_FRACTION) + 1) <= TOP_WORD  # the difference of two
    assert 16 << TOP_LOGIT_FRACTION <= TOP_WORD
