"""Where things lie in a chart: axes, grid, marks, and paths through points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .scales import Tick

Mark = tuple[float, str, str]
"""A vertical mark: place on the x axis, short word, longer hint."""

PLOT_WIDTH = 1000.0
"""Of the plot area, in the units of its paths."""
_MANY_MARKS = 40


@dataclass(slots=True, frozen=True)
class Axis:
    """One axis of a chart.

    Parameters
    ----------
    name : str
        What it shows, with the unit.
    low, high : float
        Values at its ends: left and right, or bottom and top.
    ticks : sequence of (float, str)
        Places and their words.
    """

    name: str
    low: float
    high: float
    ticks: Sequence[Tick] = ()


@dataclass(slots=True, frozen=True)
class PlotArea:
    """A plot area that stretches with the page while its text keeps its size.

    The data lie in an inner SVG of fixed units, stretched to the width there is; ticks and labels are
    placed in per cent of that width, outside of it. So one SVG fits a telephone, a screen and paper.

    Parameters
    ----------
    name : str
        Of the plot; the SVG carries it as ``data-plot``.
    title, description : str
        What a screen reader says.
    x_axis, y_axis : Axis
    height : int
        Of the plot area, in CSS pixels.
    marks : sequence of (float, str, str)
        Vertical marks: place, short word, longer hint.
    halo : bool
        Set marks off from filled areas beneath them.

    Examples
    --------
    >>> area = PlotArea("a", "A", "", Axis("events", 0, 10), Axis("share", 0, 1))
    >>> float(area.x(5)), area.left(5), float(area.y(1)), area.top(0)
    (500.0, '50.00%', 0.0, '240.0')
    """

    name: str
    title: str
    description: str
    x_axis: Axis
    y_axis: Axis
    height: int = 240
    marks: Sequence[Mark] = ()
    halo: bool = False

    def x(self, values: Any) -> Any:
        """Units (0 to 1000) of values on the x axis."""
        low, high = self.x_axis.low, self.x_axis.high
        return (np.asarray(values, float) - low) / (high - low) * PLOT_WIDTH

    def y(self, values: Any) -> Any:
        """Units (0 to `height`, downwards) of values on the y axis, kept near the picture."""
        low, high = self.y_axis.low, self.y_axis.high
        place = (high - np.asarray(values, float)) / (high - low) * self.height
        return np.clip(place, -self.height, 2 * self.height)

    def left(self, value: float) -> str:
        """Place of a value on the x axis, in per cent of the width."""
        return _share(float(self.x(value)))

    def top(self, value: float, above: float = 0.0) -> str:
        """Place of a value on the y axis, or `above` pixels higher."""
        return f"{float(self.y(value)) - above:.1f}"

    def x_anchor(self, value: float) -> str:
        """How the word of a tick is aligned: the last must not pass the right end."""
        return "end" if float(self.x(value)) > 0.975 * PLOT_WIDTH else "middle"

    @property
    def many_marks(self) -> bool:
        """Whether marks are drawn faintly, so that the curves are seen."""
        return len(self.marks) > _MANY_MARKS

    def mark_lines(self) -> Iterator[tuple[str, str]]:
        """Place and hint of each mark inside of the picture."""
        for place, _, hint in self._shown_marks():
            yield _share(place), hint

    def mark_words(self) -> Iterator[tuple[str, str, str]]:
        """Place, words and CSS class; words that would cover each other are joined: sooner on a narrow screen."""
        named = [(place, word) for place, word, _ in self._shown_marks()]
        for letter, css_class in ((9, "wide-only"), (24, "narrow-only")):
            for place, words in join_words(named, letter):
                yield _share(place), words, css_class

    def _shown_marks(self) -> list[Mark]:
        placed = [(float(self.x(value)), word, hint) for value, word, hint in self.marks]
        return [mark for mark in placed if 0 <= mark[0] <= PLOT_WIDTH]


def _share(units: float) -> str:
    return f"{units / PLOT_WIDTH:.2%}"


def join_words(marks: Sequence[tuple[float, str]], letter: float) -> list[tuple[float, str]]:
    """Places and words of marks; those closer than two words and a dash, of `letter` units each, are joined.

    Examples
    --------
    >>> join_words([(0.0, "8"), (20.0, "9"), (400.0, "10")], 9)
    [(0.0, '8–9'), (400.0, '10')]
    """
    joined: list[tuple[float, str, str]] = []
    for place, word in marks:
        if joined and place - joined[-1][0] <= letter * (2 * len(word) + 1):
            joined[-1] = (*joined[-1][:2], word)
        else:
            joined.append((place, word, word))
    return [(place, first if first == last else f"{first}–{last}") for place, first, last in joined]


def polyline(x: np.ndarray, y: np.ndarray) -> str:
    """SVG path through the points, broken where either is not finite.

    A point without neighbours becomes a stroke of no length, which round line ends show as a dot.

    Examples
    --------
    >>> import numpy as np
    >>> polyline(np.array([0.0, 1, 2, 3]), np.array([5.0, 6, np.nan, 8]))
    'M0 5L1 6M3 8h0'
    """
    good = np.isfinite(x) & np.isfinite(y)
    out: list[str] = []
    for i in np.flatnonzero(good):
        before = i > 0 and good[i - 1]
        after = i + 1 < len(good) and good[i + 1]
        out.append(f"{'L' if before else 'M'}{x[i]:.5g} {y[i]:.5g}{'' if before or after else 'h0'}")
    return "".join(out)


def outline(x: np.ndarray, bottom: np.ndarray, top: np.ndarray) -> str:
    """Closed SVG path between two curves, without the points where either is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> outline(np.array([0.0, 9]), np.array([5.0, 5]), np.array([1.0, np.nan]))
    'M0 1 0 5Z'
    """
    good = np.isfinite(x) & np.isfinite(bottom) & np.isfinite(top)
    if not good.any():
        return ""
    go = " ".join(f"{a:.5g} {b:.5g}" for a, b in zip(x[good], top[good], strict=True))
    back = " ".join(f"{a:.5g} {b:.5g}" for a, b in zip(x[good][::-1], bottom[good][::-1], strict=True))
    return f"M{go} {back}Z"
