"""Sections 7 and 8: the networks' slopes and functions."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from .elements import empty_chart, section
from .formats import as_float
from .range_bars import range_bars
from .report import Report
from .spline_gallery import spline_gallery


def certificate(report: Report) -> Markup:
    """Slope bounds of the certified networks."""
    rows = [
        (str(n.get("name", i)), as_float(n.get("attacked")), as_float(n.get("certified")))
        for i, n in enumerate(report.networks)
        if n.get("certified") is not None
    ]
    if not rows and isinstance(report.summary.get("lipschitz_bound"), Mapping):
        slopes = report.summary.get("attacked_slope") or {}
        rows = [
            (str(k), as_float(slopes.get(k)), as_float(v))
            for k, v in report.summary["lipschitz_bound"].items()
        ]
    how = (
        "The slope is how far a network's output can move when its (scaled) input moves by one. No input can "
        "make it steeper than the certified bound; a search for the steepest input found at least the attacked "
        "one. The truth lies on the bar between them, and a small bound means no small change can upset a prediction."
    )
    if not rows and (report.info.get("spec") or {}).get("learner.kind") == "torch":
        how = (
            "No certified bound here: none has been worked out yet, or nothing can be proven of this network."
        )
    picture = range_bars("slopes", "Slope bounds of each network", rows, "slope, log axis")
    return section("slopes", "Slope certificate", how, picture)


def functions(report: Report, most: int = 24, steady: bool = False) -> Markup:
    """The learnt activation functions; `most` of a network, see :func:`spline_gallery`."""
    how = (
        "Each small picture is the function that one unit has learnt: its input runs to the right, its output "
        "upwards. The grey line is the leaky ReLU it began with; the numbers below are its smallest and largest slope."
    )
    parts = [spline_gallery(dict(n), i, most, steady) for i, n in enumerate(report.networks)]
    none = empty_chart("activations", "Activation functions", "No network to show yet.")
    return section("functions", "Learnt activation functions", how, *(parts or [none]))
