"""Convolutions, pools and recurrent layers against torch: forward, gradients, and 10,000 updates."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402

from streamnn.lowered import PlanBuilder  # noqa: E402
from streamnn.lowered.activations import activation  # noqa: E402
from streamnn.lowered.convolution import convolution  # noqa: E402
from streamnn.lowered.dense import linear  # noqa: E402
from streamnn.lowered.network import LoweredNetwork, Rules  # noqa: E402
from streamnn.lowered.optimisers import Optimiser  # noqa: E402
from streamnn.lowered.pooling import pool  # noqa: E402
from streamnn.lowered.probe import gradients, outputs  # noqa: E402
from streamnn.lowered.recurrent import gru, lstm, rnn  # noqa: E402
from streamnn.types import LEARN, OBSERVE  # noqa: E402

pytestmark = pytest.mark.slow

f4 = np.float32
UPDATES, CLASSES, WINDOW, WIDTH, SIDE = 10_000, 3, 8, 8, 8


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def of(module):
    """Parameters as arrays, by name."""
    return {name: p.detach().numpy() for name, p in module.named_parameters()}


def convolved(b, x, name, module):
    p = of(module)
    settings = module.stride, module.padding, module.dilation, module.groups
    return convolution(b, x, name, p["weight"], p.get("bias"), *settings)


def recurred(b, x, name, module):
    p = of(module)
    parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    for layer in range(module.num_layers):
        suffix = f"_l{layer}"
        given = [p.get(part + suffix) for part in parts]
        if module.mode in ("LSTM", "GRU"):
            x = {"LSTM": lstm, "GRU": gru}[module.mode](b, x, name, *given, suffix)
        else:
            x = rnn(b, x, name, *given, suffix, relu=module.mode == "RNN_RELU")
    return x


def furthest(plan, call, module, prefix, x, rng):
    """Largest difference of outputs and gradients, as shares of the largest of each."""
    t = torch.tensor(x, requires_grad=True)
    y = call(t)
    d = rng.standard_normal(y.shape).astype(f4)
    y.backward(torch.tensor(d))
    by_weights, by_input = gradients(plan, plan.weights, x, d)
    named = plan.named(by_weights)
    pairs = [(outputs(plan, plan.weights, x), y.detach()), (by_input, t.grad)]
    pairs += [(named[f"{prefix}.{name}"], p.grad) for name, p in module.named_parameters()]
    return max(float(np.abs(a - b.numpy()).max() / max(b.abs().max(), 1e-6)) for a, b in pairs)


@pytest.mark.parametrize("seed", range(30))
def test_convolutions(seed):
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    groups, inner, members = (int(rng.integers(1, 5)) for _ in range(3))
    kernel, stride, dilation = (tuple(rng.integers(1, 4, 2).tolist()) for _ in range(3))
    padding, size = tuple(rng.integers(0, 4, 2).tolist()), rng.integers(8, 20, 2).tolist()
    module = nn.Conv2d(
        groups * inner, groups * members, kernel, stride, padding, dilation, groups, seed % 2 > 0
    )
    b = PlanBuilder((groups * inner, *size))
    plan = b.finish(convolved(b, b.input, "c", module), b.input)
    x = rng.standard_normal(b.input.shape).astype(f4)
    assert furthest(plan, lambda t: module(t[None])[0], module, "c", x, rng) < 3e-6


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", ["max", "mean", "mean of what is there"])
def test_pools(kind, seed):
    rng = np.random.default_rng(seed)
    kernel, stride = (tuple(rng.integers(1, 5, 2).tolist()) for _ in range(2))
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
    module = nn.MaxPool2d(kernel, stride, padding)
    if kind != "max":
        module = nn.AvgPool2d(kernel, stride, padding, count_include_pad=kind == "mean")
    b = PlanBuilder((3, *rng.integers(5, 12, 2).tolist()))
    y = pool(b, b.input, kind[: 3 if kind == "max" else 4], kernel, stride, padding, kind == "mean")
    x = rng.integers(-2, 3, b.input.shape).astype(f4)  # many are equal
    assert furthest(b.finish(y, b.input), lambda t: module(t[None])[0], module, "", x, rng) < 1e-6


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize(("n", "h", "steps"), [(8, 16, 8), (3, 5, 4), (7, 20, 1), (8, 64, 16)])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN tanh", "RNN relu"])
def test_recurrent_layers(kind, n, h, steps, biased, layers):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    options = {"nonlinearity": kind[4:]} if kind[:3] == "RNN" else {}
    module = getattr(nn, kind[:4].strip())(n, h, layers, bias=biased, **options)
    b = PlanBuilder((steps, n))
    plan = b.finish(recurred(b, b.input, "r", module), b.input)
    x = rng.standard_normal(b.input.shape).astype(f4)
    assert furthest(plan, lambda t: module(t)[0], module, "r", x, rng) < 3e-6


class Convolutions(nn.Module):
    """A small network of images, flat as they come."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 6, 3, padding=1)
        self.second = nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2)
        self.out = nn.Linear(8 * 2 * 2, CLASSES)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.tanh(self.first(x.reshape(-1, 1, SIDE, SIDE))), 2)
        return self.out(torch.tanh(self.second(x)).flatten(1))

    def lowered(self):
        b = PlanBuilder((SIDE * SIDE,))
        x = activation(b, convolved(b, b.input.reshaped(1, SIDE, SIDE), "first", self.first), "tanh")
        x = activation(b, convolved(b, pool(b, x, "max", 2), "second", self.second), "tanh")
        last = x.reshaped(x.size)
        return b.finish(linear(b, last, "out", **of(self.out)), last)


class Recurrent(nn.Module):
    """Classes from the last hidden state of a window."""

    def __init__(self, kind):
        super().__init__()
        self.cell = getattr(nn, kind)(WIDTH, 16, batch_first=True)
        self.out = nn.Linear(16, CLASSES)

    def forward(self, x):
        return self.out(self.cell(x)[0][:, -1])

    def lowered(self):
        b = PlanBuilder((WINDOW, WIDTH))
        last = recurred(b, b.input, "cell", self.cell).part(WINDOW - 1, WINDOW).reshaped(16)
        return b.finish(linear(b, last, "out", **of(self.out)), last)


MODULES = {"convolutions": Convolutions, "LSTM": lambda: Recurrent("LSTM"), "GRU": lambda: Recurrent("GRU")}
STEPS = {"sgd": (torch.optim.SGD, 0.02), "adam": (torch.optim.Adam, 0.002)}


def stream(windowed, events=UPDATES):
    """Rows and classes: noise and the pattern of the class, in windows that of the class to come."""
    rng = np.random.default_rng(1)
    width = WIDTH if windowed else SIDE * SIDE
    y, patterns = rng.integers(0, CLASSES, events), rng.standard_normal((CLASSES, width))
    x = rng.standard_normal((events, width)) + 0.7 * patterns[np.roll(y, -1) if windowed else y]
    return x.astype(f4), y


def play(network, x, y):
    """Probabilities of every event, predicted before its class was learnt."""
    n = len(x)
    store = {"row": x, "names": np.zeros((n, 0), np.int32), "p": np.zeros((n, 1, CLASSES), f4)}
    store[network.window_leaf] = np.zeros((n, WINDOW, WIDTH), f4)
    op, slot = np.tile(np.array([OBSERVE, LEARN], np.int8), n), np.repeat(np.arange(n), 2)
    network.scan(op, slot, np.repeat(y, 2).astype(f4), np.ones(2 * n, f4), 0, x.shape[1], store)
    return store["p"][:, 0]


def learn(module, optimiser, x, y):
    """The same in torch."""
    windowed, found = x.shape[1] == WIDTH, np.zeros((len(x), CLASSES))
    if windowed:
        padded = torch.cat([torch.zeros(WINDOW - 1, WIDTH, dtype=x.dtype), x])
    for i in range(len(x)):
        scores = module(padded[None, i : i + WINDOW] if windowed else x[None, i])
        found[i] = torch.softmax(scores.detach()[0], 0).numpy()
        optimiser.zero_grad()
        nn.functional.cross_entropy(scores, y[i : i + 1]).backward()
        optimiser.step()
    return found


def both(name, rule, dtype, events=UPDATES):
    """Lowered network, torch module, and the largest difference of a probability."""
    torch.manual_seed(0)
    module = MODULES[name]()
    make, lr = STEPS[rule]
    network = LoweredNetwork(
        "n",
        module.lowered(),
        Rules(Optimiser(rule, lr), "cross_entropy", True, window=0 if name == "convolutions" else WINDOW),
        seed=0,
        place=0,
    )
    module = module.to(dtype)
    x, y = stream(name != "convolutions", events)
    p = play(network, x, y)
    q = learn(module, make(module.parameters(), lr), torch.tensor(x, dtype=dtype), torch.tensor(y))
    assert (p.argmax(1) == y)[events // 2 :].mean() > 0.6
    return network, module, float(np.abs(p - q).max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("rule", STEPS)
@pytest.mark.parametrize("name", MODULES)
def test_ten_thousand_updates(name, rule, dtype):
    network, module, furthest_p = both(name, rule, dtype)
    # of two numbers of a pool that are almost equal, torch's own float32 and float64 may take different ones for the
    # largest: 2e-3 lies between those two, 7e-6 between float64 and the kernel
    tolerance = 1e-2 if name == "convolutions" and dtype == torch.float32 else 1e-4
    assert furthest_p < tolerance
    named = network.plan.named(network.s["w"])
    assert sorted(named) == sorted(n for n, _ in module.named_parameters())
    for n, p in module.named_parameters():
        assert np.abs(named[n] - p.detach().numpy()).max() < tolerance
