"""The latent density: against a plain reference, its invariants, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamnn.errors import SchemaError, SpecError, StateError
from streamnn.state import from_bytes, state_hash, to_bytes
from streamnn.types import EXPIRE, LEARN, OBSERVE
from streamnn.uncertainty import LatentDensity


def reference(op, label, z, classes, half_life, shrinkage):
    """The same density, event by event in plain numpy."""
    memory = half_life / np.log(2)
    members = {}  # class: labels, mean, var, (log peak, shrunk var) in use
    prior, pooled, labels = np.zeros(classes), np.zeros(z.shape[1]), 0
    surprise, entropy = np.zeros(len(op)), np.zeros(len(op))
    for i, x in enumerate(z.astype(np.float64)):
        if op[i] == OBSERVE and not members:
            entropy[i] = np.log(classes)
        elif op[i] == OBSERVE:
            joint = []
            for c, (_, mean, _, used) in members.items():
                quadratic = np.sum((x - mean) ** 2 / used)
                joint.append(np.log(prior[c]) - 0.5 * (quadratic + np.sum(np.log(2 * np.pi * used))))
            evidence = np.logaddexp.reduce(joint)
            posterior = np.exp(joint - evidence)
            surprise[i] = -evidence
            entropy[i] = -np.sum(posterior * np.log(np.maximum(posterior, 1e-300)))
        elif op[i] == LEARN:
            c, labels = label[i], labels + 1
            prior += (np.eye(classes)[c] - prior) / min(labels, memory)
            n, mean, var, used = members.get(c, (0, x, np.zeros_like(x), None))
            told = labels - len(members | {c: None})
            if n:
                g = 1 / min(n + 1, memory)
                square = (1 - g) * (x - mean) ** 2
                mean = mean + g * (x - mean)
                var = var + (square - var) / min(n, memory)
                pooled = pooled + (square - pooled) / min(told, memory)
            if n + 1 <= 32 or (n + 1) % 8 == 0:
                common = (told * pooled + shrinkage) / (told + shrinkage)
                known = min(n, memory)
                used = np.maximum(
                    (known * var + shrinkage * common) / (known + shrinkage), 1e-4 + 0.01 * common
                )
            members[c] = n + 1, mean, var, used
    return surprise, entropy


def log_of(n, hidden, classes, seed, apart=1.5):
    """A mixed log with late labels: operations, labels, latents of unlike scales."""
    rng = np.random.default_rng(seed)
    op = rng.choice(np.array([OBSERVE, LEARN, EXPIRE], np.int8), n, p=[0.5, 0.4, 0.1])
    label = rng.integers(0, classes, n)
    centre = rng.standard_normal((classes, hidden)) * apart
    scale = 10.0 ** rng.uniform(-3, 2, hidden)
    z = (centre[label] + rng.standard_normal((n, hidden))) * scale
    return op, label, z.astype(np.float32)


def scan(density, log, cut=100_000):
    parts = [density.scan(*(a[i : i + cut] for a in log)) for i in range(0, len(log[0]), cut)]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


@pytest.mark.parametrize(
    ("hidden", "classes", "half_life"), [(5, 3, 20), (16, 2, 1000), (1, 1, 50), (64, 7, 100)]
)
def test_equals_the_reference(hidden, classes, half_life):
    log = log_of(1500, hidden, classes, seed=hidden)
    surprise, entropy = scan(LatentDensity(hidden, classes, half_life, shrinkage=7), log)
    want_surprise, want_entropy = reference(*log, classes, half_life, 7)
    np.testing.assert_allclose(surprise, want_surprise, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(entropy, want_entropy, rtol=1e-6, atol=1e-9)
    assert not surprise[log[0] != OBSERVE].any()
    assert not entropy[log[0] != OBSERVE].any()


@pytest.mark.parametrize("cut", [1, 7, 4096])
def test_chunks_do_not_matter(cut):
    log = log_of(5000, 12, 3, seed=0)
    one, two = LatentDensity(12, 3), LatentDensity(12, 3)
    for a, b in zip(scan(one, log), scan(two, log, cut), strict=True):
        np.testing.assert_array_equal(a, b)
    assert state_hash(*one.state_dict()) == state_hash(*two.state_dict())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 600), st.integers(0, 5))
def test_resume_anywhere(at, seed):
    log = log_of(600, 6, 4, seed)
    one, two = LatentDensity(6, 4), LatentDensity(6, 1)
    two.grow(4)
    want = [a[at:] for a in scan(one, log)]
    scan(two, [a[:at] for a in log]) if at else None
    three = LatentDensity(6, 1)
    saved, manifest = from_bytes(to_bytes(*two.state_dict()))
    three.load_state_dict(saved, manifest)
    got = scan(three, [a[at:] for a in log]) if at < 600 else want
    for a, b in zip(want, got, strict=True):
        np.testing.assert_array_equal(a, b)
    assert state_hash(*one.state_dict()) == state_hash(*three.state_dict())


def test_looking_changes_nothing():
    density = LatentDensity(6, 2)
    log = log_of(300, 6, 2, seed=1)
    scan(density, log)
    before = state_hash(*density.state_dict())
    density.scan(np.full(300, OBSERVE, np.int8), log[1], log[2])
    density.scan(np.full(300, EXPIRE, np.int8), log[1], log[2])
    assert state_hash(*density.state_dict()) == before


@settings(max_examples=60, deadline=None)
@given(arrays(np.float32, (40, 3), elements=st.floats(width=32)), st.integers(0, 99))
def test_no_latent_makes_it_nan(z, seed):
    op, label, _ = log_of(40, 3, 2, seed)
    density = LatentDensity(3, 2)
    surprise, entropy = density.scan(op, label, z)
    assert np.isfinite(surprise).all()
    assert ((entropy >= 0) & (entropy <= np.log(2) + 1e-9)).all()
    assert all(np.isfinite(a).all() for a in density.state_dict()[0].values())
    bad = (op == LEARN) & ~np.isfinite(z).all(axis=1)
    assert density.state_dict()[0]["skipped"][0] == bad.sum()
    assert density.state_dict()[0]["seen"].sum() == np.sum(op == LEARN) - bad.sum()


def test_before_any_label():
    surprise, entropy = LatentDensity(4, 3).scan(
        np.full(2, OBSERVE, np.int8), np.zeros(2, np.int64), np.ones((2, 4), "f4")
    )
    assert surprise.tolist() == [0, 0]
    np.testing.assert_allclose(entropy, np.log(3))


def test_surprise_separates_the_unknown():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 6000)
    z = (4 * np.eye(3, 16)[y] + rng.standard_normal((6000, 16))).astype(np.float32)
    density = LatentDensity(16, 3)
    density.scan(np.full(6000, LEARN, np.int8), y, z)
    fresh = (4 * np.eye(3, 16)[y[:1000]] + rng.standard_normal((1000, 16))).astype(np.float32)
    probe = np.concatenate([fresh, fresh + np.float32(1.2)])
    surprise, _ = density.scan(np.full(2000, OBSERVE, np.int8), np.zeros(2000, np.int64), probe)
    auroc = np.mean(surprise[1000:, None] > surprise[None, :1000])
    assert auroc > 0.95
    # nothing of the labels is needed to be unsurprised: about the entropy of the Gaussian, in nats
    assert abs(surprise[:1000].mean() - (8 * np.log(2 * np.pi * np.e) + np.log(3))) < 0.5


def test_entropy_is_high_between_two_classes_and_surprise_is_not():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 4000)
    z = rng.standard_normal((4000, 8)).astype(np.float32)
    z[:, 0] += 6 * y
    density = LatentDensity(8, 2)
    density.scan(np.full(4000, LEARN, np.int8), y, z)
    probe = np.zeros((3, 8), np.float32)
    probe[:, 0] = 0, 3, 40
    surprise, entropy = density.scan(np.full(3, OBSERVE, np.int8), np.zeros(3, np.int64), probe)
    assert entropy[0] < 0.01
    assert entropy[1] > 0.5
    assert surprise[1] < 20 < 100 < surprise[2]


def test_it_forgets():
    rng = np.random.default_rng(2)
    density = LatentDensity(4, 1, half_life=100)
    for shift in (0, 50):
        z = (rng.standard_normal((2000, 4)) + shift).astype(np.float32)
        density.scan(np.full(2000, LEARN, np.int8), np.zeros(2000, np.int64), z)
    probe = np.float32([[50] * 4, [0] * 4])
    (near, far), entropy = density.scan(np.full(2, OBSERVE, np.int8), np.zeros(2, np.int64), probe)
    assert near < 10 < 100 < far
    assert entropy.tolist() == [0, 0]  # one class: nothing to be unsure of


def test_new_classes_leave_the_density_alone():
    log = log_of(500, 6, 2, seed=3)
    density = LatentDensity(6, 2)
    scan(density, log)
    look = np.full(500, OBSERVE, np.int8), log[1], log[2]
    before = density.scan(*look)
    density.grow(5)
    assert density.classes == 5
    for a, b in zip(before, density.scan(*look), strict=True):
        np.testing.assert_array_equal(a, b)
    density.scan(np.full(20, LEARN, np.int8), np.full(20, 4), log[2][:20])
    with pytest.raises(SpecError, match="never removed"):
        density.grow(3)


def test_wrong_options_and_input():
    for options in (
        {"hidden": 0},
        {"classes": 0},
        {"half_life": 0.5},
        {"half_life": np.nan},
        {"shrinkage": 0},
    ):
        with pytest.raises(SpecError, match=next(iter(options))):
            LatentDensity(**({"hidden": 2, "classes": 2} | options))
    density = LatentDensity(2, 2)
    with pytest.raises(SchemaError, match=r"\(m, 2\)"):
        density.scan(np.full(1, OBSERVE, np.int8), np.zeros(1, np.int64), np.zeros((1, 3), np.float32))
    with pytest.raises(SchemaError, match=r"label 2 at operation 1"):
        density.scan(np.full(2, LEARN, np.int8), np.array([0, 2]), np.zeros((2, 2), np.float32))


def test_states_that_do_not_fit():
    saved, meta = LatentDensity(4, 2).state_dict()
    with pytest.raises(StateError, match="hidden"):
        LatentDensity(5, 2).load_state_dict(saved, meta)
    with pytest.raises(StateError, match="classes"):
        LatentDensity(4, 2).load_state_dict(saved, meta | {"classes": "two"})
    with pytest.raises(StateError, match="'mean' has shape"):
        LatentDensity(4, 2).load_state_dict(saved, meta | {"classes": 3})
