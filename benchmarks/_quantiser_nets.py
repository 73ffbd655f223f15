"""Networks that the quantiser's benchmark quantises: on digits, with a residual connection on a stream, on images."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import _data
import _quantisers as q
import numpy as np
from _uncertainty_images import images

from streamnn.edge.float_network import FloatLayer, FloatNetwork, float_network
from streamnn.network.functions import Functions
from streamnn.network.network import Network
from streamnn.network.spec import NetworkSpec
from streamnn.types import LEARN, OBSERVE

CALIBRATION = 64
FRACTION = 5
TOP = 127
SIDE = 14
MEMORY, RESERVOIR, WINDOW = 20_000, 2048, 5000
f4 = np.float32


def none(n: int) -> np.ndarray:
    """No category rows."""
    return np.zeros((n, 0), np.int32)


def whole(x: np.ndarray) -> np.ndarray:
    """Standardised inputs as integers."""
    return np.clip(np.rint(x * (1 << FRACTION)), -TOP, TOP).astype(np.int32)


def digits(seed: int) -> q.Snapshot:
    """A ReLU network on 70 % of the digits; its reservoir are 64 of these, its events the other 30 %."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    data = load_digits()
    order = np.random.default_rng(seed).permutation(len(data.target))
    x, y = whole(data.data[order] / 4 - 2), data.target[order]
    split = len(x) * 7 // 10
    net = MLPClassifier((64, 64, 64), max_iter=80, random_state=seed, tol=0.0, n_iter_no_change=80)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # all iterations are wanted
        net.fit(x[:split] / (1 << FRACTION), y[:split])
    layers = [
        FloatLayer(w, b, Functions.two_slopes(np.zeros(len(b))) if l < 3 else None)
        for l, (w, b) in enumerate(zip(net.coefs_, net.intercepts_, strict=True))
    ]
    few, rest = x[:CALIBRATION], x[split:]
    return q.Snapshot(
        "digits", FloatNetwork(tuple(layers)), np.full(64, FRACTION), few, none(len(few)), rest, none(len(rest)), y[split:]
    )  # fmt: skip


def residual(name: str, seed: int, relu: bool, units: int = 32) -> Iterator[q.Snapshot]:
    """A residual network that learns a stream once, 16 events a step, as it is every 5,000 events.

    Two hidden layers, whose second adds what the first gives to its own pre-activations.
    """
    import torch

    from streamnn.nn import LinearSpline

    stream = _data.load(name)
    x, y = whole(_data.standardised(stream)), stream.y
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    a, b, out = (
        torch.nn.Linear(i, o) for i, o in ((x.shape[1], units), (units, units), (units, int(y.max()) + 1))
    )
    bends = [LinearSpline(units, knots=17, range=4.0) for _ in range(2)]
    act = [torch.nn.functional.relu] * 2 if relu else bends
    weights = [
        *a.parameters(),
        *b.parameters(),
        *out.parameters(),
        *(p for s in bends for p in s.parameters()),
    ]
    rule = torch.optim.Adam(weights, lr=0.003)
    rows, labels = torch.from_numpy((x / (1 << FRACTION)).astype(f4)), torch.from_numpy(y)
    for t in range(0, min(len(x), 45_000), 16):
        if t % WINDOW < 16 and t >= 2 * WINDOW and t + WINDOW <= len(x):
            layers = [
                FloatLayer(
                    m.weight.detach().numpy().T.astype(float),
                    m.bias.detach().numpy().astype(float),
                    None if m is out else functions(bends[l], relu),
                    skip=0 if m is b else -1,
                )
                for l, m in enumerate((a, b, out))
            ]
            at = np.linspace(max(t - MEMORY, 0), t - 1, RESERVOIR).astype(int)
            test = slice(t, t + WINDOW)
            yield q.Snapshot(
                name, FloatNetwork(tuple(layers)), np.full(x.shape[1], FRACTION), x[at], none(len(at)), x[test],
                none(WINDOW), y[test],
            )  # fmt: skip
        z = act[0](a(rows[t : t + 16]))
        loss = torch.nn.functional.cross_entropy(out(act[1](b(z) + z)), labels[t : t + 16])
        rule.zero_grad()
        loss.backward()
        rule.step()


def functions(spline: object, relu: bool) -> Functions:
    """A torch spline's knots, or ReLU."""
    values = spline.coefficients.detach().numpy().astype(float)  # type: ignore[attr-defined]
    units, knots = values.shape
    if relu:
        return Functions.two_slopes(np.zeros(units))
    return Functions(np.full(units, -4.0), np.full(units, 8.0 / (knots - 1)), values)


def pixels(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images of 14 x 14 as integers from 0 to 127, and classes."""
    x, y, _ = images(name)
    small = x.reshape(-1, SIDE, 2, SIDE, 2).mean((2, 4)).reshape(len(x), -1)
    return np.rint(small * TOP).astype(np.int32), y


def power_of_two_scale(x: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """What standardises pixels as a device does: less a mean, by a power of two; those that never move are 0."""
    mean, deviation = np.rint(x.mean(0)), x.std(0)
    scale = np.where(deviation > 0, 2.0 ** -np.rint(np.log2(np.maximum(deviation, 0.5))), 0.0)
    return lambda v: whole((v - mean) * scale)


def image_network(x: np.ndarray, y: np.ndarray, hidden: int, seed: int) -> FloatNetwork:
    """A spline network under a slope budget that saw these images once, its running average."""
    spec = NetworkSpec("images", (hidden,), knots=17, range=4.0, categories=False, average=2000)
    net = Network(spec, x.shape[1], int(y.max()) + 1, True, seed)
    n = len(x)
    p = np.zeros((n, len(spec.members), int(y.max()) + 1), f4)
    rows = (x / (1 << FRACTION)).astype(f4)
    op, slot = np.tile(np.array([OBSERVE, LEARN], np.int8), n), np.arange(n).repeat(2)
    net.scan(op, slot, y[slot].astype(f4), np.ones(2 * n, f4), 0, rows, none(n), p)
    return float_network(net)


def unlike(x: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The same images turned, moved, with their rows shuffled, and with salt."""
    rng = np.random.default_rng(seed)
    square = x.reshape(-1, SIDE, SIDE)
    found = {
        "rotated": np.rot90(square, 1, (1, 2)),
        "shifted 2": np.roll(square, 2, 2),
        "rows shuffled": square[:, rng.permutation(SIDE)],
        "10 % salt": np.where(rng.random(square.shape) < 0.1, TOP, square),
    }
    return {k: np.ascontiguousarray(v.reshape(len(x), -1)) for k, v in found.items()}


def drawn(
    rng: np.random.Generator, inputs: int, hidden: tuple[int, ...], rows: int
) -> tuple[FloatNetwork, np.ndarray, np.ndarray]:
    """A random network, and a reservoir with two tables, for times."""
    layers, below = [], inputs
    for l, units in enumerate(hidden):
        v = np.cumsum(rng.uniform(-0.5, 0.5, (units, 17)), 1)
        f = Functions(np.full(units, -4.0), np.full(units, 0.5), v - v.mean(1, keepdims=True))
        table = rng.normal(size=(rows, units)) * 0.4 if rows and not l else None
        layers.append(
            FloatLayer(rng.normal(size=(below, units)) * 0.4, rng.normal(size=units) * 0.3, f, table)
        )
        below = units
    layers.append(FloatLayer(rng.normal(size=(below, 2)), rng.normal(size=2), None))
    x = whole(rng.normal(size=(RESERVOIR, inputs)))
    ids = rng.integers(-1, rows, (RESERVOIR, 2)).astype(np.int32) if rows else none(RESERVOIR)
    return FloatNetwork(tuple(layers)), x, ids
