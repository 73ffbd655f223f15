"""Torch modules as plans: which are lowered, that they agree with torch, and what is said of the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

import refused_modules  # noqa: E402
from lowered_modules import ACTIVATIONS, CASES  # noqa: E402
from torch import nn  # noqa: E402

from streamnn.guests.lowering import lower  # noqa: E402
from streamnn.guests.not_lowered import NotLowered  # noqa: E402
from streamnn.lowered.probe import gradients, outputs  # noqa: E402
from streamnn.nn import LinearSpline, Residual  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    # of torch itself, where an even kernel is padded to 'same'
    pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning"),
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning"),
    pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning"),
]
AGREES = 1e-5
"""Ten times nearer than what :func:`lower` lets pass."""


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        yield


def made(name):
    make, shape, time_first = CASES[name]
    module = make()
    if any(isinstance(m, nn.modules.lazy.LazyModuleMixin) for m in module.modules()):
        module(torch.zeros(1, *shape))
    return module, shape, time_first


@pytest.mark.parametrize("name", CASES)
def test_is_lowered_and_agrees_with_torch(name):
    module, shape, time_first = made(name)
    before = {k: v.clone() for k, v in module.state_dict().items()}
    lowered = lower(module, shape, time_first=time_first)
    assert lowered.disagreement < AGREES
    assert [leaf.name for leaf in lowered.plan.leaves] == [n for n, _ in module.named_parameters()]
    for leaf, (_, p) in zip(lowered.plan.leaves, module.named_parameters(), strict=True):
        assert np.array_equal(lowered.plan.named(lowered.plan.weights)[leaf.name], p.detach().numpy())
    # the module is as it was, its hooks too
    assert module.training and all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    assert not any(m._forward_pre_hooks for m in module.modules())


@pytest.mark.parametrize("name", ["cnn", "shufflenet v2", "lstm both ways, two layers", "gated", "functions"])
def test_by_hand_against_autograd(name):
    """What :func:`lower` compares itself, once more and without its help."""
    module, shape, time_first = made(name)
    plan, ends, _ = lower(module, shape, time_first=time_first)
    x = torch.randn(1, *shape, requires_grad=True)
    scores = module.eval()(x.transpose(0, 1) if time_first else x)[0]
    ours = torch.from_numpy(outputs(plan, plan.weights, x.detach().numpy()))
    assert torch.allclose(ours.log_softmax(-1) if ends else ours, scores, atol=1e-5)
    if ends:
        return
    scores[0].backward()
    of_parameters, of_input = gradients(plan, plan.weights, x.detach().numpy(), np.eye(len(ours))[0])
    assert np.allclose(of_input, x.grad[0], atol=1e-5)
    for own, p in module.named_parameters():
        assert np.allclose(plan.named(of_parameters)[own], p.grad, atol=1e-5), own


@pytest.mark.parametrize("name", refused_modules.CASES)
def test_is_not_lowered_and_says_why(name):
    make, shape, why = refused_modules.CASES[name]
    with pytest.raises(NotLowered) as error:
        lower(make(), shape)
    assert why in str(error.value)


def test_the_last_softmax_is_left_out():
    inner = nn.Linear(4, 3)
    x = np.arange(4, dtype=np.float32)
    scores = outputs(lower(inner, (4,)).plan, lower(inner, (4,)).plan.weights, x)
    for last, ends in ((nn.Softmax(-1), "softmax"), (nn.LogSoftmax(1), "log_softmax")):
        plan, found, _ = lower(nn.Sequential(inner, last), (4,))
        assert found == ends and np.array_equal(outputs(plan, plan.weights, x), scores)


def test_the_latent_is_the_last_linear_layer_or_the_one_named():
    module = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2))
    assert lower(module, (4,)).plan.latent.shape == (5,)
    assert lower(module, (4,), latent="2").plan.latent.shape == (6,)
    with pytest.raises(NotLowered, match="latent is 'mine'"):
        lower(module, (4,), latent="mine")


def test_torchs_own_random_numbers_are_left_alone():
    module = nn.Sequential(nn.Linear(4, 6), nn.Dropout(0.5), nn.Linear(6, 2))
    before = torch.get_rng_state()
    lower(module, (4,))
    assert torch.equal(torch.get_rng_state(), before)


widths = st.integers(4, 9)  # a norm of one or two numbers gives signs, and gradients that are rounding


@st.composite
def sequentials(draw):
    """Dense layers of any widths, with anything between that keeps them."""
    n = draw(widths)
    start, layers = n, []
    for _ in range(draw(st.integers(1, 5))):
        m = draw(widths)
        layers.append(nn.Linear(n, m, bias=draw(st.booleans())))
        between = [
            *(a for a in ACTIVATIONS[:18] if not getattr(a, "inplace", False)), nn.LayerNorm(m), nn.RMSNorm(m), nn.Dropout(0.2), nn.GroupNorm(1, m), LinearSpline(m),
            Residual(nn.Linear(m, m)), nn.Sequential(nn.Unflatten(1, (1, m)), nn.Conv1d(1, 2, 1), nn.Flatten(), nn.Linear(2 * m, m)),
        ]  # fmt: skip
        layers += draw(st.lists(st.sampled_from(between), max_size=2, unique_by=id))
        n = m
    return nn.Sequential(*layers, nn.Linear(n, draw(widths))), start


@given(sequentials(), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_any_sequential_agrees_with_torch(made, seed):
    module, inputs = made
    torch.manual_seed(seed)
    for p in module.parameters():
        nn.init.normal_(p, std=0.5)
    assert lower(module, (inputs,)).disagreement < 1e-4
