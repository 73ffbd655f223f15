"""Pieces that charts share: paths, legends, ticks in words, the empty picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .formats import decimal, esc, percent, whole
from .frame import labelled
from .scales import ticks


def path(x: np.ndarray, y: np.ndarray) -> str:
    """SVG path through the points, broken where either is not finite.

    A point without neighbours becomes a stroke of no length, which round line ends show as a dot.

    Examples
    --------
    >>> import numpy as np
    >>> path(np.array([0.0, 1, 2, 3]), np.array([5.0, 6, np.nan, 8]))
    'M0 5L1 6M3 8h0'
    """
    good = np.isfinite(x) & np.isfinite(y)
    out: list[str] = []
    for i in np.flatnonzero(good):
        before = i > 0 and good[i - 1]
        after = i + 1 < len(good) and good[i + 1]
        out.append(f"{'L' if before else 'M'}{x[i]:.5g} {y[i]:.5g}{'' if before or after else 'h0'}")
    return "".join(out)


def ring(x: np.ndarray, bottom: np.ndarray, top: np.ndarray) -> str:
    """Closed SVG path between two curves, without the points where either is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> ring(np.array([0.0, 9]), np.array([5.0, 5]), np.array([1.0, np.nan]))
    'M0 1 0 5Z'
    """
    good = np.isfinite(x) & np.isfinite(bottom) & np.isfinite(top)
    if not good.any():
        return ""
    go = " ".join(f"{a:.5g} {b:.5g}" for a, b in zip(x[good], top[good], strict=True))
    back = " ".join(f"{a:.5g} {b:.5g}" for a, b in zip(x[good][::-1], bottom[good][::-1], strict=True))
    return f"M{go} {back}Z"


def empty(plot: str, title: str, why: str = "Nothing to show yet.") -> str:
    """A picture that says that there is nothing to show.

    Examples
    --------
    >>> "data-empty" in empty("loss", "Loss")
    True
    """
    return (
        f"<figure><figcaption>{esc(title)}</figcaption><svg class='plot none' data-plot='{esc(plot)}' data-empty='true' role='img' height='90'>"
        f"<title>{esc(title)}</title><desc>{esc(why)}</desc>"
        f"<text x='50%' y='50%' text-anchor='middle'>{esc(why)}</text></svg></figure>"
    )


def legend(entries: Sequence[tuple[str, str, str]]) -> str:
    """HTML legend of (name, tone, shape); shape is ``line``, ``box`` or ``dash``.

    Examples
    --------
    >>> legend([("pool", "pool", "line")])
    "<ul class='legend'><li><i class='line pool'></i>pool</li></ul>"
    """
    items = "".join(f"<li><i class='{shape} {tone}'></i>{esc(name)}</li>" for name, tone, shape in entries)
    return f"<ul class='legend'>{items}</ul>"


def tick_words(low: float, high: float, kind: str) -> list[tuple[float, str]]:
    """Ticks of a y axis with just the digits that tell neighbours apart.

    Examples
    --------
    >>> tick_words(0.8, 0.82, "percent")[0]
    (0.8, '80.0\\xa0%')
    """
    values = ticks(low, high, 5)
    step = values[1] - values[0] if len(values) > 1 else 1.0
    scale = 100 if kind == "percent" else 1
    digits = next((d for d in range(7) if abs(step * scale * 10**d - round(step * scale * 10**d)) < 1e-6), 7)
    if kind == "percent":
        return labelled(values, lambda v: percent(v, digits))
    return labelled(values, lambda v: f"{v:,.{digits}f}".replace("-", "−") if abs(v) < 1e6 else decimal(v, 3))


def count_word(value: float) -> str:
    """A tick on an axis of counts; between whole numbers it has no word.

    Examples
    --------
    >>> count_word(2000.0), count_word(0.5)
    ('2,000', '')
    """
    return whole(value) if value == round(value) else ""
