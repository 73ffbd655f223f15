"""The frame of a chart: axes, grid, marks and what the read-out needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .formats import esc

Mark = tuple[float, str, str]
"""A vertical mark: place on the x axis, short word, longer hint."""

_W = 1000.0
_MANY_MARKS = 40


@dataclass(slots=True)
class Frame:
    """A plot area that stretches with the page while its text keeps its size.

    The data lie in an inner SVG of fixed units, stretched to the width there is; ticks and labels are
    placed in per cent of that width, outside of it. So one SVG fits a telephone, a screen and paper.

    Parameters
    ----------
    plot : str
        Name of the plot; the SVG carries it as ``data-plot``.
    title, desc : str
        What a screen reader says.
    x_range, y_range : tuple of float
        Values at the ends of the axes.
    x_ticks, y_ticks : sequence of (float, str)
        Places and their words.
    x_name, y_name : str
        What the axes show, with the unit.
    height : int
        Of the plot area, in CSS pixels.
    marks : sequence of (float, str, str)
        Vertical marks: place, short word, longer hint.
    halo : bool
        Set marks off from filled areas beneath them.

    Examples
    --------
    >>> f = Frame("a", "A", "", (0, 10), (0, 1), [(5, "5")], [(1, "1")], "events", "share")
    >>> f.svg([], []).count("<svg"), float(f.x(5)), float(f.y(1))
    (2, 500.0, 0.0)
    """

    plot: str
    title: str
    desc: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]
    x_name: str
    y_name: str
    height: int = 240
    marks: Sequence[Mark] = ()
    halo: bool = False

    def x(self, values: Any) -> Any:
        """Units (0 to 1000) of values on the x axis."""
        low, high = self.x_range
        return (np.asarray(values, float) - low) / (high - low) * _W

    def y(self, values: Any) -> Any:
        """Units (0 to `height`, downwards) of values on the y axis, kept near the picture."""
        low, high = self.y_range
        place = (high - np.asarray(values, float)) / (high - low) * self.height
        return np.clip(place, -self.height, 2 * self.height)

    def _share(self, value: float) -> str:
        return f"{float(self.x(value)) / _W * 100:.2f}%"

    def svg(self, data: list[str], over: list[str], legend: str = "") -> str:
        """The whole picture.

        Parameters
        ----------
        data : list of str
            SVG elements in units, stretched; strokes keep their width.
        over : list of str
            SVG elements in pixels and per cent, drawn over the data.
        legend : str
            HTML above the picture.
        """
        h, out = self.height, []
        for value, word in self.y_ticks:
            y = f"{float(self.y(value)):.1f}"
            out.append(f"<line class='grid' x1='0' x2='100%' y1='{y}' y2='{y}'/>")
            out.append(f"<text class='tick' x='-8' y='{y}' dy='.32em' text-anchor='end'>{esc(word)}</text>")
        for i, (value, word) in enumerate(self.x_ticks):
            p = self._share(value)
            narrow = " wide-only" if i % 2 else ""
            anchor = "end" if float(self.x(value)) > 0.975 * _W else "middle"
            out.append(f"<line class='axis' x1='{p}' x2='{p}' y1='{h}' y2='{h + 5}'/>")
            out.append(
                f"<text class='tick{narrow}' x='{p}' y='{h + 19}' text-anchor='{anchor}'>{esc(word)}</text>"
            )
        out.append(f"<line class='axis' x1='0' x2='100%' y1='{h}' y2='{h}'/>")
        out.append(f"<text class='name' x='100%' y='{h + 37}' text-anchor='end'>{esc(self.x_name)}</text>")
        out.append(f"<text class='name' x='-52' y='{-20 if self.marks else -14}'>{esc(self.y_name)}</text>")
        inner = (
            f"<svg width='100%' height='{h}' viewBox='0 0 {_W:.0f} {h}' preserveAspectRatio='none'>"
            f"{''.join(data)}</svg>"
        )
        # The empty title keeps the picture's own title from popping up beneath the read-out.
        hit = f"<rect class='hit' x='0' y='0' width='100%' height='{h}'><title></title></rect>"
        key = esc(self.plot)
        return (
            f"{legend}<svg class='plot' data-plot='{key}' role='img' height='{h}' "
            f"aria-labelledby='t-{key} d-{key}'><title id='t-{key}'>{esc(self.title)}</title>"
            f"<desc id='d-{key}'>{esc(self.desc)}</desc>{''.join(out)}{inner}{hit}{''.join(over)}"
            f"{self._marks()}</svg>"
        )

    def _marks(self) -> str:
        """Vertical marks; words that would cover each other are joined: 1–3, and sooner on a narrow screen."""
        out: list[str] = []
        shown = [(float(self.x(m[0])), m) for m in self.marks]
        shown = [(place, m) for place, m in shown if 0 <= place <= _W]
        many = len(self.marks) > _MANY_MARKS
        halo = "<line class='halo' {}/>" if self.halo and not many else ""
        kind = "alarm many" if many else "alarm"
        for place, (_, _, hint) in shown:
            ends = f"x1='{place / _W:.2%}' x2='{place / _W:.2%}' y1='0' y2='{self.height}'"
            out.append(
                f"<g class='{kind}' data-mark='alarm'><title>{esc(hint)}</title>"
                f"{halo.format(ends)}<line {ends}/></g>"
            )
        named = [(place, word) for place, (_, word, _) in shown]
        for room, width in ((9, "wide-only"), (24, "narrow-only")):
            out.extend(
                f"<text class='alarm {width}' x='{place / _W:.2%}' y='-4' text-anchor='middle'>{esc(words)}</text>"
                for place, words in _heads(named, room)
            )
        return "".join(out)


def _heads(marks: Sequence[tuple[float, str]], room: float) -> list[tuple[float, str]]:
    """Places and words of marks; those closer than two numbers and a dash of `room` a letter are joined.

    Examples
    --------
    >>> _heads([(0.0, "8"), (20.0, "9"), (400.0, "10")], 9)
    [(0.0, '8–9'), (400.0, '10')]
    """
    heads: list[tuple[float, str, str]] = []
    for place, word in marks:
        if heads and place - heads[-1][0] <= room * (2 * len(word) + 1):
            heads[-1] = (*heads[-1][:2], word)
        else:
            heads.append((place, word, word))
    return [(place, first if first == last else f"{first}–{last}") for place, first, last in heads]


def labelled(values: Sequence[float], words: Callable[[float], str]) -> list[tuple[float, str]]:
    """Ticks with their words.

    Examples
    --------
    >>> labelled([1.0, 2.0], "{:.0f}".format)
    [(1.0, '1'), (2.0, '2')]
    """
    return [(v, words(v)) for v in values]


def readout(
    x_name: str, x: np.ndarray, x_range: tuple[float, float], lines: list[tuple[str, str, Any, str]]
) -> str:
    """The values of a plot as a JSON block, for the read-out under the pointer.

    `lines` holds (name, colour class, values, kind); kind is ``"percent"`` or ``"number"``.
    """

    def plain(values: Any) -> list[float | None]:
        return [float(f"{v:.5g}") if np.isfinite(v) else None for v in np.asarray(values, float)]

    data = {
        "xName": x_name,
        "range": [float(v) for v in x_range],
        "x": [float(f"{v:.9g}") for v in np.asarray(x, float)],
        "lines": [{"name": n, "tone": t, "kind": k, "y": plain(v)} for n, t, v, k in lines],
    }
    # Names are user data: nothing in them may close the script element or open a comment.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
    return f"<script type='application/json' class='values'>{text}</script>"
