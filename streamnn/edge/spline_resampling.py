"""Splines whose knots lie anywhere, on a grid that shifts can find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import SpecError
from ..network.functions import Functions
from .float_network import FloatNetwork
from .spline_grid import power_of_two_grid

GRID_TOLERANCE = 2.0**-7
"""Half the step of an activation of 6 fraction bits."""
MOST_KNOTS = 33
"""More did not change what networks of a pool say, at twice the bytes."""


def resampled(
    functions: Functions, tolerance: float = GRID_TOLERANCE, most: int = MOST_KNOTS
) -> tuple[Functions, float]:
    """The same splines on a common grid whose spacing is a power of two.

    New knots lie on the old splines, so each new piece is a mean of old ones: no slope gets steeper, and both agree
    at every old knot that is a new one too. Beyond the outermost knots of both they agree everywhere. In between the
    largest deviation is at an old knot; it is at most a quarter of the spacing times the changes of slope within a
    new piece.

    Parameters
    ----------
    functions : Functions
    tolerance : float
        The coarsest grid is taken whose largest deviation is not above this.
    most : int
        Of knots, which goes before the tolerance; at least 5.

    Returns
    -------
    functions : Functions
        The very same where they were on such a grid already.
    deviation : float
        Largest one of any unit, anywhere on the line.

    Raises
    ------
    SpecError
        When `most` is below 5.

    Examples
    --------
    A ReLU on 21 knots from -4 to 4, which lie 0.4 apart, needs few of them:

    >>> x = np.linspace(-4.0, 4.0, 21)
    >>> relu = Functions(np.array([-4.0]), np.array([0.4]), np.maximum(x, 0.0)[None])
    >>> new, deviation = resampled(relu)
    >>> float(new.start[0]), float(new.piece[0]), new.values.shape, deviation < 1e-12
    (-8.0, 4.0, (1, 5), True)

    A bend at 0.4 is no knot of any such grid:

    >>> bent = Functions(np.array([-4.0]), np.array([0.4]), np.maximum(x - 0.4, 0.0)[None])
    >>> new, deviation = resampled(bent)
    >>> float(new.piece[0]), round(deviation, 3), bool(new.slopes().max() < 1.0 + 1e-12)
    (0.25, 0.06, True)
    """
    if most < 5:
        raise SpecError(f"splines on a new grid: {most} knots: allowed are 5 or more")
    if len(functions.start) == 0 or _fits(functions):
        return functions, 0.0
    inner = np.arange(1, functions.values.shape[1] - 1)
    bends = functions.start + functions.piece * inner[:, None]  # (bends, units)
    low, high = float(bends.min()), float(bends.max())
    _, exponent = np.frexp(max(abs(low), abs(high), float(functions.piece.max())))
    spacing = float(np.ldexp(1.0, int(exponent)))
    found = functions, 0.0  # five knots at most are on the coarsest grid, so there is always one
    while True:
        # from a whole number at which there is a knot of the grid, and with all bends between the outermost pieces
        whole = max(spacing, 1.0)
        start = min(np.floor((low - spacing) / whole) * whole, 0.0)
        stop = max(np.ceil((high + spacing) / spacing) * spacing, start + 2.0 * spacing)
        count = int((stop - start) / spacing) + 1
        if count > most:
            break
        new = _on(functions, start, spacing, count)
        off = np.abs(new.at(bends)[0] - functions.values[:, inner].T)
        found = new, float(off.max())
        if found[1] <= tolerance:
            break
        spacing /= 2.0
    return found


def resampled_network(
    network: FloatNetwork, tolerance: float = GRID_TOLERANCE, most: int = MOST_KNOTS
) -> tuple[FloatNetwork, float]:
    """A network with every layer's activations :func:`resampled`, and the largest deviation of any of them."""
    layers, largest = [], 0.0
    for layer in network.layers:
        if layer.functions is not None:
            functions, deviation = resampled(layer.functions, tolerance, most)
            layer, largest = replace(layer, functions=functions), max(largest, deviation)
        layers.append(layer)
    return FloatNetwork(tuple(layers)), largest


def _on(functions: Functions, start: float, spacing: float, count: int) -> Functions:
    units = len(functions.start)
    values = functions.on(start + spacing * np.arange(count))
    return Functions(np.full(units, start), np.full(units, spacing), values)


def _fits(functions: Functions) -> bool:
    try:
        power_of_two_grid(functions, "")
    except SpecError:
        return False
    return True
