"""Section 9: what is needed to run this again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from .elements import Cell, section, table
from .formats import decimal, whole
from .report import Report
from .templating import TEMPLATES

_SECRET = ("password", "passwd", "secret", "token", "api_key", "apikey", "credential", "private_key")
_ELSEWHERE = ("alarms", "state_hash", "lipschitz_bound", "attacked_slope")
_LONG_TEXT = 400


def details(report: Report) -> Markup:
    """Versions, state hash, counters and the job's spec."""
    facts: list[list[str | Cell]] = []
    if report.summary.get("state_hash"):
        facts.append(["state hash", Cell([str(report.summary["state_hash"])], code=True)])
    facts += [[_words(k), Cell(_lines(v))] for k, v in report.info.items() if k != "spec" and v is not None]
    counters: list[list[str | Cell]] = [
        [_words(k), Cell(_lines(v))]
        for k, v in report.summary.items()
        if k not in _ELSEWHERE and v is not None
    ]
    spec = json.dumps(masked(report.info.get("spec") or {}), indent=2, ensure_ascii=False, default=str)
    how = "All that is needed to run this again: the same spec on the same stream gives the same state hash, bit for bit."
    return section(
        "details",
        "Run details",
        how,
        table(["what", "value"], facts, "The run", (0, 1)),
        table(["figure", "value"], counters, "Figures and counters"),
        TEMPLATES.render("spec.html", spec=spec),
    )


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
    return str(key).replace("_", " ")


def _lines(value: Any) -> list[str]:
    """A value for people; of a mapping, each entry on a line of its own.

    Examples
    --------
    >>> _lines({"a": 1, "b": {"c": 0.5, "d": "x"}})
    ['a: 1', 'b: c: 0.5000', 'd: x']
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or value is None:
        return [str(value)]
    if isinstance(value, int):
        return [whole(value)]
    if isinstance(value, float):
        return [decimal(value)]
    if isinstance(value, Mapping):
        lines = []
        for key, entry in masked(value).items():
            first, *rest = _lines(entry) or [""]
            lines += [f"{key}: {first}", *rest]
        return lines
    text = str(value)
    return [text if len(text) <= _LONG_TEXT else text[:_LONG_TEXT] + "…"]
