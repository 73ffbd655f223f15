"""A learner's output as columns to write."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamnn.types import LEARN, OBSERVE, Output

DIGITS = 6
"""Decimals of the written figures: enough to read, and fewer bytes."""


def prediction_columns(
    position: np.ndarray, output: Output, classes: list[Any], known: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Position, prediction, its probability, surprise and entropy; one row an event.

    Parameters
    ----------
    position : ndarray of int64, shape (n,)
    output : Output
    classes : list
        Class values, in the order of the columns of ``output.proba``.
    known : ndarray of int64, shape (n,), or None
        How many of the classes were known when each event was seen; None for all.

    Returns
    -------
    dict of str to ndarray
        ``prediction`` is None, and its probability NaN, before the first class is known. Regression has no
        ``probability``.
    """
    out: dict[str, np.ndarray] = {"position": position}
    if output.mean is not None:
        out["prediction"] = output.mean
    elif output.proba is not None:
        proba = output.proba
        if known is not None:
            proba = np.where(np.arange(proba.shape[1]) < known[:, None], proba, np.float32(-1.0))
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
    out["surprise"] = np.round(output.surprise, DIGITS)
    out["entropy"] = np.round(output.entropy, DIGITS)
    return out


def classes_known(op: np.ndarray, code: np.ndarray, before: int, new: list[float]) -> np.ndarray | None:
    """How many classes were known at each OBSERVE; None when that did not change within the chunk.

    Otherwise what is written of an event would depend on where the chunk was cut.

    Parameters
    ----------
    op : ndarray of int8, shape (m,)
    code : ndarray of float64, shape (m,)
        Code of the class at LEARN operations.
    before : int
        Number of classes known before the chunk.
    new : list of float
        Codes of the classes learnt for the first time in it.

    Examples
    --------
    >>> classes_known(np.array([0, 1, 0, 1]), np.array([np.nan, 5.0, np.nan, 5.0]), 0, [5.0]).tolist()
    [0, 1]
    """
    if not new:
        return None
    learn = op == LEARN
    at = np.sort([int(np.argmax(learn & (code == c))) for c in new])
    return before + np.searchsorted(at, np.flatnonzero(op == OBSERVE))
