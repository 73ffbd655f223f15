"""Image streams for images.py: recorded sets in a seed's order, in running standard deviations of each plane."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow.parquet as pq
from _data import folder

f4 = np.float32
SIDES = {"cifar10_5k": (3, 32, 32)}
"""Planes and sides of an image; 28 x 28 grey where not named. A row holds planes last."""


def recorded(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images in 0..1, shape (n, planes, height, width), their classes, and which belong to a test part; none where the
    file is missing."""
    path, (planes, high, wide) = folder() / f"{name}.parquet", SIDES.get(name, (1, 28, 28))
    if not path.is_file():
        print(f"not there: {name}", file=sys.stderr)
        return np.zeros((0, planes, high, wide), f4), np.zeros(0, np.int64), np.zeros(0, bool)
    table = pq.read_table(path)
    x = np.frombuffer(b"".join(table["image"].to_pylist()), np.uint8).reshape(-1, high, wide, planes)
    test = table["split"].to_numpy() == 1 if "split" in table.column_names else np.zeros(len(x), bool)
    return x.transpose(0, 3, 1, 2).astype(f4) / 255, table["y"].to_numpy().astype(np.int64), test


class Planes:
    """Mean and deviation of each plane over the images so far."""

    def __init__(self, planes: int):
        self.n, self.sum, self.square = 0, np.zeros(planes), np.zeros(planes)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """In deviations from the mean."""
        mean = self.sum / max(self.n, 1)
        deviation = np.sqrt(np.maximum(self.square / max(self.n, 1) - mean * mean, 1e-4)) if self.n else 1.0
        return ((x.transpose(0, 2, 3, 1) - mean) / deviation).transpose(0, 3, 1, 2).astype(f4)

    def stream(self, x: np.ndarray, block: int) -> np.ndarray:
        """Blocks in order, each scaled by what came before it."""
        out = np.zeros(x.shape, f4)
        for a in range(0, len(x), block):
            out[a : a + block] = self.apply(x[a : a + block])
            part = x[a : a + block].astype(float)
            self.n += len(part) * part.shape[2] * part.shape[3]
            self.sum += part.sum((0, 2, 3))
            self.square += (part * part).sum((0, 2, 3))
        return out


def stream(name: str, events: int, seed: int, block: int) -> tuple[np.ndarray, np.ndarray, Planes]:
    """The first events of this seed's order without the test part, scaled, their classes, and the scale at the end."""
    x, y, test = recorded(name)
    order = np.random.default_rng(seed).permutation(np.flatnonzero(~test))[:events]
    scale = Planes(x.shape[1])
    return scale.stream(x[order], block), y[order], scale
