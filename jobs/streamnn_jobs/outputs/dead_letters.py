"""What is written of a record that could not be used."""

from __future__ import annotations

import base64
from typing import Any

from streamnn_connectors.base import BadRecord

TEXT_BYTES = 1000
"""Longest original that is also shown as text."""


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
