"""Processes with a known best loss: fixed by the seed, stationary, and their oracles are causal and unbeaten."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest

from streamnn.errors import SpecError
from streamnn.regret.hindsight import best_linear
from streamnn.regret.processes import (
    PROCESS_LAGS,
    PROCESSES,
    HiddenMarkov,
    PeriodicPattern,
    ThresholdAR,
    process,
)
from streamnn.regret.processes.base import DISCARDED_VALUES
from streamnn.regret.processes.hidden_markov import STATE_FLIP, STATE_SWITCH

N = 20_000
every_process = pytest.mark.parametrize("name", PROCESSES)

# The bits of 1,000 events of seed 1. They may change only with the law of the process itself.
BITS = {
    "hmm": "c6f5c97043746fe2",
    "parity": "9abb7391f0cf4dbe",
    "period7": "749472b9a89ffa64",
    "tent": "9db4c2829105f376",
    "setar": "77696309c2a9f44c",
}


@every_process
def test_the_seed_fixes_the_bits_and_a_longer_sample_begins_with_the_shorter(name: str) -> None:
    x, y = process(name, 1).take(1000)
    assert hashlib.sha256(y.tobytes()).hexdigest()[:16] == BITS[name]
    longer, longer_y = process(name, 1).take(1500)
    np.testing.assert_array_equal(longer[:1000], x)
    np.testing.assert_array_equal(longer_y[:1000], y)
    np.testing.assert_array_equal(process(name, 1).oracle(1500)[:1000], process(name, 1).oracle(1000))
    assert (process(name, 2).take(1000)[1] != y).any()


@every_process
def test_a_row_holds_the_last_values(name: str) -> None:
    x, y = process(name).take(200)
    assert x.shape == (200, PROCESS_LAGS) and process(name).features[:2] == ("lag1", "lag2")
    for k in range(PROCESS_LAGS):
        np.testing.assert_array_equal(x[k + 1 :, k], y[: 200 - k - 1])


@every_process
def test_the_oracle_sees_no_future(name: str) -> None:
    p = process(name)
    values = p.take(300)[1]
    other = values.copy()
    other[150:] = -other[150:]
    np.testing.assert_array_equal(p.expected(values)[:151], p.expected(other)[:151])


@every_process
def test_the_oracle_uses_nothing_but_the_values(name: str) -> None:
    # what take() and oracle() say must be what expected() says of the values that a user can see
    p = process(name)
    y = p.take(400)[1]
    np.testing.assert_allclose(p.expected(y)[-300:], p.oracle(400)[-300:], atol=1e-6)


@every_process
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_in_the_past_predicts_the_oracles_error(name: str, seed: int) -> None:
    p = process(name, seed)
    (x, y), oracle = p.take(N), p.oracle(N)
    error = y - oracle
    past = [x, x[:, :4] ** 2, np.abs(x[:, :4]), x[:, :1] * x[:, 1:4], x[:, :2] > 0.0, oracle[:, None]]
    past = np.column_stack([np.column_stack(past), np.ones(N)])
    past = (past - past.mean(0)) / np.where(past.std(0) > 0, past.std(0), 1.0)
    z = (past * error[:, None]).sum(0) / (error.std() * np.sqrt(N))
    assert np.abs(z).max() < 4.5
    assert abs(error.mean()) < 4.5 * error.std() / np.sqrt(N)


@every_process
def test_no_linear_model_in_hindsight_beats_the_oracle(name: str) -> None:
    p = process(name)
    x, y = p.take(N)
    fitted = best_linear(x, y).losses.mean()
    assert fitted > p.best_loss(N) * (1.005 if name == "hmm" else 1.1)


@every_process
def test_realised_loss_is_near_its_limit_and_halves_look_alike(name: str) -> None:
    p = process(name)
    losses = p.best_losses(N)
    spread = (
        losses.std() / np.sqrt(N / 2) * (3.0 if name == "hmm" else 1.0)
    )  # the filter's losses hang together
    assert abs(losses[: N // 2].mean() - losses[N // 2 :].mean()) < 6.0 * spread
    if p.limit is not None:
        assert p.best_loss(N) == pytest.approx(p.limit, abs=5.0 * losses.std() / np.sqrt(N))
    assert p.best_loss(N, N // 2) == pytest.approx(losses[N // 2 :].mean())
    assert np.isnan(p.best_loss(5, 5))


def test_the_filter_is_the_sum_over_all_hidden_paths() -> None:
    values = np.array([1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0])
    weight = {1.0: 0.0, -1.0: 0.0}  # probability of the values before the last, and the last one
    for states in itertools.product((1.0, -1.0), repeat=len(values)):
        p = 0.5
        for t, state in enumerate(states):
            if t:
                p *= STATE_SWITCH if state != states[t - 1] else 1.0 - STATE_SWITCH
            if t < len(values) - 1:
                p *= 1.0 - STATE_FLIP if state == values[t] else STATE_FLIP
        for last in weight:
            weight[last] += p * (1.0 - STATE_FLIP if states[-1] == last else STATE_FLIP)
    mean = (weight[1.0] - weight[-1.0]) / (weight[1.0] + weight[-1.0])
    assert HiddenMarkov().expected(values)[-1] == pytest.approx(mean, abs=1e-14)


@pytest.mark.parametrize("name", [n for n, p in PROCESSES.items() if p.binary])
def test_log_losses_are_those_of_the_oracles_probability(name: str) -> None:
    p = process(name)
    y, up = p.take(500)[1], 0.5 * (1.0 + p.oracle(500))
    np.testing.assert_allclose(p.best_losses(500, log=True), -np.log(np.where(y > 0, up, 1.0 - up)))
    assert set(y.tolist()) == {-1.0, 1.0}


def test_the_phase_is_random_and_found_from_a_few_values() -> None:
    firsts = {round(float(PeriodicPattern(s).oracle(1)[0]), 1) for s in range(60)}
    assert firsts == {-0.9, 0.2, 0.8, -0.3, 0.5, -0.6, 0.4}
    p = PeriodicPattern(3)
    y = p.take(50)[1]
    fresh = p.expected(y)
    assert fresh[0] == pytest.approx(0.1 / 7)  # nothing known: the pattern's mean
    np.testing.assert_array_equal(fresh[12:], p.oracle(50)[12:])


def test_the_warm_up_forgets_its_start() -> None:
    # the long-run share of the upper regime, from the first events kept of many seeds
    first = np.array([ThresholdAR(s).take(1)[1][0] for s in range(300)])
    long_run = ThresholdAR(0).take(50_000)[1]
    expected = (long_run > 0).mean()
    assert DISCARDED_VALUES >= 500
    assert abs((first > 0).mean() - expected) < 5 * np.sqrt(expected * (1 - expected) / 300)


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(SpecError, match="process 'coin' is not known: there are hmm, parity"):
        process("coin")
    with pytest.raises(SpecError, match="seed is -1"):
        process("tent", -1)
    with pytest.raises(SpecError, match="-2 events"):
        process("tent").take(-2)
    with pytest.raises(SpecError, match="no classes"):
        process("tent").best_loss(10, log=True)
