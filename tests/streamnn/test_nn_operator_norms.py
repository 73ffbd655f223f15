"""Bounds of operator norms against the matrices themselves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from streamnn.nn import operator_norms as on  # noqa: E402

pytestmark = pytest.mark.slow


@st.composite
def convolutions(draw):
    axes = draw(st.sampled_from([1, 2]))
    groups = draw(st.integers(1, 3))
    per_axis = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(axes))  # noqa: E731
    kernel, stride, dilation, padding = per_axis(1, 4), per_axis(1, 3), per_axis(1, 2), per_axis(0, 3)
    sides = tuple(d * (k - 1) + 1 + draw(st.integers(0, 4)) for k, d in zip(kernel, dilation, strict=True))
    make = (torch.nn.Conv1d, torch.nn.Conv2d)[axes - 1]
    torch.manual_seed(draw(st.integers(0, 2**31)))
    inputs, outputs = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    module = make(inputs, outputs, kernel, stride, padding, dilation, groups).double()
    with torch.no_grad():
        if draw(st.booleans()):
            module.weight.abs_()  # the worst case of signs
    return module, sides


def exact(module, sides) -> float:
    """Norm of the whole unrolled layer, by its own forward pass on unit vectors."""
    units = torch.eye(module.in_channels * torch.Size(sides).numel(), dtype=torch.float64)
    with torch.no_grad():
        out = module(units.reshape(-1, module.in_channels, *sides)) - module(
            torch.zeros(1, module.in_channels, *sides).double()
        )
    return float(torch.linalg.matrix_norm(out.flatten(1), ord=2))


@given(convolutions())
@settings(max_examples=150, deadline=None)
def test_no_bound_is_below_the_norm_of_the_unrolled_convolution(case):
    m, sides = case
    norm = exact(m, sides)
    assert on.schur_convolution_norm(m.weight, m.stride, m.dilation, m.groups) >= norm * (1 - 1e-12)
    assert on.reshaped_convolution_norm(m.weight, m.stride, m.dilation, m.groups) >= norm * (1 - 1e-12)
    assert on.frequency_convolution_norm(m.weight, sides, m.dilation, m.groups) >= norm * (1 - 1e-12)
    padding = [(p, p) for p in m.padding]
    best, how = on.convolution_norm(m.weight, sides, m.stride, padding, m.dilation, m.groups)
    assert how == "its matrix" and best == pytest.approx(norm, rel=1e-6, abs=1e-12)


def test_the_reshaped_kernel_is_no_bound():
    m = torch.nn.Conv2d(4, 4, 3, padding=1).double()
    with torch.no_grad():
        m.weight.abs_()
    assert on.matrix_norm(m.weight.flatten(1)) < 0.8 * exact(m, (8, 8))


def test_how_tight_the_bounds_are_on_random_kernels():
    torch.manual_seed(0)
    m = torch.nn.Conv2d(8, 8, 3, padding=1).double()
    norm = exact(m, (12, 12))
    ratio = {
        "schur": on.schur_convolution_norm(m.weight, (1, 1), (1, 1), 1) / norm,
        "reshapes": on.reshaped_convolution_norm(m.weight, (1, 1), (1, 1), 1) / norm,
        "frequencies": on.frequency_convolution_norm(m.weight, (12, 12), (1, 1), 1) / norm,
    }
    assert 1 <= ratio["frequencies"] < 1.05 < ratio["reshapes"] < 2.5 < ratio["schur"] < 5


@given(st.integers(0, 2**31), st.integers(1, 7), st.integers(1, 7), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_matrices_and_groups(seed, outputs, inputs, groups):
    torch.manual_seed(seed)
    w = torch.randn(outputs * groups, inputs)
    whole = torch.block_diag(*w.double().chunk(groups))
    norm = float(torch.linalg.matrix_norm(whole, ord=2))
    assert on.grouped_norm(w, groups) == pytest.approx(norm)
    assert on.grouped_norm(w, groups) >= norm * (1 - 1e-12)
    assert (
        norm * (1 - 1e-12) <= on.grouped_norm(w, groups, on.cheap_norm) <= on.cheap_norm(whole) * (1 + 1e-12)
    )
    assert on.cheap_norm(whole) <= float(whole.norm()) * (1 + 1e-8)
