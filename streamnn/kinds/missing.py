"""What stands for a missing value in a text."""

from __future__ import annotations

from collections.abc import Iterable

MISSING = frozenset(
    (
        "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
        "NA", "NULL", "NaN", "n/a", "nan", "null",
    )
)  # fmt: skip
"""Missing in every column of a file of texts: what pandas takes so, but for ``None``, which is a name to many."""
DOUBTFUL = frozenset(("?", "-", "--", ".", "None", "none", "Null", "N.A.", "n.a.", "na", "nil"))
"""Missing where a number, a time or a truth is meant; in a column of texts a value like others. Such a value never
decides the kind of a column."""


def missing_texts(more: Iterable[str] = ()) -> frozenset[str]:
    """Texts that are missing in every column, with those that a user names.

    Examples
    --------
    >>> "NULL" in missing_texts(), "unknown" in missing_texts(["unknown"])
    (True, True)
    """
    return MISSING | frozenset(more)
