"""Integer weights as a picture: a row an input, a column a unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from ..report.formats import whole
from .templating import TEMPLATES

_SHADES = 6
"""Shades of each sign; what is 0 is left blank."""
_POSITIVE_RGB, _NEGATIVE_RGB = (11, 99, 168), (207, 82, 0)
_MAP_WIDTH = 560
_WIDEST_CELL, _HIGHEST_CELL, _LOWEST_CELL = 16.0, 14.0, 3.0
_LABEL_PX = 6.2
_MOST_LABEL = 26
_MOST_NAMED_ROWS = 80
_MOST_WEIGHTS = 60_000


def heat_map(name: str, title: str, weights: np.ndarray, rows: Sequence[str]) -> Markup:
    """Weights as coloured cells.

    Parameters
    ----------
    name, title : str
    weights : ndarray of int64, shape (inputs, units)
    rows : sequence of str
        Names of the inputs.

    Examples
    --------
    >>> import numpy as np
    >>> heat_map("w", "Weights", np.array([[1, -1], [0, 2]]), ["a", "b"]).count("<path")
    3
    """
    shown = weights[: max(_MOST_WEIGHTS // max(weights.shape[1], 1), 1)]
    inputs, units = shown.shape
    named = inputs <= _MOST_NAMED_ROWS
    words = (
        [w if len(w) <= _MOST_LABEL else w[: _MOST_LABEL - 1] + "…" for w in rows[:inputs]] if named else []
    )
    left = round(max(map(len, words), default=0) * _LABEL_PX) + 12
    high = 11.0 if named else max(_LOWEST_CELL, min(_HIGHEST_CELL, 600 / max(inputs, 1)))
    wide = min(_WIDEST_CELL, _MAP_WIDTH / max(units, 1))
    top = 18
    largest = int(np.abs(shown).max(initial=1)) or 1
    shade = np.sign(shown) * np.ceil(np.abs(shown) * _SHADES / largest).astype(np.int64)
    layers = []
    for level in (*range(-_SHADES, 0), *range(1, _SHADES + 1)):
        at = np.argwhere(shade == level)
        if len(at):
            cell = f"h{wide:.4g}v{high:.4g}h-{wide:.4g}z"
            path = "".join(f"M{left + j * wide:.5g} {top + i * high:.5g}{cell}" for i, j in at.tolist())
            layers.append((_colour(level), path))
    step = max(1, -(-units // 16))
    return TEMPLATES.render(
        "heat_map.html",
        name=name,
        title=title,
        description=f"{whole(inputs)} inputs by {whole(units)} units, weights from {shown.min(initial=0)} to "
        f"{shown.max(initial=0)}, {whole(int((shown == 0).sum()))} of them 0.",
        width=round(left + units * wide + 4),
        height=round(top + inputs * high + 4),
        left=left,
        top=top,
        across=f"{units * wide:.5g}",
        down=f"{inputs * high:.5g}",
        layers=layers,
        legend=[
            (whole(-largest), _colour(-_SHADES)),
            ("0", "var(--grid)"),
            (whole(largest), _colour(_SHADES)),
        ],
        rows=[(f"{top + (i + 0.5) * high + 3.5:.5g}", w) for i, w in enumerate(words)],
        columns=[(f"{left + (j + 0.5) * wide:.5g}", str(j)) for j in range(0, units, step)],
    )


def _colour(level: int) -> str:
    r, g, b = _POSITIVE_RGB if level > 0 else _NEGATIVE_RGB
    return f"rgb({r} {g} {b} / {abs(level) / _SHADES:.2f})"
