"""What is written of a record that could not be used, and its reason as a word: a metric must not have a label for
every bad value."""

from __future__ import annotations

import base64
import re
from typing import Any

from streamnn_connectors.base import BadRecord

TEXT_BYTES = 1000
"""Longest original that is also shown as text."""

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
    ("bad_schema", r"registry's frame|Avro"),
    ("bad_envelope", r"envelope|kafka\.unwrap|CloudEvent"),
    ("too_many_columns", r"would be one of too many columns"),
    ("bad_time", r"^the time in column"),
    ("too_many_classes", r"would be one of more than \d+ classes"),
    ("bad_label", r"^the label is"),
    ("wrong_type", r"^column |^the column name"),
)  # fmt: skip
"""Word and the pattern it stands for, the first that fits; anything else is `other`."""

REASON_WORDS = (*(word for word, _ in REASONS), "other")
"""Every word that a reason can be given."""
_COMPILED = [(word, re.compile(pattern)) for word, pattern in REASONS]


def dead_letter(bad: BadRecord, source: str, partition: str) -> dict[str, Any]:
    """A bad record as plain data: why, where, and its original bytes.

    Examples
    --------
    >>> letter = dead_letter(BadRecord(7, "is no JSON", "decode", b"{oops"), "a.jsonl", "0")
    >>> letter["position"], letter["raw"], letter["text"]
    (7, 'e29vcHM=', '{oops')
    """
    text = None
    if len(bad.raw) <= TEXT_BYTES:
        try:
            text = bad.raw.decode()
        except UnicodeDecodeError:
            text = None
    return {
        "position": int(bad.position),
        "reason": bad.reason,
        "stage": bad.stage,
        "source": source,
        "partition": partition,
        "raw": base64.b64encode(bad.raw).decode("ascii"),
        "text": text,
    }


def reason_word(reason: str) -> str:
    """The class of a reason.

    Examples
    --------
    >>> reason_word("malformed JSON: line 1"), reason_word("column 'x' holds a bytes: b'a'"), reason_word("?")
    ('malformed_json', 'wrong_type', 'other')
    """
    return next((word for word, pattern in _COMPILED if pattern.search(reason)), "other")
