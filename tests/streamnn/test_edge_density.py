"""Surprise in integers: what it adds up, what it tells apart, and that it stays in 32 bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn.edge.density import fit_surprise, surprise
from streamnn.errors import SpecError

seeds = st.integers(0, 2**32 - 1)


def drawn(rng, n, units=12, classes=3, spread=14.0):
    centre = np.random.default_rng(0).integers(-80, 80, (classes, units))
    labels = rng.integers(0, classes, n)
    wide = np.random.default_rng(1).uniform(0.3, 1.0, units) * spread
    z = np.rint(centre[labels] + rng.normal(size=(n, units)) * wide)
    return np.clip(z, -128, 127).astype(np.int64), labels


def ranked(out, inside):
    """AUROC."""
    both = np.concatenate([out, inside])
    less = (both[: len(out), None] > inside).mean()
    return less + 0.5 * (both[: len(out), None] == inside).mean()


def by_hand(s, z):
    found = []
    for row in z.tolist():
        classes = []
        for mean, shift, constant in zip(s.mean.tolist(), s.shift.tolist(), s.constant.tolist(), strict=True):
            terms = [
                (a - m) ** 2 >> k if k >= 0 else (a - m) ** 2 << -k
                for a, m, k in zip(row, mean, shift, strict=True)
            ]
            classes.append(constant + sum(terms))
        found.append(min(classes))
    return found


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_it_adds_up_what_it_says(seed):
    rng = np.random.default_rng(seed)
    z, labels = drawn(rng, 200)
    s = fit_surprise(z, labels, 3)
    new = rng.integers(-128, 128, (20, 12))
    assert surprise(s, new).tolist() == by_hand(s, new)
    assert np.abs(s.mean).max() <= 128


def test_it_is_the_density_in_sixteenths_of_a_nat():
    z, labels = drawn(np.random.default_rng(2), 5000)
    s = fit_surprise(z, labels, 3)
    energy = []
    for c in range(3):
        own = z[labels == c].astype(float)
        var = own.var(0)
        energy.append(((z - own.mean(0)) ** 2 / var + np.log(var)).sum(1) / 2 - np.log((labels == c).mean()))
    exact, found = np.min(energy, 0), surprise(s, z) / 16
    assert np.corrcoef(exact, found)[0, 1] > 0.95
    assert abs(exact.mean() - found.mean()) < 3


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99, 1.0])
def test_the_threshold_is_the_quantile(quantile):
    z, labels = drawn(np.random.default_rng(3), 1000)
    s = fit_surprise(z, labels, 3, quantile)
    above = (surprise(s, z) > s.threshold).mean()
    assert above <= 1 - quantile + 1e-9
    assert above > 1 - quantile - 0.02


def test_it_tells_apart_as_well_as_double_precision():
    rng = np.random.default_rng(4)
    z, labels = drawn(rng, 2000)
    inside, _ = drawn(rng, 500)
    out = np.clip(inside + rng.integers(-40, 40, inside.shape), -128, 127)
    s = fit_surprise(z, labels, 3)
    mean = np.stack([z[labels == c].mean(0) for c in range(3)])
    var = np.stack([z[labels == c].var(0) for c in range(3)])

    def exact(v):
        return np.min(
            [((v - m) ** 2 / w + np.log(w)).sum(1) / 2 for m, w in zip(mean, var, strict=True)], axis=0
        )

    found, wanted = ranked(surprise(s, out), surprise(s, inside)), ranked(exact(out), exact(inside))
    assert found > 0.8 and abs(found - wanted) < 0.02


def test_classes_with_few_events_share_the_density_of_all():
    z, labels = drawn(np.random.default_rng(5), 300)
    labels[labels == 2] = 1
    labels[:3] = 2
    s = fit_surprise(z, labels, 4, least=10)
    pooled = fit_surprise(z, np.zeros(300, np.int64), 1)
    for c in (2, 3):  # three events, none
        assert (s.mean[c] == pooled.mean[0]).all() and (s.shift[c] == pooled.shift[0]).all()
        assert s.constant[c] > pooled.constant[0]
    assert (s.mean[0] != pooled.mean[0]).any()


@pytest.mark.parametrize("units", [1, 32, 512])
@pytest.mark.parametrize("kind", ["constant", "ends", "random"])
def test_the_furthest_activations_stay_in_a_word(units, kind):
    rng = np.random.default_rng(6)
    z = {
        "constant": np.full((50, units), 127),
        "ends": np.repeat([[-128], [127]], 25, 0).repeat(units, 1),
        "random": rng.integers(-128, 128, (50, units)),
    }[kind]
    s = fit_surprise(z, np.arange(50) % 2, 2, least=1)
    top = 2**31 - 1
    for c in range(2):
        far = np.maximum((-128 - s.mean[c]) ** 2, (127 - s.mean[c]) ** 2).tolist()
        terms = [v >> k if k >= 0 else v << -k for v, k in zip(far, s.shift[c].tolist(), strict=True)]
        assert sum(terms) + abs(int(s.constant[c])) <= top
        assert np.abs(s.shift).max() <= 30


def test_it_needs_events_and_a_quantile():
    with pytest.raises(SpecError, match="0 events"):
        fit_surprise(np.zeros((0, 3)), np.zeros(0), 2)
    with pytest.raises(SpecError, match="quantile 0"):
        fit_surprise(np.zeros((5, 3)), np.zeros(5), 2, quantile=0)
