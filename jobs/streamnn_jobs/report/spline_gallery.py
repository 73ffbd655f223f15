"""Small multiples: one learnt activation function in each cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from .elements import empty_chart
from .formats import as_float, decimal, true_minus, whole
from .plot_area import polyline
from .templating import TEMPLATES

_CELL_WIDTH, _CELL_HEIGHT = 120, 84
"""Of a cell, in the units of its paths."""
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


@dataclass(slots=True, frozen=True)
class _Cell:
    unit: int
    slopes: str
    weight: str
    path: str


def spline_gallery(network: dict[str, Any], number: int, most: int = 24, steady: bool = False) -> Markup:
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
    >>> spline_gallery(net, 0).count("<svg")
    1
    """
    name = str(network.get("name", f"network {number + 1}"))
    plot, title = f"activations-{number}", f"Activation functions of {name}"
    knots = np.asarray(network.get("knots", []), float).ravel()
    splines = np.asarray(network.get("splines", []), float)
    if splines.ndim != 2 or not splines.size or splines.shape[1] != knots.size or knots.size < 2:
        return empty_chart(plot, title, "This network has no learnable activation functions.")
    used = np.asarray(network.get("used", np.ones(len(splines))), float).ravel()
    if used.size != len(splines):
        used = np.ones(len(splines))
    start = np.asarray(network.get("initial", np.where(knots > 0, knots, LEAK * knots)), float)
    units = pick_units(splines, start, used, most)
    units = np.sort(units) if steady else units
    if not units.size:
        return empty_chart(plot, title, "No function of this network is finite.")

    every = np.concatenate([splines[units].ravel(), start])
    every = every[np.isfinite(every)]
    low, high = float(every.min()), float(every.max())
    high = high if high > low else low + 1.0

    def x(values: Any) -> Any:
        return 4 + (values - knots[0]) / (knots[-1] - knots[0]) * (_CELL_WIDTH - 8)

    def y(values: Any) -> Any:
        return 5 + (high - np.asarray(values, float)) / (high - low) * (_CELL_HEIGHT - 10)

    px, all_used = x(knots), np.nansum(used) > 0
    cells = []
    for unit in units:
        slopes = np.diff(splines[unit]) / np.diff(knots)
        share = as_float(used[unit] / used[np.isfinite(used)].sum()) if all_used else float("nan")
        cells.append(
            _Cell(
                unit,
                true_minus(f"{slopes.min():.2f} … {slopes.max():.2f}"),
                f", {100 * share:.1f} % of this network's output weight" if np.isfinite(share) else "",
                polyline(px, y(splines[unit])),
            )
        )
    ends = decimal(knots[0], 3), decimal(knots[-1], 3)
    return TEMPLATES.render(
        "spline_gallery.html",
        name=name,
        plot=plot,
        size=(_CELL_WIDTH, _CELL_HEIGHT),
        note=f"{whole(units.size)} of {whole(len(splines))} units; input {ends[0]} to {ends[1]}, "
        f"output {decimal(low, 3)} to {decimal(high, 3)} in every cell",
        ends=ends,
        knots=knots.size,
        # thin lines where input and output are zero
        zero_x=f"{float(x(0.0)):.1f}" if knots[0] < 0 < knots[-1] else None,
        zero_y=f"{float(y(0.0)):.1f}" if low <= 0 <= high else None,
        start=polyline(px, y(start)),
        cells=cells,
    )
