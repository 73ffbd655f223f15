"""A learner's output as columns to write."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from streamnn.types import Output

DIGITS = 6
"""Decimals of the written figures: enough to read, and fewer bytes."""


def prediction_columns(
    position: np.ndarray, output: Output, classes: list[Any], probabilities: bool = False
) -> dict[str, np.ndarray]:
    """Position, prediction, its probability, surprise and entropy, and what else was asked for; one row an event.

    Parameters
    ----------
    position : ndarray of int64, shape (n,)
    output : Output
    classes : list
        Class values, in the order of the columns of ``output.proba``.
    probabilities : bool
        Whether all that are known are written.

    Returns
    -------
    dict of str to ndarray
        ``prediction`` is None, and its probability NaN, before the first class is known. Regression gives the
        forecast for absolute error as ``prediction`` and that for squared error as ``mean``. ``p_value`` of the
        surprise; ``probabilities``, those of all classes as the JSON text of an object; ``set``, the classes of a prediction set as JSON text; ``low`` and ``high`` of an interval, NaN
        where it has no end.
    """
    out: dict[str, np.ndarray] = {"position": position}
    if output.median is not None and output.mean is not None:
        out["prediction"], out["mean"] = output.median, output.mean
    elif output.proba is not None:
        proba = output.proba
        if output.known is not None:  # else what is written of an event would depend on where a chunk was cut
            proba = np.where(np.arange(proba.shape[1]) < output.known[:, None], proba, np.float32(-1.0))
        if proba.shape[1]:
            best = proba.argmax(axis=1)
            top = np.take_along_axis(proba, best[:, None], axis=1)[:, 0].astype(np.float64)
            best[top < 0] = len(classes)
            top[top < 0] = np.nan
        else:
            best, top = np.full(len(position), len(classes)), np.full(len(position), np.nan)
        values = np.empty(len(classes) + 1, object)
        values[:] = [*classes, None]
        out["prediction"], out["probability"] = values[best], np.round(top, DIGITS)
        if probabilities:
            out["probabilities"] = _objects(proba, classes)
    out["surprise"] = np.round(output.surprise, DIGITS)
    out["entropy"] = np.round(output.entropy, DIGITS)
    if output.p_value is not None:
        out["p_value"] = np.round(output.p_value, DIGITS)
    if output.included is not None:
        out["set"] = _sets(output.included, classes)
    for name, end in (("low", output.low), ("high", output.high)):
        if end is not None:
            out[name] = np.where(np.isfinite(end), end, np.nan)
    return out


def _objects(proba: np.ndarray, classes: list[Any]) -> np.ndarray:
    """Class to probability as JSON text, those below 0 left out: they were not known then."""
    names = [c if isinstance(c, str) else json.dumps(c) for c in classes]
    texts = np.empty(len(proba), object)
    texts[:] = [
        json.dumps({name: round(p, DIGITS) for name, p in zip(names, row, strict=True) if p >= 0})
        for row in proba.astype(np.float64).tolist()
    ]
    return texts


def _sets(included: np.ndarray, classes: list[Any]) -> np.ndarray:
    rows, which = np.unique(included, axis=0, return_inverse=True)
    names = [json.dumps([classes[c] for c in np.flatnonzero(row)]) for row in rows]
    texts = np.empty(len(names), object)
    texts[:] = names
    return texts[which.reshape(-1)]
