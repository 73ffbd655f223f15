"""Which labels are classes, and how many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import LimitError, SchemaError

MAX_CLASSES = 256


def new_labels(values: Sequence[Any], known: Mapping[Any, int]) -> list[Any]:
    """Labels that are not known yet, in the order in which they come.

    Raises
    ------
    SchemaError
        When one can't be a class.
    LimitError
        When there would be too many.

    Examples
    --------
    >>> new_labels([True, "b", 1, "a", "b"], {"a": 0})
    [True, 'b']
    """
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
