"""Sections 6 to 8: the networks' slopes and functions, and the details of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from .bars import range_bars
from .curves import section
from .formats import as_float, decimal, esc, table, whole
from .multiples import gallery
from .report import Report
from .shapes import empty

_SECRET = ("password", "passwd", "secret", "token", "api_key", "apikey", "credential", "private_key")
_ELSEWHERE = ("alarms", "state_hash", "lipschitz_bound", "attacked_slope")
_LONG = 400


def certificate(report: Report) -> str:
    """Slope bounds of the certified networks, as HTML."""
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
    return section(
        "slopes",
        "Slope certificate",
        how,
        range_bars("slopes", "Slope bounds of each network", rows, x_name="slope, log axis"),
    )


def functions(report: Report, most: int = 24, steady: bool = False) -> str:
    """The learnt activation functions, as HTML; `most` of a network, see :func:`gallery`."""
    how = (
        "Each small picture is the function that one unit has learnt: its input runs to the right, its output "
        "upwards. The grey line is the leaky ReLU it began with; the numbers below are its smallest and largest slope."
    )
    parts = [gallery(dict(n), i, most, steady) for i, n in enumerate(report.networks)]
    return section(
        "functions",
        "Learnt activation functions",
        how,
        *(parts or [empty("activations", "Activation functions", "No network to show yet.")]),
    )


def details(report: Report) -> str:
    """Versions, state hash, counters and the job's spec, as HTML."""
    facts: list[list[str]] = []
    if report.summary.get("state_hash"):
        facts.append(["state hash", f"<code>{esc(report.summary['state_hash'])}</code>"])
    for key, value in report.info.items():
        if key != "spec" and value is not None:
            facts.append([_words(key), _value(value)])
    counters = [
        [_words(k), _value(v)] for k, v in report.summary.items() if k not in _ELSEWHERE and v is not None
    ]
    spec = json.dumps(masked(report.info.get("spec") or {}), indent=2, ensure_ascii=False, default=str)
    how = "All that is needed to run this again: the same spec on the same stream gives the same state hash, bit for bit."
    return section(
        "details", "Run details", how, table(["what", "value"], facts, "The run", (0, 1)),
        table(["figure", "value"], counters, "Figures and counters", (0,)),
        f"<h3>Spec</h3><pre>{esc(spec)}</pre>",
    )  # fmt: skip


def masked(value: Any) -> Any:
    """A spec with what looks like a secret blanked out, since reports are passed around.

    Examples
    --------
    >>> masked({"source": {"sasl_password": "x", "topic": "t"}})
    {'source': {'sasl_password': '***', 'topic': 't'}}
    """
    if isinstance(value, Mapping):
        return {
            str(k): "***" if any(s in str(k).lower() for s in _SECRET) else masked(v)
            for k, v in value.items()
        }
    return [masked(v) for v in value] if isinstance(value, list | tuple) else value


def _words(key: Any) -> str:
    return esc(str(key).replace("_", " "))


def _value(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or value is None:
        return esc(value)
    if isinstance(value, int):
        return whole(value)
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, Mapping):
        return "<br>".join(f"{esc(k)}: {_value(v)}" for k, v in masked(value).items())
    text = str(value)
    return esc(text if len(text) <= _LONG else text[:_LONG] + "…")
