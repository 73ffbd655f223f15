"""Certificates of modules: never below what is found by looking, and what they say where there is none."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from streamnn.errors import SpecError  # noqa: E402
from streamnn.nn import (  # noqa: E402
    GroupedLinear,
    LearnedGrouping,
    LearnedShuffle,
    LinearSpline,
    Permutation,
    Residual,
    ShuffleUnitV1,
    ShuffleUnitV2,
    certificate,
)
from streamnn.nn.activation_slopes import activation_slope  # noqa: E402
from streamnn.nn.layer_slopes import layer_slope  # noqa: E402

pytestmark = pytest.mark.slow

ACTIVATIONS = [
    *(nn.ReLU(), nn.ReLU6(), nn.Tanh(), nn.Sigmoid(), nn.SiLU(), nn.Mish(), nn.SELU(), nn.GELU(), nn.Softplus()),
    *(nn.GELU(approximate="tanh"), nn.LeakyReLU(0.3), nn.LeakyReLU(-2.0), nn.ELU(0.5), nn.ELU(3.0), nn.CELU(2.0)),
    *(nn.Hardtanh(-2, 0.5), nn.Hardswish(), nn.Hardsigmoid(), nn.Softsign(), nn.LogSigmoid(), nn.Softplus(3.0, 5.0)),
    *(nn.Tanhshrink(), nn.Softshrink(), nn.PReLU(), nn.Identity(), nn.RReLU(0.2, 3.0)),
]  # fmt: skip


@pytest.mark.parametrize("module", ACTIVATIONS, ids=repr)
def test_the_slope_of_an_activation_is_its_steepest_place(module):
    module = module.double().eval()
    x = torch.linspace(-12, 12, 240_001, dtype=torch.float64)[:, None].requires_grad_()
    module(x).sum().backward()
    found = float(x.grad.abs().max())
    bound = activation_slope(module)
    assert found <= bound * (1 + 1e-7) and bound == pytest.approx(found, rel=1e-4)
    most = 3.0
    inside = torch.linspace(-most, most, 1001, dtype=torch.float64)[:, None]
    assert float(module(inside).detach().abs().max()) <= layer_slope(module, (1,), most).most


POOLS = [
    (nn.MaxPool2d(2), (2, 6, 6)), (nn.MaxPool2d(3, 1), (1, 6, 6)), (nn.MaxPool2d(3, 2, 1), (2, 7, 6)),
    (nn.MaxPool1d(3, 2, dilation=2), (2, 9)), (nn.AvgPool2d(3, 2, 1), (2, 7, 7)),
    (nn.AvgPool2d(3, 2, 1, count_include_pad=False), (2, 7, 8)), (nn.AvgPool1d(2, ceil_mode=True), (1, 7)),
    (nn.AdaptiveAvgPool2d(3), (2, 7, 5)), (nn.AdaptiveAvgPool2d(1), (2, 4, 4)), (nn.AdaptiveMaxPool2d((3, None)), (2, 7, 5)),
    (GroupedLinear(6, 4, 2), (6,)), (LearnedGrouping(6, 4, 2), (6,)), (LearnedShuffle(4), (4, 2, 2)),
    (LearnedShuffle(3, order=[2, 0, 1]), (3,)), (nn.LayerNorm(5), (5,)), (nn.LayerNorm((2, 3)), (2, 3)), (nn.GroupNorm(2, 4), (4, 3, 3)), (nn.RMSNorm(4, eps=1e-3), (4,)),
    (nn.BatchNorm1d(3), (3,)), (nn.BatchNorm2d(3), (3, 2, 2)), (nn.ChannelShuffle(2), (4, 2, 2)),
    (Permutation([2, 0, 1]), (3, 2)), (LinearSpline(3, 5, 1.0), (3, 2, 2)), (nn.Softmax(1), (4,)),
]  # fmt: skip


@pytest.mark.parametrize(("module", "shape"), POOLS, ids=lambda v: repr(v).replace("\n", ""))
def test_no_layer_is_steeper_than_its_bound(module, shape):
    torch.manual_seed(0)
    module = module.double().eval()
    with torch.no_grad():
        for p in module.parameters():
            p += torch.randn_like(p)
    if hasattr(module, "running_var"):
        module.running_var.uniform_(0.1, 2.0)
    rows = torch.randn(4, *shape, dtype=torch.float64)
    rows[0] *= 1e-3  # nearly constant: where a normalisation is steepest
    slope = layer_slope(module, shape, float(rows.abs().max()))
    for x in rows:
        jacobian = torch.autograd.functional.jacobian(lambda v: module(v[None])[0], x).reshape(-1, x.numel())
        assert float(torch.linalg.matrix_norm(jacobian, ord=2)) <= slope.bound * (1 + 1e-12)
    assert float(module(rows).detach().abs().max()) <= slope.most * (1 + 1e-12)
    if isinstance(module, (nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)):
        assert slope.bound == pytest.approx(float(torch.linalg.matrix_norm(jacobian, ord=2)), rel=1e-6)


class Branches(nn.Module):
    """What a forward may do between layers."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.shift = nn.Linear(6, 6), nn.Linear(3, 3), nn.Parameter(torch.ones(6))
        self.out = nn.Linear(9, 2)

    def forward(self, x):
        y = F.relu(self.a(x)) / 2 + x * 0.5 - self.shift
        left, right = y.chunk(2, 1)
        right = right * torch.sigmoid(self.b(left))  # a gate
        z = torch.cat([left, right, y.view(-1, 3, 2).mean(2)], dim=1)
        z += 1.0
        return self.out(z)


class Last(nn.Module):
    """A recurrent layer whose last state is read, in either way of saying so."""

    def __init__(self, kind, hidden: bool) -> None:
        super().__init__()
        self.core, self.out, self.hidden = kind(3, 4, batch_first=True), nn.Linear(4, 2), hidden

    def forward(self, x):
        if self.hidden and isinstance(self.core, nn.LSTM):
            _, (h, _) = self.core(x)
            return self.out(h[-1])
        y, h = self.core(x)
        if self.hidden:
            return self.out(h[-1])
        return self.out(y[:, -1])


class TimeFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.core, self.out = nn.LSTM(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.core(x.transpose(0, 1))[0][-1])


class Mistaken(nn.Module):
    """Takes rows for steps."""

    def __init__(self) -> None:
        super().__init__()
        self.core = nn.LSTM(2, 2)

    def forward(self, x):
        return self.core(x)[0]


NETWORKS = [
    (TimeFirst, (4, 3)),
    (lambda: nn.Sequential(nn.Linear(5, 8), nn.GELU(), Residual(nn.Linear(8, 8)), nn.SiLU(), nn.Linear(8, 3)), (5,)),
    (lambda: nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(inplace=True), nn.Conv2d(4, 4, 3, padding="same", groups=2),
                           LinearSpline(4), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3)), (1, 8, 8)),
    (Branches, (6,)),
    (lambda: nn.Sequential(nn.Conv2d(1, 8, 1), ShuffleUnitV1(8, 2, 2), ShuffleUnitV2(8), nn.Flatten(), nn.Linear(32, 3)), (1, 4, 4)),
    (lambda: Last(nn.LSTM, hidden=False), (4, 3)),
    (lambda: Last(nn.LSTM, hidden=True), (4, 3)),
    (lambda: Last(nn.GRU, hidden=True), (4, 3)),
    (lambda: Last(nn.RNN, hidden=False), (4, 3)),
    (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(5, 5)), (5,)),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("make", "shape"), NETWORKS)
def test_the_truth_lies_between(make, shape, seed):
    torch.manual_seed(seed)
    found = certificate(make(), shape, most=5.0)
    assert 0.0 < found.attacked <= found.bound < math.inf, found
    assert not found.missing


def test_a_residual_block_has_one_and_its_branch():
    block = Residual(nn.Linear(3, 3))
    branch = certificate(block.inner, (3,)).bound
    assert certificate(block, (3,)).bound == pytest.approx(1.0 + branch)


def test_of_linear_layers_the_product_of_their_spectral_norms():
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    norms = [float(torch.linalg.matrix_norm(net[i].weight.detach().double(), ord=2)) for i in (0, 2)]
    found = certificate(net, (4,))
    assert found.bound == pytest.approx(math.prod(norms))
    assert [layer.bound for layer in found.layers] == pytest.approx([norms[0], 1.0, norms[1]])


class Twice(nn.Module):
    def forward(self, x):
        return x[:, [0, 0]]


class Beside(nn.Module):
    def forward(self, x):
        y = x * 1.0
        y.mul_(3.0)
        return y


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 2)

    def forward(self, x):
        return self.a(x) + torch.cat(tensors=[x], dim=1)


class Own(nn.Linear):
    def forward(self, x):
        return 10.0 * super().forward(x)


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize("make", [Twice, Named, Branching, Beside, nn.Hardshrink])
def test_what_has_no_bound_says_so(make):
    found = certificate(nn.Sequential(make()), (2,))
    assert found.bound == math.inf
    assert found.missing or "can't trace" in found.of


def test_rows_that_are_taken_for_steps_have_no_bound():
    assert "axis" in certificate(Mistaken(), (3, 2)).missing[0].how


def test_refuses_what_gives_more_than_one_value():
    with pytest.raises(SpecError, match="LSTM gives more than one value"):
        certificate(nn.LSTM(2, 2), (3, 2))


def test_what_a_class_makes_of_a_layer_counts():
    own = Own(2, 2)
    with torch.no_grad():
        own.weight.copy_(torch.eye(2))
    found = certificate(own, (2,))
    assert found.attacked == pytest.approx(10.0) and found.bound >= found.attacked


def test_weights_that_are_no_numbers_have_no_slope():
    net = nn.Linear(2, 2)
    with torch.no_grad():
        net.weight[0, 0] = float("nan")
    assert certificate(net, (2,)).bound == math.inf
