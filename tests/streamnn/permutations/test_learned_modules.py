"""Learned orders as torch modules: the compiled networks' steps, the paper's places, and the way to the edge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402

from streamnn.edge.torch_modules import float_network_of  # noqa: E402
from streamnn.errors import SpecError  # noqa: E402
from streamnn.nn import (  # noqa: E402
    GroupedLinear,
    LearnedGrouping,
    LearnedShuffle,
    ShuffleUnitV1,
    ShuffleUnitV2,
)
from streamnn.permutations.host import alone, settle_alone  # noqa: E402
from streamnn.permutations.schedule import Schedule  # noqa: E402

pytestmark = pytest.mark.slow

QUICK = Schedule(every=8, hold=100, ramp=300, trial=20, seed=1)


def learned(layer, order, events=2000):
    """The layer after so many labels of the inputs in an order; the loss of the last ones."""
    torch.manual_seed(0)
    losses = []
    for _ in range(events):
        x = torch.randn(1, len(order))

        def loss(x=x):
            return (layer(x) - x[:, order]).square().sum()

        if layer.soft():
            loss().backward()
        with torch.no_grad():
            losses.append(float(loss()))
            layer.after_label(lambda loss=loss: float(loss()))
    return losses


def test_its_steps_are_those_of_the_compiled_networks():
    layer, tables = LearnedShuffle(5, QUICK), alone(QUICK.start(5, 5))
    rng = np.random.default_rng(0)
    for _ in range(64):
        x, d = rng.normal(size=(2, 5)).astype(np.float32)
        (layer(torch.from_numpy(x)[None])[0] * torch.from_numpy(d)).sum().backward()
        layer.after_label(lambda: 1.0)
        tables.slow_g[:25] += np.outer(x, d).ravel()
        settle_alone(tables, 1.0, 1.0)
    for name, array in tables._asdict().items():
        np.testing.assert_allclose(getattr(layer, name).numpy(), array, rtol=1e-5, atol=1e-7)


def test_it_commits_and_goes_on_from_a_state_dict():
    order = [3, 0, 2, 1]
    layer = LearnedShuffle(4, QUICK)
    assert not list(layer.parameters()) and not layer.committed
    losses = learned(layer, order)
    assert layer.committed and layer.index.tolist() == order and max(losses[-100:]) == 0.0
    again = LearnedShuffle(4, QUICK)
    again.load_state_dict(layer.state_dict())
    assert again.committed and again.index.tolist() == order
    again.reopen("part")
    assert not again.committed and layer.committed


def test_a_rounding_that_is_worse_is_refused():
    layer = LearnedShuffle(4, QUICK)
    torch.manual_seed(0)
    for _ in range(1000):
        x = torch.randn(1, 4)
        (layer(x) - x[:, [1, 0, 3, 2]]).square().sum().backward()
        layer.after_label(lambda: 2.0 if layer._rounded else 1.0)
    assert not layer.committed and int(layer.counters[8]) > 1


@pytest.mark.parametrize(
    "unit", [lambda: ShuffleUnitV1(8, 2, schedule=QUICK), lambda: ShuffleUnitV2(8, schedule=QUICK)]
)
def test_units_learn_an_order_of_maps(unit):
    torch.manual_seed(0)
    net = unit()
    shuffle = next(m for m in net.modules() if isinstance(m, LearnedShuffle))
    before = shuffle.slow.clone()
    net(torch.randn(2, 8, 5, 5)).square().sum().backward()
    assert shuffle.slow_g[:64].abs().sum() > 0 and torch.equal(shuffle.slow, before)
    for _ in range(8):
        shuffle.after_label(lambda: 1.0)
    assert not torch.equal(shuffle.slow, before)


@pytest.mark.parametrize("grouping", [False, True])
def test_what_is_committed_goes_to_the_edge_as_an_order_and_blocks(grouping):
    torch.manual_seed(0)
    if grouping:
        layers = [LearnedGrouping(4, 6, 2, replace(QUICK, step=0.4))]
    else:
        layers = [LearnedShuffle(4, QUICK), GroupedLinear(4, 6, 2)]
    net = nn.Sequential(nn.Linear(3, 4), *layers, nn.ReLU(), nn.Linear(6, 2))
    with pytest.raises(SpecError, match="not committed"):
        float_network_of(net)
    for _ in range(3000):
        x = torch.randn(1, 3)
        net(x).square().sum().backward()
        layers[0].after_label(lambda: 1.0)
        net.zero_grad()
    assert layers[0].committed
    x = torch.randn(20, 3)
    given = float_network_of(net)(x.numpy(), np.zeros((20, 0), np.int32))
    np.testing.assert_allclose(given, net(x).detach().numpy(), atol=1e-5)
