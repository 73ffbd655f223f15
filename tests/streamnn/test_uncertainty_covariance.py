"""The latent density with tied and full covariance: against plain numpy, its invariants, what normalising does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_uncertainty import log_of

from streamnn.checks import check_scan
from streamnn.errors import SpecError, StateError
from streamnn.types import LEARN, OBSERVE
from streamnn.uncertainty import LatentDensity

KINDS = ("tied", "full")


def reference(op, label, z, classes, half_life, shrinkage, tied):
    """The same density, event by event, with numpy's linear algebra."""
    memory, d = half_life / np.log(2), z.shape[1]
    own = shrinkage * (d + 1) / 2
    members = {}  # class: labels, mean, covariance, covariance in use
    common = None  # covariance in use by all
    prior, pooled, labels = np.zeros(classes), np.zeros((d, d)), 0
    surprise, entropy = np.zeros(len(op)), np.zeros(len(op))
    for i, x in enumerate(z.astype(np.float64)):
        if op[i] == OBSERVE and not members:
            entropy[i] = np.log(classes)
        elif op[i] == OBSERVE:
            joint = []
            for c, (_, mean, _, mine) in members.items():
                used = common if tied else mine
                quadratic = (x - mean) @ np.linalg.solve(used, x - mean)
                joint.append(np.log(prior[c]) - 0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * used)[1]))
            surprise[i] = -np.logaddexp.reduce(joint)
            posterior = np.exp(joint + surprise[i])
            entropy[i] = -np.sum(posterior * np.log(np.maximum(posterior, 1e-300)))
        elif op[i] == LEARN:
            c, labels = label[i], labels + 1
            prior += (np.eye(classes)[c] - prior) / min(labels, memory)
            n, mean, cov, mine = members.get(c, (0, x, np.zeros((d, d)), None))
            told = labels - len(members | {c: None})
            if n:
                g = 1 / min(n + 1, memory)
                square = (1 - g) * np.outer(x - mean, x - mean)
                mean = mean + g * (x - mean)
                cov = cov + (square - cov) / min(n, memory)
                pooled = pooled + (square - pooled) / min(told, memory)
            count, known = (labels if tied else n + 1), (0 if tied else min(n, memory))
            if count in (1, 2, 4, 8, 16, 32) or count % 64 == 0:
                told = min(told, memory)
                share = (told * pooled + shrinkage * np.eye(d)) / (told + shrinkage)
                mine = (known * cov + own * share) / (known + own)
                mine = common = mine + np.diag(1e-4 + 1e-3 * np.diag(share))
            members[c] = n + 1, mean, cov, mine
    return surprise, entropy


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("hidden", "classes", "half_life"), [(5, 3, 20), (16, 2, 1000), (1, 1, 50), (24, 7, 100)]
)
def test_equals_the_reference(kind, hidden, classes, half_life):
    op, label, z = log_of(1500, hidden, classes, seed=hidden)
    mix = np.random.default_rng(0).standard_normal((hidden, hidden))
    z = (z / np.abs(z).max(0) @ mix).astype(np.float32)  # units that go together
    density = LatentDensity(hidden, classes, half_life, 7, kind)
    surprise, entropy = density.scan(op, label, z)
    want = reference(op, label, z, classes, half_life, 7, kind == "tied")
    np.testing.assert_allclose(surprise, want[0], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(entropy, want[1], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("normalise", [False, True])
def test_invariants(kind, normalise):
    op, label, z = log_of(700, 9, 3, seed=2)
    check_scan(
        lambda: LatentDensity(9, 3, 30, covariance=kind, normalise=normalise),
        lambda s, a, b: s.scan(op[a:b], label[a:b], z[a:b]),
        len(op),
        look=lambda s: s.scan(np.full(50, OBSERVE, np.int8), label[:50], z[:50]),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_growing_changes_no_density(kind):
    op, label, z = log_of(800, 6, 3, seed=3)
    narrow, wide = LatentDensity(6, 3, covariance=kind), LatentDensity(6, 5, covariance=kind)
    first = [a[:500] for a in (op, label, z)]
    narrow.scan(*first)
    wide.scan(*first)
    narrow.grow(5)
    label[500:] = np.random.default_rng(0).integers(0, 5, 300)
    for a, b in zip(
        narrow.scan(op[500:], label[500:], z[500:]), wide.scan(op[500:], label[500:], z[500:]), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@settings(max_examples=30, deadline=None)
@given(arrays(np.float32, (60, 3), elements=st.floats(width=32)), st.sampled_from(KINDS), st.booleans())
def test_no_latent_makes_it_nan(z, kind, normalise):
    op, label, _ = log_of(60, 3, 2, 0)
    density = LatentDensity(3, 2, covariance=kind, normalise=normalise)
    surprise, entropy = density.scan(op, label, z)
    assert np.isfinite(surprise).all()
    assert ((entropy >= 0) & (entropy <= np.log(2) + 1e-9)).all()
    assert all(np.isfinite(a).all() for a in density.state_dict()[0].values())


def test_only_a_covariance_sees_units_that_part():
    rng = np.random.default_rng(0)
    z = np.repeat(rng.standard_normal((4000, 1)), 4, axis=1) + 0.1 * rng.standard_normal((4000, 4))
    known, broken = z[:200].astype("f4"), (z[:200] * [1, -1, 1, -1]).astype("f4")
    for kind, parts in (("diagonal", False), ("tied", True), ("full", True)):
        density = LatentDensity(4, 1, covariance=kind)
        density.scan(np.full(3800, LEARN, np.int8), np.zeros(3800, np.int64), z[200:].astype("f4"))
        zero = np.full(200, OBSERVE, np.int8)
        near, far = (density.scan(zero, zero.astype(np.int64), v)[0] for v in (known, broken))
        assert (np.median(far) > near.max()) == parts


def test_normalising_leaves_directions_alone():
    op, label, z = log_of(900, 5, 2, seed=4)
    scale = np.random.default_rng(1).uniform(0.1, 10, (900, 1))
    for kind in ("diagonal", "tied", "full"):
        a, b = (LatentDensity(5, 2, covariance=kind, normalise=True) for _ in range(2))
        for x, y in zip(a.scan(op, label, z), b.scan(op, label, (z * scale).astype("f4")), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-3)


def test_effective_size_is_that_of_the_weights():
    density = LatentDensity(1, 2, half_life=20)
    memory = 20 / np.log(2)
    weights = np.zeros(0)
    for n in range(1, 200):
        density.scan(np.full(1, LEARN, np.int8), np.zeros(1, np.int64), np.ones((1, 1), "f4"))
        g = 1 / min(n, memory)
        weights = np.append(weights * (1 - g), g)
        want = weights.sum() ** 2 / (weights**2).sum()
        assert density.effective_size[0] == pytest.approx(want, rel=0.02)
    assert density.effective_size[1] == 0


def test_options():
    with pytest.raises(SpecError, match="covariance: 'round' is none of diagonal, tied, full"):
        LatentDensity(2, 2, covariance="round")
    arrays_, meta = LatentDensity(2, 2, covariance="full").state_dict()
    with pytest.raises(StateError, match="saved with covariance 'full'"):
        LatentDensity(2, 2, covariance="tied").load_state_dict(arrays_, meta)
