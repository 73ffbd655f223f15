"""Small integer networks of random numbers, for tests of what is written for other tools."""

from __future__ import annotations

import numpy as np

from streamnn.edge import Module, Output, Spline, Threshold


def network(
    seed: int,
    bits: int = 8,
    inputs: int = 6,
    hidden: int = 8,
    outputs: int = 2,
    *,
    sign: bool = False,
    place_bits: int = 0,
    rows: int = 0,
    residual: bool = False,
) -> tuple[Module, ...]:
    """Splines or signs, with category rows, a permutation and a residual connection where asked for."""
    r = np.random.default_rng(seed)
    top = (1 << (bits - 1)) - 1

    def after(units: int) -> Spline | Threshold:
        if sign:
            return Threshold(r.integers(-500, 500, units))
        knots = r.integers(-128, 128, (units, int(r.integers(2, 18))))
        spacing, reach = int(r.integers(-1, 3)), int(r.integers(0, 5))
        fraction = r.integers(3, 8, units)
        return Spline(
            knots, fraction, spacing, reach, int(r.integers(3, 7)), int(r.integers(4, 9)), place_bits
        )

    modules = [
        Module(
            r.integers(-top, top + 1, (inputs, hidden)),
            bits,
            r.integers(-1000, 1000, hidden),
            r.integers(4, 11, hidden),
            after(hidden),
            r.integers(-127, 128, (rows, hidden)) if rows else None,
            r.integers(-2, 4, hidden) if rows else None,
        )
    ]
    if residual:
        weights = r.choice([-1, 1], (hidden, hidden)) if sign else r.integers(-top, top + 1, (hidden, hidden))
        modules.append(
            Module(
                weights,
                1 if sign else bits,
                r.integers(-9, 9, hidden),
                r.integers(4, 11, hidden),
                Threshold(r.integers(-3, 3, hidden)) if sign else after(hidden),
                gather=r.permutation(hidden),
                skip=0,
                skip_shift=r.integers(-3, 3, hidden),
            )
        )
    last = r.integers(-top, top + 1, (hidden, outputs))
    modules.append(
        Module(last, bits, r.integers(-99, 99, outputs), np.full(outputs, 9), Output(np.arange(outputs) % 3))
    )
    return tuple(modules)


def vectors(seed: int, n: int, inputs: int = 6, rows: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, corners first, and category rows."""
    r = np.random.default_rng(seed)
    x = r.integers(-127, 128, (n, inputs))
    corners = np.array([[127], [-127], [0], [1], [-1]])
    x[: len(corners)] = corners[:n]
    return x, r.integers(-1, rows, (n, 1)) if rows else np.zeros((n, 0), np.int64)
