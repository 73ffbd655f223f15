"""What a binarised network's arrays hold before its first event."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..stage import grown
from .arrays import SQUARE_FLOOR
from .spec import BinarySpec

f4 = np.float32

FOLLOWED = ("first", "hidden", "location", "variance", "bias", "out", "out_bias")
"""What is averaged: a sum is linear in the latents, so that its mean under averaged ones is the average of its means.
Category rows, of which there may be very many, are shared."""
BY_INPUT = {"first", "mean_first", "first_1", "first_2", "in_count"}
"""Leaves with a row for every input."""
BY_CATEGORY = ("table", "table_1", "table_2")
"""Leaves with a row for every category row."""


def moments(spec: BinarySpec, kind: str) -> tuple[bool, bool]:
    """Whether weights of a kind ("real", "ternary", "binary") need a running mean and a mean square of gradients."""
    rule = "rms" if kind == "real" else spec.rule
    return rule in ("adamax", "bop"), rule in ("rms", "adamax")


def starting(
    spec: BinarySpec, sizes: tuple[int, ...], inputs: int, outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """Every leaf of a new network; see :class:`streamnn.binary.arrays.Latents` and ``Memory``.

    Parameters
    ----------
    sizes : tuple of int
        Units of each layer as they are stored: those beyond `spec.hidden` are 0 and stay so.
    """
    U, H0, HL = sum(sizes), sizes[0], sizes[-1]
    rng = np.random.default_rng([seed, *spec.name.encode()])

    def draw(rows: int, columns: int, shape: tuple[int, int], reach: float) -> np.ndarray:
        return grown(((rng.random((rows, columns)) * 2.0 - 1.0) * reach).astype(f4), *shape)

    reach = 1.0 / np.sqrt(inputs + 1.0) if spec.first == "real" else spec.start
    first = draw(inputs, spec.hidden[0], (inputs, H0), reach)
    hidden = [
        draw(a, b, shape, 1.0 / np.sqrt(a) if spec.weights == "real" else spec.start).ravel()
        for (a, b), shape in zip(pairwise(spec.hidden), pairwise(sizes), strict=True)
    ]
    one, two = moments(spec, spec.first)
    hidden_one = moments(spec, spec.weights)[0]
    weights = sum(w.size for w in hidden)
    s = {
        "learnt": np.zeros(1, np.int64),
        "first": first,
        "table": np.zeros((0, H0), f4),
        "hidden": np.concatenate(hidden) if hidden else np.zeros(0, f4),
        "bias": np.zeros(U, f4),
        "out": draw(outputs, spec.hidden[-1], (outputs, HL), 0.01),
        "out_bias": np.zeros(outputs, f4),
        "location": np.zeros(U, f4),
        "variance": np.ones(U, f4),
        "drift": np.zeros(U, f4),
        "along": np.zeros(U, f4),
        "in_count": np.zeros(inputs, np.int64),
        "first_1": np.zeros((inputs * one, H0), f4),
        "first_2": np.zeros((inputs * two, H0), f4),
        "table_1": np.zeros((0, H0), f4),
        "table_2": np.zeros((0, H0), f4),
        "hidden_1": np.zeros(weights * hidden_one, f4),
        "hidden_2": np.full(U, SQUARE_FLOOR, f4),
        "bias_2": np.full(U, SQUARE_FLOOR, f4),
        "out_2": np.full(outputs, SQUARE_FLOOR, f4),
        "power": np.ones(1, f4),
        "flips": np.zeros((len(sizes), 2), np.int64),
        "drawn": np.array([seed, 0], np.int64),
    }
    for name in FOLLOWED:
        v = s[name]
        s[f"mean_{name}"] = v.copy() if spec.average else np.zeros((0, *v.shape[1:]), f4)
    return s
