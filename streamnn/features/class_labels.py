"""Which labels are classes, and how many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import LimitError, SchemaError

MAX_CLASSES = 256


def plain_label(label: Any) -> Any:
    """A label as Python's value, where it is one of numpy's."""
    return label.item() if isinstance(label, np.generic) else label


def new_labels(values: Sequence[Any], known: Mapping[Any, int]) -> list[Any]:
    """Labels that are not known yet, as Python's values, in the order in which they come.

    Raises
    ------
    SchemaError
        When one can't be a class.
    LimitError
        When there would be too many.

    Examples
    --------
    >>> new_labels([True, "b", np.int64(1), "a", "b"], {"a": 0})
    [True, 'b']
    """
    values = [plain_label(v) for v in values]
    for v in values:
        if not isinstance(v, (bool, int, float, str)) or v != v:
            raise SchemaError(
                f"a class label is {v!r}: allowed are whole numbers, numbers, strings and bools"
            )
    new = list(dict.fromkeys(v for v in values if v not in known))
    if len(known) + len(new) > MAX_CLASSES:
        raise LimitError(
            f"label {new[MAX_CLASSES - len(known)]!r} would be class {MAX_CLASSES + 1}, "
            f"the limit is {MAX_CLASSES}: for a number target use regression"
        )
    return new


def known_codes(labels: np.ndarray, known: Mapping[Any, int]) -> np.ndarray | None:
    """Class numbers of labels that are all known; None where one is not, or is none.

    Examples
    --------
    >>> known_codes(np.array([7, 9, 7]), {7: 0, 9: 1}).tolist(), known_codes(np.array([7, 8]), {7: 0, 9: 1})
    ([0, 1, 0], None)
    """
    if labels.dtype.kind in "iu" and labels.size:
        low = labels.min()
        if int(labels.max()) - int(low) < len(labels):  # a look-up for each value, not for each label
            table = np.array([known.get(v, -1) for v in range(int(low), int(labels.max()) + 1)])
            codes = table[labels - low]
            return None if (codes < 0).any() else codes
    try:
        found = [known.get(v, -1) for v in labels.tolist()]
    except TypeError:  # a list or dict among them
        return None
    return None if -1 in found else np.array(found, np.int64)


def distribution(classes: Sequence[Any], proba: np.ndarray) -> dict[Any, float]:
    """Probabilities of classes by name, which add up to one.

    Parameters
    ----------
    classes : sequence
    proba : ndarray
        One a class, and more that are left out.
    """
    p = proba.tolist()[: len(classes)]
    total = math.fsum(p)
    return {c: v / total for c, v in zip(classes, p, strict=True)}
