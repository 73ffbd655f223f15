"""Bounds of recurrent layers against their Jacobians."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from streamnn.nn.recurrent_slopes import recurrent_slopes  # noqa: E402

pytestmark = pytest.mark.slow


@st.composite
def layers(draw):
    kind = draw(st.sampled_from([torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN]))
    torch.manual_seed(draw(st.integers(0, 2**31)))
    make = {
        "num_layers": draw(st.integers(1, 2)),
        "bidirectional": draw(st.booleans()),
        "bias": draw(st.booleans()),
    }
    inputs, hidden, steps = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 5))
    module = kind(inputs, hidden, batch_first=True, **make).double()
    scale = draw(st.sampled_from([0.3, 1.0, 4.0]))  # gates that slumber, and gates that are shut or open
    with torch.no_grad():
        for p in module.parameters():
            p *= scale
    most = draw(st.sampled_from([0.1, 1.0, 5.0]))
    x = (torch.rand(8, steps, inputs, dtype=torch.float64) * 2 - 1) * most
    x[0] = 0.0
    return module, x, most


def jacobians(module, x, last: bool) -> float:
    """The largest norm at these places."""

    def f(one):
        out = module(one[None])[0][0]
        return out[-1] if last else out.reshape(-1)

    found = [torch.autograd.functional.jacobian(f, one).reshape(-1, one.numel()) for one in x]
    return max(float(torch.linalg.matrix_norm(j, ord=2)) for j in found)


@given(layers())
@settings(max_examples=120, deadline=None)
def test_no_jacobian_is_steeper(case):
    module, x, most = case
    for limit in (most, math.inf):
        every, last = recurrent_slopes(module, x.shape[1], limit)
        assert jacobians(module, x, last=False) <= every
        assert jacobians(module, x, last=True) <= last


def test_one_step_of_a_small_lstm_is_almost_exact():
    module = torch.nn.LSTM(1, 1, batch_first=True).double()
    with torch.no_grad():
        for p in module.parameters():
            p.zero_()
        module.weight_ih_l0[2] = 1.0  # the new cell only
        module.bias_ih_l0[0] = module.bias_ih_l0[3] = 30.0  # gates wide open
    found = jacobians(module, torch.zeros(1, 1, 1).double(), last=True)
    assert found == pytest.approx(1.0) and recurrent_slopes(module, 1)[1] == pytest.approx(found)


def test_projections_have_none():
    with pytest.raises(ValueError, match="projections"):
        recurrent_slopes(torch.nn.LSTM(2, 3, proj_size=1), 4)
