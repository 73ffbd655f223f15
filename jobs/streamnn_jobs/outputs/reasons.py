"""Reasons of dead letters as a few words: a metric must not have a label for every bad value."""

from __future__ import annotations

import re

REASONS: tuple[tuple[str, str], ...] = (
    ("malformed_json", r"^malformed JSON"),
    ("empty", r"^empty line"),
    ("not_an_object", r"^not an (object|array) but"),
    ("duplicate_key", r"^duplicate key"),
    ("bad_text", r"surrogate pair|not valid UTF-8|invalid UTF-8"),
    ("too_large", r"^a record of .* the limit is|^longer than|rows in a message, the limit|within max_record_bytes"),
    ("wrong_width", r"fields where the header has|^an array of .* columns are declared"),
    ("bad_quoting", r"quote"),
    ("tombstone", r"^a tombstone"),
    ("bad_arrow", r"^no Arrow|^a column can't be converted"),
    ("too_many_columns", r"would be one of too many columns"),
    ("bad_time", r"^the time in column"),
    ("too_many_classes", r"would be one of more than \d+ classes"),
    ("bad_label", r"^the label is"),
    ("wrong_type", r"^column |^the column name"),
)  # fmt: skip
"""Word and the pattern it stands for, the first that fits; anything else is `other`."""

WORDS = (*(word for word, _ in REASONS), "other")
_COMPILED = [(word, re.compile(pattern)) for word, pattern in REASONS]


def reason_word(reason: str) -> str:
    """The class of a reason.

    Examples
    --------
    >>> reason_word("malformed JSON: line 1"), reason_word("column 'x' is a number but has 'a'"), reason_word("?")
    ('malformed_json', 'wrong_type', 'other')
    """
    return next((word for word, pattern in _COMPILED if pattern.search(reason)), "other")
