"""Small multiples: one learnt activation function a cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from .formats import as_float, decimal, esc, whole
from .shapes import empty, path

_W, _H = 120.0, 84.0
LEAK = 0.01
"""Slope of the initial leaky ReLU below zero."""


def pick_units(splines: np.ndarray, start: np.ndarray, used: np.ndarray, most: int = 24) -> np.ndarray:
    """Units worth a look: those that are used and have moved far from where they began.

    Parameters
    ----------
    splines : ndarray, shape (units, knots)
        Values of each function at the knots.
    start : ndarray, shape (knots,)
        Values of the initial function.
    used : ndarray, shape (units,)
        How much each unit matters, on any scale.
    most : int

    Returns
    -------
    ndarray of int
        At most `most` indices, the most telling first.

    Examples
    --------
    >>> import numpy as np
    >>> pick_units(np.array([[0.0, 0], [3, 1], [2, 2]]), np.zeros(2), np.array([1.0, 1, 0]), 2)
    array([1, 0])
    """
    moved = np.sqrt(np.mean((splines - start) ** 2, axis=1))
    moved = np.where(np.isfinite(moved), moved, -1.0)
    weight = np.where(np.isfinite(used) & (used > 0), used, 0.0)
    top = weight.max() if weight.size else 0.0
    weight = weight / top if top > 0 else np.ones_like(moved)
    # A unit nobody listens to tells nothing, however bent; one that did not move still shows that.
    score = np.where(moved >= 0, np.sqrt(weight) * (moved + 1e-3 * (moved.max(initial=0.0) + 1e-9)), -1.0)
    order = np.argsort(-score, kind="stable")
    return order[:most][score[order[:most]] >= 0]


def gallery(network: dict[str, Any], number: int, most: int = 24, steady: bool = False) -> str:
    """The learnt activation functions of one network, as a grid of small SVGs on one common scale.

    Parameters
    ----------
    network : dict
        ``knots`` float[K], ``splines`` float[H, K], ``used`` float[H]; ``initial`` float[K] is optional.
    number : int
        Tells the plots of one page apart.
    most : int
        Units shown.
    steady : bool
        In the order of the units, so that a picture that is drawn again and again keeps its place.

    Examples
    --------
    >>> import numpy as np
    >>> net = {"name": "n", "knots": [-1, 0, 1], "splines": [[0, 0, 1.0]], "used": [1.0]}
    >>> gallery(net, 0).count("<svg")
    1
    """
    name = str(network.get("name", f"network {number + 1}"))
    plot = f"activations-{number}"
    knots = np.asarray(network.get("knots", []), float).ravel()
    splines = np.asarray(network.get("splines", []), float)
    if splines.ndim != 2 or not splines.size or splines.shape[1] != knots.size or knots.size < 2:
        return empty(
            plot, f"Activation functions of {name}", "This network has no learnable activation functions."
        )
    used = np.asarray(network.get("used", np.ones(len(splines))), float).ravel()
    if used.size != len(splines):
        used = np.ones(len(splines))
    start = np.asarray(network.get("initial", np.where(knots > 0, knots, LEAK * knots)), float)
    units = pick_units(splines, start, used, most)
    units = np.sort(units) if steady else units
    if not units.size:
        return empty(plot, f"Activation functions of {name}", "No function of this network is finite.")
    every = np.concatenate([splines[units].ravel(), start])
    every = every[np.isfinite(every)]
    low, high = float(every.min()), float(every.max())
    high = high if high > low else low + 1.0
    px = 4 + (knots - knots[0]) / (knots[-1] - knots[0]) * (_W - 8)

    def py(values: Any) -> np.ndarray:
        return 5 + (high - np.asarray(values, float)) / (high - low) * (_H - 10)

    axes = _axes(knots, low, high, py)
    grey = f"<path class='start' d='{path(px, py(start))}'/>"
    cells = []
    for unit in units:
        slopes = np.diff(splines[unit]) / np.diff(knots)
        limits = f"{slopes.min():.2f} … {slopes.max():.2f}".replace("-", "−")
        share = as_float(used[unit] / used[np.isfinite(used)].sum()) if np.nansum(used) > 0 else float("nan")
        weight = f", {100 * share:.1f} % of this network's output weight" if np.isfinite(share) else ""
        cells.append(
            f"<li><svg data-plot='{plot}' role='img' viewBox='0 0 {_W:.0f} {_H:.0f}'>"
            f"<title>{esc(name)}, unit {unit}: slopes {limits}{weight}</title>"
            f"<desc>Piecewise linear function of one unit, from {decimal(knots[0], 3)} to {decimal(knots[-1], 3)}.</desc>"
            f"{axes}{grey}<path class='fn' data-series='unit {unit}' data-points='{knots.size}' "
            f"d='{path(px, py(splines[unit]))}'/></svg><span>unit {unit}</span><span>{limits}</span></li>"
        )
    bend = f"{whole(units.size)} of {whole(len(splines))} units"
    note = (
        f"{bend}; input {decimal(knots[0], 3)} to {decimal(knots[-1], 3)}, "
        f"output {decimal(low, 3)} to {decimal(high, 3)} in every cell"
    )
    return f"<h3>{esc(name)} <small>{note}</small></h3><ul class='gallery'>{''.join(cells)}</ul>"


def _axes(knots: np.ndarray, low: float, high: float, py: Any) -> str:
    """Thin lines where input and output are zero."""
    out = ""
    if low < 0 < high or low == 0 or high == 0:
        y = float(py(0.0))
        out += f"<line class='zero' x1='4' x2='{_W - 4:.0f}' y1='{y:.1f}' y2='{y:.1f}'/>"
    if knots[0] < 0 < knots[-1]:
        x = 4 + -knots[0] / (knots[-1] - knots[0]) * (_W - 8)
        out += f"<line class='zero' x1='{x:.1f}' x2='{x:.1f}' y1='5' y2='{_H - 5:.0f}'/>"
    return out
