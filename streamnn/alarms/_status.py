"""What a signal's detector knows, in figures and in words."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np

from ._layout import ALLOWANCES, ARM_BLOCKS, ARM_EVENTS, ARMED, BLIND, SIDES

_HIGHEST_SCORE = math.sqrt(2.0)
"""The place score of a value above all others."""
_SLOPE = 1.148
"""A normal value that is d sd too high has a mean place score of sqrt 2 (2 Phi(d / 1.148) - 1), nearly."""


def _scale(s: np.void) -> float:
    """Shift of the value, in its sd, that moves what the autoregression leaves by one sd."""
    cov, coef = s["ar_cov"].tolist(), s["ar_coef"].tolist()
    rest = cov[0] - sum(a * c for a, c in zip(coef, cov[1:], strict=True))
    return math.sqrt(max(rest / cov[0], 1e-6)) / max(abs(1.0 - sum(coef)), 1e-6) if cov[0] > 0 else 1.0


def _sees(v: np.void, within: float) -> float | None:
    """Shift, in sd, whose place statistic would pass its threshold within that number of values; None: no shift would."""
    least = math.inf
    for a in range(ALLOWANCES.size):
        for j in (a * SIDES, a * SIDES + 1):
            allowed = float(v["allowance"][j])
            least = min(least, allowed + float(v["bar"][j]) / (allowed * within))
    if not v["scale"][0] > 0.0:
        return None
    share = 0.5 * (1.0 + least / float(v["scale"][0]) / _HIGHEST_SCORE) if math.isfinite(least) else 1.0
    return _SLOPE * NormalDist().inv_cdf(share) if share < 1.0 - 1e-4 else None


def status(s: np.void, views: np.ndarray, horizon: float, own_test: bool) -> dict[str, Any]:
    """State of one signal, see `DriftMonitor.status`."""
    if own_test:
        state = "armed" if s["taken"] else "calibrating"
        return {
            "state": state,
            "sees": None,
            "says": f"{state}: "
            + ("sees columns that die, wake or change unit" if s["taken"] else "sees nothing yet"),
            "values": int(s["taken"]),
            "skipped": int(s["skipped"]),
            "block": 1.0,
            "needed": 0,
        }
    watched = range(1 + int(s["follows"]))
    least = max(max(ARM_EVENTS * (1 + w), ARM_BLOCKS * float(views[w]["block"])) for w in watched)
    armed = all(int(views[w]["armed"]) == ARMED for w in watched)
    state = "trial" if s["on_trial"] else "armed" if armed else "calibrating"
    able = [
        d * (_scale(s) if w else 1.0)
        for w in watched
        if views[w]["armed"] != BLIND and (d := _sees(views[w], horizon / 10)) is not None
    ]
    sees = round(min(able), 2) if able and state != "trial" else None
    return {
        "state": state,
        "sees": sees,
        "says": f"{state}: would see "
        + (f"a shift of {sees:.2g} sd now" if sees is not None else "no shift now"),
        "values": int(s["taken"]),
        "skipped": int(s["skipped"]),
        "block": float(views[0]["block"]),
        "needed": max(0, math.ceil(least) - int(s["regime"])) if state == "calibrating" else 0,
    }
