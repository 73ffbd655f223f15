"""The decoder as a torch module: the kernel's own, and its gradient."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from test_network import drive, xor  # noqa: E402

from streamnn.errors import StateError  # noqa: E402
from streamnn.network import Network, NetworkSpec  # noqa: E402
from streamnn.nn import Decoder, SplineNetwork  # noqa: E402

pytestmark = pytest.mark.slow


def network(information):
    return Network(
        NetworkSpec("n", (16,), "sgd", 1e-3, categories=False, information=information), 6, 2, True, 1
    )


def test_one_step_of_the_kernel_is_the_gradient_of_both_losses():
    x, y = xor(300)
    net = network(0.5)
    drive(net, x, y)
    model, decoder = (m.from_network(net, torch.float64) for m in (SplineNetwork, Decoder))
    row, target = torch.tensor(x[:1].astype(np.float32)).double(), torch.tensor(y[:1])
    _, post, scores = model.layers(row)
    (model.loss_of(scores, target) + 0.5 * decoder.loss(post[-1], row)).backward()
    before = net.s["bias"].astype(float)
    drive(net, x[:1], y[:1])
    got = (before - net.s["bias"]) / 1e-3
    np.testing.assert_allclose(got, model.bias[0].grad.numpy(), atol=2e-3)


def test_a_network_without_one():
    with pytest.raises(StateError, match="no decoder"):
        Decoder.from_network(network(0.0))
