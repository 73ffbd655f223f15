"""The projection after a step, and that the certificate holds it to its word."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402

from streamnn.nn import LinearSpline, certificate, project  # noqa: E402
from streamnn.nn.operator_norms import matrix_norm  # noqa: E402

pytestmark = pytest.mark.slow


def nets():
    dense = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 12), LinearSpline(12), nn.Linear(12, 3))
    maps = nn.Sequential(
        nn.Conv2d(1, 6, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3, padding=1, groups=3),
        LinearSpline(6),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 3),
    )
    return {"dense": (dense, (6,), 4), "maps": (maps, (1, 7, 7), 4)}


@pytest.mark.parametrize("slope", [0.7, 1.5])
@pytest.mark.parametrize("name", ["dense", "maps"])
def test_after_1000_updates_the_certificate_is_within_slope_to_the_layers(name, slope):
    torch.manual_seed(0)
    net, shape, layers = nets()[name]  # three layers with weights and one of splines
    rule = torch.optim.Adam(net.parameters(), 0.02)
    x = torch.randn(1000, *shape)
    y = (x.flatten(1).sum(1).abs() * 3).long() % 3
    met = 0
    for i in range(1000):
        rule.zero_grad()
        nn.functional.cross_entropy(net(x[i : i + 1]), y[i : i + 1]).backward()
        rule.step()
        before = [p.clone() for p in net.parameters()]
        project(net, slope)
        met += any(not torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
        if i % 250 == 249:
            found = certificate(net, shape)
            assert found.attacked <= found.bound <= slope**layers
    assert met > 20  # the limit held it back


def test_weights_within_the_limit_keep_their_bits():
    net = nn.Sequential(nn.Linear(3, 3), nn.Conv2d(2, 2, 3), LinearSpline(3), nn.GRU(2, 2))
    with torch.no_grad():
        for p in net.parameters():
            p *= 0.01
    before = [p.clone() for p in net.parameters()]
    project(net, 1.0)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    with torch.no_grad():
        for p in net.parameters():
            p *= 1e4
    project(net, 0.0)  # no limit
    assert torch.equal(net[0].weight, before[0] * 1e4)


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_every_gate_of_a_recurrent_layer_is_within_the_limit(kind, gates):
    layer = kind(3, 5, num_layers=2, bidirectional=True)
    with torch.no_grad():
        for p in layer.parameters():
            p *= 20.0
    biases = [p.clone() for n, p in layer.named_parameters() if n.startswith("bias")]
    project(layer, 0.5)
    for n, p in layer.named_parameters():
        if n.startswith("weight"):
            assert max(matrix_norm(part) for part in p.chunk(gates)) <= 0.5
    after = [p for n, p in layer.named_parameters() if n.startswith("bias")]
    assert all(torch.equal(a, b) for a, b in zip(biases, after, strict=True))
