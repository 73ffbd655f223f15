"""A network trained offline goes on as a stream."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from test_nn_network import RULES, STEPS, play, rules  # noqa: E402

from streamnn.network import Network, NetworkSpec  # noqa: E402
from streamnn.nn import SplineNetwork  # noqa: E402

pytestmark = pytest.mark.slow

f4 = np.float32
OFFLINE, ALL = 3000, 6000


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ALL, 6)).astype(f4)
    s = 5.0 * np.sin(1.5 * x[:, 0]) * np.sign(x[:, 1]) + 3.0 * x[:, 2] * x[:, 3]
    return x, (rng.random(ALL) < 1.0 / (1.0 + np.exp(-s))).astype(f4)


def spec(rule: str) -> NetworkSpec:
    return NetworkSpec("warm", (32, 16), rule, STEPS[rule])


@pytest.fixture(scope="module")
def trained(events):
    """Fifteen epochs of Adam over the first half, back into the budget after every step."""
    x, y = (torch.from_numpy(v[:OFFLINE]) for v in events)
    generator = torch.Generator().manual_seed(0)
    model = SplineNetwork(6, 2, (32, 16))
    model.project_(spec("sgd"))
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(15):
        for batch in torch.randperm(OFFLINE, generator=generator).split(64):
            adam.zero_grad()
            (model.loss(x[batch], y[batch]) / len(batch)).backward()
            adam.step()
            model.project_(spec("sgd"))
    return model


def losses(net: Network, x, y):
    p = play(net, x, np.full((len(x), 1), -1, np.int32), y)
    return -np.log(np.maximum(p[np.arange(len(y)), y.astype(int)], 1e-7))


@rules
def test_a_warm_start_beats_a_cold_one_and_one_pass(rule, events, trained):
    x, y = events
    reference = RULES[rule](trained, step=0.0)  # measures running means, moves nothing
    for row, label in zip(
        torch.from_numpy(x[OFFLINE - 1000 : OFFLINE]), y[OFFLINE - 1000 : OFFLINE], strict=True
    ):
        reference.step(row, float(label))
    warm = trained.to_network(spec(rule), rule=reference)
    assert warm.s["out"].tobytes() == trained.out.detach().numpy().tobytes()
    cold, streamed = (Network(spec(rule), 6, 2, True, 0) for _ in range(2))
    losses(streamed, x[:OFFLINE], y[:OFFLINE])
    loss = {
        n: losses(net, x[OFFLINE:], y[OFFLINE:])
        for n, net in [("warm", warm), ("cold", cold), ("one pass", streamed)]
    }
    assert loss["warm"].mean() < 0.85 * loss["cold"].mean()
    assert loss["warm"].mean() < loss["one pass"].mean()
    assert loss["warm"][:300].mean() < 0.8 * loss["cold"][:300].mean()
    assert warm.certificate(x[:10]).attacked <= warm.certificate(x[:10]).bound


def test_running_means_calm_the_first_steps(events, trained):
    x, y = events
    reference = RULES["rms"](trained, step=0.0)
    for row, label in zip(
        torch.from_numpy(x[OFFLINE - 1000 : OFFLINE]), y[OFFLINE - 1000 : OFFLINE], strict=True
    ):
        reference.step(row, float(label))
    moved = []
    for rule in (None, reference):
        net = trained.to_network(spec("rms"), rule=rule)
        before = net.s["out"].copy()
        losses(net, x[OFFLINE : OFFLINE + 1], y[OFFLINE : OFFLINE + 1])
        moved.append(np.abs(net.s["out"] - before).max())
    assert moved[0] > 5.0 * moved[1] > 0.0
