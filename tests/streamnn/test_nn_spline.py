"""The spline module against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from streamnn.errors import SpecError  # noqa: E402
from streamnn.nn import LinearSpline  # noqa: E402

pytestmark = pytest.mark.slow

seeds = st.integers(0, 2**31)
shapes = st.tuples(st.integers(1, 4), st.sampled_from([3, 5, 21, 51]), st.sampled_from([0.5, 1.0, 4.0]))


def spline(seed: int, units: int = 3, knots: int = 21, range: float = 4.0) -> LinearSpline:
    out = LinearSpline(units, knots, range).double()
    with torch.no_grad():
        out.coefficients.copy_(torch.from_numpy(np.random.default_rng(seed).normal(size=(units, knots))))
    return out


@given(seeds, shapes)
@settings(max_examples=50)
def test_equals_its_relu_form_inside_and_outside_the_grid(seed, shape):
    s = spline(seed, *shape)
    units, knots, r = shape
    x = torch.linspace(-3.0 * r, 3.0 * r, 301, dtype=torch.float64)[:, None].expand(-1, units)
    c = s.coefficients.detach()
    grid = torch.linspace(-r, r, knots, dtype=torch.float64)
    line = c[:, 0] + s.slopes()[:, 0] * (x + r)
    bends = (s.kinks() * (x[..., None] - grid[1:-1]).relu()).sum(-1)
    assert (s(x) - (line + bends)).abs().max().item() <= 1e-10
    assert torch.allclose(s(grid[:, None].expand(-1, units)), c.T, rtol=0.0, atol=1e-12)


@given(seeds)
@settings(max_examples=10)
def test_gradients(seed):
    s = spline(seed)
    rng = np.random.default_rng(seed + 1)
    # places well between knots, some far outside the grid
    x = (rng.integers(-16, 16, (6, 3)) + rng.uniform(0.1, 0.9, (6, 3))) * 0.4
    x = torch.from_numpy(x).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, c: torch.func.functional_call(s, {"coefficients": c}, (x,)), (x, s.coefficients)
    )


@given(seeds, shapes)
@settings(max_examples=30)
def test_norms_and_lipschitz_constant_by_looking(seed, shape):
    s = spline(seed, *shape)
    units, knots, r = shape
    x = torch.linspace(-r, r, (knots - 1) * 8 + 1, dtype=torch.float64)[:, None].expand(-1, units)
    y = s(x).detach()
    seen = y.diff(dim=0) / (x[1] - x[0])  # eight slopes a piece
    assert torch.allclose(s.lipschitz(), seen.abs().amax(0), rtol=1e-9)
    assert torch.allclose(s.tv2(), seen.diff(dim=0).abs().sum(0), rtol=1e-9)
    ends = s(torch.tensor([[0.0] * units, [1.0] * units], dtype=torch.float64)).abs().sum(0)
    assert torch.allclose(s.bv2(), s.tv2() + ends)
    assert bool((s.lipschitz() <= s.bv2() * (1 + 1e-12)).all())


@given(seeds, st.floats(0.1, 20.0), st.sampled_from([torch.float32, torch.float64]))
@settings(max_examples=50)
def test_projection(seed, limit, dtype):
    s = spline(seed, units=6).to(dtype)
    with torch.no_grad():
        s.coefficients[:3] *= 0.1
    before = s.coefficients.detach().clone()
    fine = s.lipschitz() <= limit
    s.project_(limit)
    after = s.coefficients.detach()
    assert bool((after.double().diff(dim=1).abs() / 0.4 <= limit).all())
    assert torch.equal(after[fine], before[fine])
    assert torch.allclose(after.mean(1), before.mean(1), atol=1e-5)
    s.project_(limit)
    assert torch.equal(after, s.coefficients)
    s.project_(0.0)  # no limit
    assert torch.equal(after, s.coefficients)


def test_starts_as_leaky_relu():
    s = LinearSpline(2)
    x = torch.tensor([[-9.0, -1.0], [0.0, 0.3], [2.0, 7.5]])
    assert torch.allclose(s(x), torch.nn.functional.leaky_relu(x, 0.01), atol=1e-6)
    assert s.coefficients.dtype == torch.float32


def test_no_number_stays_no_number():
    y = LinearSpline(1)(torch.tensor([[float("nan")], [1.0]]))
    assert y.isnan().tolist() == [[True], [False]]


@pytest.mark.parametrize("bad", [{"knots": 4}, {"knots": 1}, {"range": 0.0}, {"range": float("nan")}])
def test_refuses(bad):
    with pytest.raises(SpecError, match=next(iter(bad))):
        LinearSpline(2, **bad)
