"""The drift monitor: its invariants, its budget, what it sees and what it must not see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.alarms import DriftMonitor
from streamnn.errors import SchemaError, SpecError, StateError
from streamnn.state import from_bytes, state_hash, to_bytes

SIGNALS = ["surprise", "loss"]


def noise(n, seed, rho=0.0):
    x = np.random.default_rng(seed).standard_normal(n)
    for t in range(1, n if rho else 0):
        x[t] = rho * x[t - 1] + np.sqrt(1 - rho * rho) * x[t]
    return x


def run(monitor, streams, cut=4096, start=0):
    n = len(streams[SIGNALS[0]])
    return [
        a
        for i in range(start, n, cut)
        for a in monitor.scan(
            {name: x[i : i + cut] for name, x in streams.items()}, np.arange(i, min(i + cut, n))
        )
    ]


def alarms(x, signal="surprise", **options):
    return DriftMonitor([signal], **options).scan({signal: x}, np.arange(len(x)))


@pytest.fixture(scope="module")
def eventful():
    """Two signals with holes and several changes: a shift in one, a wider spread in the other, a shift in both."""
    a, b = noise(9000, 1, rho=0.5), np.exp(noise(9000, 2))
    a[4000:] += 2
    b[5500:] *= 3
    a[7500:] -= 4
    b[7500:] += 5
    a[[10, 4001, 4002, 8000]] = np.nan, np.inf, -np.inf, 1e300
    return {"surprise": a, "loss": b}


@pytest.fixture(scope="module")
def whole(eventful):
    monitor = DriftMonitor(SIGNALS)
    return run(monitor, eventful, cut=9000), state_hash(*monitor.state_dict())


def by_event(found):
    return sorted(found, key=lambda a: (a.event, a.signal))


@pytest.mark.parametrize("cut", [1, 7, 4096])
def test_chunks_do_not_matter(eventful, whole, cut):
    monitor = DriftMonitor(SIGNALS)
    assert by_event(run(monitor, eventful, cut)) == by_event(whole[0])
    assert state_hash(*monitor.state_dict()) == whole[1]
    assert {a.signal for a in whole[0]} == set(SIGNALS)


def test_resume_anywhere(eventful, whole):
    for at in [0, 1, 63, 64, 65, 4010, *np.random.default_rng(0).integers(0, 9000, 8).tolist()]:
        first = DriftMonitor(SIGNALS)
        found = run(first, {k: x[:at] for k, x in eventful.items()}) if at else []
        second = DriftMonitor(SIGNALS)
        second.load_state_dict(*unpack(to_bytes(*first.state_dict())))
        assert state_hash(*second.state_dict()) == state_hash(*first.state_dict())
        found += run(second, eventful, start=at)
        assert by_event(found) == by_event(whole[0]), at
        assert state_hash(*second.state_dict()) == whole[1], at


def unpack(data):
    arrays, manifest = from_bytes(data)
    del manifest["format"]
    return arrays, manifest


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.floats(width=64) | st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324]), min_size=1, max_size=30
    ),
    st.integers(0, 900),
    st.integers(0, 1000),
)
def test_any_values_leave_a_finite_state(strange, cut, seed):
    rng = np.random.default_rng(seed)
    x = noise(900, seed)
    x[rng.integers(0, 900, 200)] = rng.choice(np.array(strange), 200)
    one, two = DriftMonitor(["loss"], 1000), DriftMonitor(["loss"], 1000)
    one.scan({"loss": x}, np.arange(900))
    two.scan({"loss": x[:cut]}, np.arange(cut))
    two.scan({"loss": x[cut:]}, np.arange(cut, 900))
    assert state_hash(*one.state_dict()) == state_hash(*two.state_dict())
    assert all(np.isfinite(a).all() for a in one.state_dict()[0].values())
    assert one.status()["loss"]["skipped"] == np.sum(~np.isfinite(x))


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_false_alarms_stay_in_the_budget(rho):
    found = [alarms(noise(20_000, seed, rho)) for seed in range(8)]
    assert sum(len(f) for f in found) <= 16  # one per 10,000 events
    assert sum(a.event < 5000 for f in found for a in f) <= 1


@pytest.mark.parametrize("share", [0.05, 0.3, 0.45, 0.5])
def test_coins_fair_or_not_are_stationary(share):
    found = [alarms((np.random.default_rng(seed).random(20_000) < share) * 1.0) for seed in range(6)]
    assert sum(map(len, found)) <= 12


@pytest.mark.parametrize("seed", range(3))
def test_a_small_budget_means_silence(seed):
    assert alarms(noise(20_000, seed), events_per_false_alarm=200_000) == []


@pytest.mark.parametrize(("rho", "within", "dated"), [(0.0, 30, 15), (0.9, 300, 60)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_shift_is_seen_soon_and_dated(rho, within, dated, sign):
    for seed in range(3):
        x = noise(12_000, seed, rho)
        x[10_000:] += 2 * sign
        first = next(a for a in alarms(x) if a.event >= 10_000)
        assert first.event < 10_000 + within
        assert abs(first.began - 10_000) < dated


def test_a_wider_spread_is_seen():
    for seed in range(3):
        x = noise(12_000, seed, rho=0.9)
        x[10_000:] *= np.sqrt(2)
        assert any(10_000 <= a.event < 10_600 for a in alarms(x))


@pytest.mark.parametrize("seed", range(5))
def test_a_lone_outlier_is_no_change(seed):
    x = noise(10_500, seed)
    calm = [a for a in alarms(x) if a.event >= 10_000]
    x[10_000] = 1e6
    assert [a for a in alarms(x) if a.event >= 10_000] == calm


def test_non_finite_values_are_as_if_they_were_not_there():
    x = noise(12_000, 5)
    x[10_000:] += 2
    holes = np.insert(x, [100, 5000, 10_003], [np.nan, np.inf, -np.inf])
    there = np.flatnonzero(np.isfinite(holes))
    clean = DriftMonitor(["loss"]).scan({"loss": x}, there)
    monitor = DriftMonitor(["loss"])
    found = monitor.scan({"loss": holes}, np.arange(12_003))
    first = [a for a in clean if a.statistic != "review"]
    assert [a for a in found if a.statistic != "review"] == first != []
    assert monitor.status()["loss"]["skipped"] == 3
    assert monitor.status()["loss"]["values"] == 12_000


@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_another_unit_is_one_change_and_it_is_armed_again(factor):
    for seed in range(3):
        x = noise(12_000, seed)
        x[10_000:] *= factor
        monitor = DriftMonitor(["surprise"])
        found = [a for a in monitor.scan({"surprise": x}, np.arange(12_000)) if a.event >= 10_000]
        assert len(found) == 1
        assert found[0].event < 10_060
        assert monitor.status()["surprise"]["state"] == "armed"


def test_a_change_seen_by_both_is_reported_once_with_its_first_cause():
    x = noise(12_000, 3)
    x[10_000:] += 3
    monitor = DriftMonitor(SIGNALS)
    found = run(monitor, {"surprise": x, "loss": x + 5})
    assert [(a.signal, a.cause) for a in found if 10_000 <= a.event < 10_500] == [("surprise", "new inputs")]
    status = monitor.status()
    assert status["loss"]["evidence"] >= 1
    assert sum(s["alarms"] for s in status.values()) == len(found)


@pytest.mark.parametrize(
    ("signal", "cause"),
    [("surprise", "new inputs"), ("loss", "new concept"), ("entropy", "more noise"), ("x", "change of x")],
)
def test_causes(signal, cause):
    x = noise(12_000, 3)
    x[10_000:] += 3
    found = [a for a in alarms(x, signal) if a.event >= 10_000]
    assert (found[0].signal, found[0].cause) == (signal, cause)


def test_status_tells_what_is_known():
    monitor = DriftMonitor(["surprise"])
    assert monitor.status()["surprise"] == {
        "state": "calibrating", "values": 0, "skipped": 0, "block": 1.0, "needed": 200, "alarms": 0, "evidence": 0,
        "improvements": 0, "sees": None, "says": "calibrating: would see no shift now",
    }  # fmt: skip
    x = noise(6000, 0, rho=0.9)
    monitor.scan({"surprise": x[:500]}, np.arange(500))
    young = monitor.status()["surprise"]
    assert young["state"] == "calibrating"
    assert young["needed"] > 0
    monitor.scan({"surprise": x[500:]}, np.arange(500, 6000))
    old = monitor.status()["surprise"]
    assert old["state"] == "armed"
    assert old["block"] > 5  # 19 in theory
    assert old["needed"] == 0


@pytest.mark.parametrize(
    ("signals", "budget", "field"),
    [
        ([], 10_000, "signals"),
        (["a", "a"], 10_000, "signals"),
        (["a"], 10, "events_per"),
        (["a"], np.nan, "events_per"),
    ],
)
def test_wrong_options(signals, budget, field):
    with pytest.raises(SpecError, match=field):
        DriftMonitor(signals, budget)


def test_wrong_input():
    monitor = DriftMonitor(["loss"])
    with pytest.raises(SpecError, match="'surprise' is not watched"):
        monitor.scan({"surprise": np.zeros(1), "loss": np.zeros(1)}, np.zeros(1, np.int64))
    with pytest.raises(SpecError, match="'loss' is watched here and has no values"):
        monitor.scan({}, np.zeros(1, np.int64))
    with pytest.raises(SchemaError, match=r"values \(2,\) and event \(1,\)"):
        monitor.scan({"loss": np.zeros(2)}, np.zeros(1, np.int64))
    with pytest.raises(SchemaError, match=r"values \(2, 1\), event \(1,\)"):
        monitor.scan(np.zeros((2, 1)), np.zeros(1, np.int64))


def test_states_that_do_not_fit():
    arrays, meta = DriftMonitor(["loss"]).state_dict()
    with pytest.raises(StateError, match="signals"):
        DriftMonitor(["surprise"]).load_state_dict(arrays, meta)
    with pytest.raises(StateError, match="events_per_false_alarm"):
        DriftMonitor(["loss"], 5000).load_state_dict(arrays, meta)
    del arrays["purse"]
    with pytest.raises(StateError, match="'purse' is missing"):
        DriftMonitor(["loss"]).load_state_dict(arrays, meta)
