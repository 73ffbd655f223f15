"""Networks, densities and rivals for the benchmark of uncertainty."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from streamnn.network import Network, NetworkSpec
from streamnn.types import LEARN, OBSERVE
from streamnn.uncertainty import LatentDensity

f4 = np.float32
BLOCK = 500
LEAST = 0.05  # no pixel's deviation counts as less


def auroc(high: np.ndarray, low: np.ndarray) -> float:
    """Share of pairs in which the first is higher; ties count half."""
    order = np.sort(low)
    return float(
        (np.searchsorted(order, high, "left") + np.searchsorted(order, high, "right")).mean() / 2 / len(low)
    )


def entropy(p: np.ndarray) -> np.ndarray:
    """Of each row, in nats."""
    return -(p * np.log(np.maximum(p, 1e-12))).sum(-1)


def calibration_error(p: np.ndarray, y: np.ndarray) -> float:
    """Expected calibration error, 15 bins."""
    top, right = p.max(1), p.argmax(1) == y
    at = np.minimum((top * 15).astype(int), 14)
    return float(
        sum(abs(right[at == b].mean() - top[at == b].mean()) * (at == b).mean() for b in np.unique(at))
    )


class Scale:
    """Standard deviations from the running mean, of the events before each block: what a pool's rows are."""

    def __init__(self, width: int):
        self.n, self.sum, self.square = 0, np.zeros(width), np.zeros(width)

    def apply(self, x: np.ndarray) -> np.ndarray:
        n = max(self.n, 1)
        mean = self.sum / n
        deviation = np.sqrt(np.maximum(self.square / n - mean * mean, 0.0)) if self.n else np.ones(len(mean))
        return np.clip((x - mean) / np.maximum(deviation, LEAST), -5, 5).astype(f4)

    def stream(self, x: np.ndarray) -> np.ndarray:
        """Rows of a stream, scaled by what came before them."""
        out = np.zeros(x.shape, f4)
        for a in range(0, len(x), BLOCK):
            out[a : a + BLOCK] = self.apply(x[a : a + BLOCK])
            part = x[a : a + BLOCK].astype(float)
            self.n += len(part)
            self.sum += part.sum(0)
            self.square += (part * part).sum(0)
        return out


class Encoder:
    """A network on its own, and where its layers lie among its units."""

    def __init__(self, hidden: tuple[int, ...], inputs: int, classes: int, seed: int, **spec: Any):
        self.net = Network(NetworkSpec("net", hidden, categories=False, **spec), inputs, classes, True, seed)
        self.units, self.classes = sum(hidden), classes
        ends = np.cumsum(hidden)
        self.layers = {
            f"layer {i + 1}": slice(b - h, b) for i, (h, b) in enumerate(zip(hidden, ends, strict=True))
        }

    def learn(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict each event, then learn it: probabilities, and latents before learning, both by event."""
        p, latent = self._run(x, y, np.tile(np.array([OBSERVE, LEARN], np.int8), len(x)), 2)
        return p, latent[::2]

    def look(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities and latents; nothing changes."""
        return self._run(
            np.ascontiguousarray(x, f4), np.zeros(len(x), int), np.full(len(x), OBSERVE, np.int8), 1
        )

    def _run(self, x: np.ndarray, y: np.ndarray, op: np.ndarray, times: int) -> tuple[np.ndarray, np.ndarray]:
        n, m = len(x), len(op)
        p, latent = np.zeros((n, 1, self.classes), f4), np.zeros((m, self.units), f4)
        ids, slot = np.full((n, 1), -1, np.int32), np.arange(n).repeat(times)
        self.net.scan(op, slot, y.repeat(times).astype(f4), np.ones(m, f4), 0, x, ids, p, latent)
        return p[:, 0], latent


def learn_density(density: LatentDensity, z: np.ndarray, y: np.ndarray) -> LatentDensity:
    """Learn latents with their labels, in order."""
    density.scan(np.full(len(z), LEARN, np.int8), y, np.ascontiguousarray(z))
    return density


def ask(density: LatentDensity, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Surprise and entropy of latents; nothing changes."""
    return density.scan(
        np.full(len(z), OBSERVE, np.int8), np.zeros(len(z), np.int64), np.ascontiguousarray(z)
    )


class InputDensity:
    """The control: Gaussians by class of the rows themselves, on their first principal components, in batch."""

    def __init__(
        self, x: np.ndarray, y: np.ndarray, classes: int, dimensions: int = 64, normalise: bool = True
    ):
        self.mean = x.mean(0)
        cov = np.cov((x - self.mean)[:20_000].T.astype(float))
        _, vectors = np.linalg.eigh(cov)
        self.basis = vectors[:, -dimensions:].astype(f4)
        self.density = LatentDensity(
            self.basis.shape[1], classes, 1e9, covariance="full", normalise=normalise
        )
        learn_density(self.density, self._embed(x), y)

    def _embed(self, x: np.ndarray) -> np.ndarray:
        return ((x - self.mean) @ self.basis).astype(f4)

    def surprise(self, x: np.ndarray) -> np.ndarray:
        return ask(self.density, self._embed(x))[0]


class Dropout:
    """Rival: a ReLU network of the same layers with dropout .2, Adam, batches of 32, the same one pass."""

    KEEP = 0.8

    def __init__(self, hidden: tuple[int, ...], inputs: int, classes: int, seed: int, step: float = 1e-3):
        self.rng, self.step, self.t = np.random.default_rng(seed), step, 0
        sizes = (inputs, *hidden, classes)
        self.w = [self.rng.normal(0, np.sqrt(2 / a), (a, b)) for a, b in pairwise(sizes)]
        self.b = [np.zeros(b) for b in sizes[1:]]
        self.m = [[np.zeros_like(v), np.zeros_like(v)] for v in self.w + self.b]

    def _forward(self, x: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
        acts, masks = [x.astype(float)], []
        for w, b in zip(self.w[:-1], self.b[:-1], strict=True):
            a = np.maximum(acts[-1] @ w + b, 0)
            masks.append((self.rng.random(a.shape) < self.KEEP) / self.KEEP)
            acts.append(a * masks[-1])
        o = acts[-1] @ self.w[-1] + self.b[-1]
        p = np.exp(o - o.max(1, keepdims=True))
        return acts, masks, p / p.sum(1, keepdims=True)

    def learn(self, x: np.ndarray, y: np.ndarray) -> None:
        for a in range(0, len(x), 32):
            acts, masks, g = self._forward(x[a : a + 32])
            g[np.arange(len(g)), y[a : a + 32]] -= 1
            g /= len(g)
            weights, biases = list(self.w), list(self.b)  # gradients take their places
            for l in range(len(self.w) - 1, -1, -1):
                weights[l], biases[l] = acts[l].T @ g, g.sum(0)
                if l:
                    g = (g @ self.w[l].T) * masks[l - 1] * (acts[l] > 0)
            self.t += 1
            for v, d, (m, s) in zip(self.w + self.b, weights + biases, self.m, strict=True):
                m += 0.1 * (d - m)
                s += 0.001 * (d * d - s)
                v -= self.step * (m / (1 - 0.9**self.t)) / (np.sqrt(s / (1 - 0.999**self.t)) + 1e-8)

    def passes(self, x: np.ndarray, times: int = 20) -> np.ndarray:
        """Probabilities of each pass, shape (times, n, classes)."""
        return np.stack([self._forward(x)[2] for _ in range(times)])


def disagreement(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entropy of the mean of several forecasts, and mutual information between forecast and who made it."""
    total = entropy(p.mean(0))
    return total, total - entropy(p).mean(0)
