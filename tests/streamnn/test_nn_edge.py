"""Torch modules as integer networks: the same function in floats, nearly the same classes in integers, the same C."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402

from streamnn.edge import Artefact, Device, InputStage, Sensor, load  # noqa: E402
from streamnn.edge.quantiser import quantise  # noqa: E402
from streamnn.edge.spline_resampling import resampled_network  # noqa: E402
from streamnn.edge.torch_modules import float_network_of  # noqa: E402
from streamnn.errors import SpecError  # noqa: E402
from streamnn.network import Network, NetworkSpec  # noqa: E402
from streamnn.nn import LinearSpline, Permutation, Residual, SplineNetwork  # noqa: E402

pytestmark = pytest.mark.slow
torch.set_num_threads(1)
NO_IDS = np.zeros((400, 0), np.int32)


def norm(units):
    """Batch normalisation that has seen something."""
    bn = nn.BatchNorm1d(units)
    with torch.no_grad():
        bn.running_mean.uniform_(-0.5, 0.5), bn.running_var.uniform_(0.4, 2.0)
        bn.weight.uniform_(0.5, 1.5), bn.bias.uniform_(-0.5, 0.5)
    return bn


def spline(units, knots=17):
    out = LinearSpline(units, knots)
    with torch.no_grad():
        out.coefficients += torch.rand(units, knots) * 0.3
    return out


def channels(*modules):
    return nn.Unflatten(1, (-1, 1)), *modules, nn.Flatten()


def block():
    return nn.Sequential(nn.Linear(8, 12), norm(12), nn.ReLU(), nn.Linear(12, 8), norm(8))


def everything():
    """Residual, grouped and permuted, with splines and normalisation."""
    grouped = channels(nn.Conv1d(16, 16, 1, groups=4), norm(16), nn.PReLU(16), nn.ChannelShuffle(4))
    inner = nn.Sequential(nn.Linear(16, 16), norm(16), nn.ReLU(), nn.Linear(16, 16))
    return nn.Sequential(
        nn.Linear(6, 16), norm(16), spline(16), *grouped, Residual(inner), nn.LeakyReLU(0.1),
        Permutation(torch.randperm(16).tolist()), *channels(nn.Conv1d(16, 16, 1, groups=2, bias=False)), spline(16),
        nn.Linear(16, 3),
    )  # fmt: skip


MODELS = {
    "linear": lambda: nn.Linear(6, 3),
    "two linear": lambda: nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3)),
    "relu": lambda: nn.Sequential(nn.Linear(6, 8, bias=False), nn.ReLU(), nn.Linear(8, 3)),
    "one slope": lambda: nn.Sequential(nn.Linear(6, 8), nn.PReLU(), nn.Dropout(), nn.Identity(), nn.Linear(8, 3)),
    "norm first": lambda: nn.Sequential(norm(6), nn.Linear(6, 8), nn.ReLU(), norm(8), nn.Linear(8, 3)),
    "norm last": lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3), norm(3)),
    "ends in relu": lambda: nn.Sequential(nn.Linear(6, 3), nn.ReLU()),
    "two in a row": lambda: nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(), spline(8), norm(8), spline(8)),
    "orders": lambda: nn.Sequential(
        Permutation([5, 3, 1, 0, 2, 4]), norm(6), Permutation([1, 2, 0, 5, 4, 3]), nn.Linear(6, 3)
    ),
    "order last": lambda: nn.Sequential(nn.Linear(6, 3), Permutation([2, 0, 1])),
    "residuals": lambda: nn.Sequential(
        nn.Linear(6, 8), nn.ReLU(), Residual(block()), Residual(block()), norm(8), nn.ReLU(), Residual(block())
    ),
    "residual first": lambda: nn.Sequential(Residual(nn.Linear(6, 6)), nn.ReLU(), nn.Linear(6, 3)),
    "residual within": lambda: nn.Sequential(
        nn.Linear(6, 8), Residual(nn.Sequential(Residual(block()), nn.ReLU(), norm(8)))
    ),
    "residual of nothing": lambda: nn.Sequential(nn.Linear(6, 8), Residual(nn.Identity()), nn.Linear(8, 3)),
    "residual of an order": lambda: nn.Sequential(norm(6), Residual(Permutation([5, 3, 1, 0, 2, 4]))),
    "spline network": lambda: SplineNetwork(6, 3, (32, 16), activation="prelu"),
    "everything": everything,
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_the_float_network_is_the_module(name):
    torch.manual_seed(1)
    model = MODELS[name]().double().eval()
    x = torch.randn(400, 6, dtype=torch.float64) * 2
    with torch.no_grad():
        wanted = model.scores(x) if isinstance(model, SplineNetwork) else model(x)
    assert np.abs(float_network_of(model)(x.numpy(), NO_IDS) - wanted.numpy()).max() < 1e-6


def test_a_softmax_at_the_end_is_left_out():
    model = nn.Sequential(nn.Linear(6, 3), nn.Softmax(1))
    assert np.array_equal(float_network_of(model).layers[0].bias, model[0].bias.detach().double().numpy())
    for wrong in (nn.Sequential(model, nn.ReLU()), nn.Sequential(Residual(model))):
        with pytest.raises(SpecError, match="softmax"):
            float_network_of(wrong)


def test_a_spline_network_has_the_category_rows_of_its_network():
    net = Network(NetworkSpec("net", (32, 16)), 6, 3, True, 0)
    net.grow(np.arange(6), 6, 3, 9)
    net.s["table"][:] = np.random.default_rng(0).normal(size=net.s["table"].shape)
    model = SplineNetwork.from_network(net, torch.float64)
    x, ids = torch.randn(400, 6, dtype=torch.float64), torch.randint(0, 9, (400, 2))
    wanted = model.scores(x, ids).detach().numpy()
    assert np.abs(float_network_of(model)(x.numpy(), ids.numpy()) - wanted).max() < 1e-6


class Odd(nn.Module):
    """Nothing that anybody knows."""


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (
            nn.Sequential(nn.Linear(6, 3), nn.Sequential(nn.Linear(3, 3), Odd())),
            r"module\.1\.1 is a Odd.*allowed are",
        ),
        (nn.Sequential(nn.Linear(6, 3), nn.Tanh()), "is a Tanh"),
        (nn.Sequential(nn.Linear(6, 3), SplineNetwork(3, 2)), "SplineNetwork alone"),
        (nn.Sequential(nn.ReLU(), nn.Linear(6, 3)), "begin with a Linear"),
        (nn.Sequential(nn.Linear(6, 6), nn.Conv1d(6, 3, 1)), "Unflatten"),
        (nn.Sequential(nn.Unflatten(1, (6, 1)), nn.Conv1d(6, 3, 3, padding=1)), "kernel 1"),
        (nn.Sequential(nn.Unflatten(1, (6, 1)), nn.Linear(6, 3)), "Flatten"),
        (nn.Sequential(nn.Linear(6, 6), nn.Unflatten(1, (6, 1)), LinearSpline(6)), "Flatten"),
        (nn.Sequential(nn.Linear(6, 6), nn.Unflatten(1, (3, 2))), "is a Unflatten"),
        (nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3, track_running_stats=False)), "running statistics"),
    ],
)
def test_what_cannot_be_taken_is_named(model, says):
    with pytest.raises(SpecError, match=says):
        float_network_of(model)


def test_an_order_takes_each_place_once():
    with pytest.raises(SpecError, match="once"):
        Permutation([0, 0, 1])


def trained(model, x):
    """The module after some steps towards classes that balance."""
    y = torch.stack([x[:, 0] * x[:, 1], x[:, 2] - 0.3, x[:, 3] + x[:, 4].abs() - 1.0], 1).argmax(1)
    optimiser = torch.optim.Adam(model.train().parameters(), 0.01)
    for _ in range(150):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    return model.eval()


def centred(model, x):
    """The module as it was drawn, but for the last bias: or some class would never be the largest."""
    with torch.no_grad():
        model[-1].bias -= model(x).mean(0)
    return model


def integers(name, seed, prepared):
    """Modules, integer inputs and the classes that the module says of them."""
    torch.manual_seed(seed)
    x = np.clip(np.rint(np.random.default_rng(seed).normal(size=(4000, 6)) * 32), -127, 127).astype(np.int32)
    rows = torch.from_numpy(x / 32.0)
    model = prepared(MODELS[name]().double().eval(), rows)
    with torch.no_grad():
        wanted = model(rows).numpy().argmax(1)
    assert np.bincount(wanted, minlength=3).max() < 0.7 * len(x)
    network, _ = resampled_network(float_network_of(model))
    return quantise(network, x[:1000], np.zeros((1000, 0), np.int32), np.full(6, 5)), x, wanted


def artefact_of(modules):
    nought, none = np.zeros(6, np.int64), np.zeros(0, np.int64)
    stage = InputStage((), nought, nought + 8, np.ones(6, bool), np.zeros(7, np.int64), none, none)
    return Artefact(tuple(Sensor(f"s{i}", 5) for i in range(6)), stage, modules, tuple("abc"))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("name", "prepared", "least"),
    [
        ("relu", centred, 0.98),
        ("norm first", centred, 0.98),
        ("everything", trained, 0.98),
        (
            "everything",
            centred,
            0.96,
        ),  # six layers of random numbers: nothing keeps rows off the borders of classes
    ],
)
def test_eight_bits_say_the_same_classes(name, prepared, least, seed):
    modules, x, wanted = integers(name, seed, prepared)
    said = Device(artefact_of(modules)).predict(x)
    agree = (said.argmax(1) == wanted)[1000:].mean()
    print(f"{name}, {prepared.__name__}, seed {seed}: {agree:.4f}")
    assert agree >= least


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler: apt-get install gcc libc6-dev")
def test_c_is_the_device_residual_grouped_and_permuted():
    modules, x, _ = integers("everything", 0, centred)
    assert {m.groups for m in modules} == {1, 2, 4} and any(m.skip >= 0 for m in modules)
    assert any(m.gather is not None for m in modules)
    artefact = artefact_of(modules)
    assert np.array_equal(load(artefact).say(x).logits, Device(artefact).predict(x))
