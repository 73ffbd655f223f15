"""Records inside envelopes: change events of databases, CloudEvents, or any field."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from .._faults import Fault, short
from .._json import parse_object

DEBEZIUM = "debezium"
CLOUDEVENTS = "cloudevents"
AS_IT_IS = "."
"""Takes the record itself, also where it looks like an envelope."""
_ABSENT = object()


class Unwrap:
    """Finds the record in an envelope.

    Parameters
    ----------
    ways : sequence of str
        Paths of fields such as ``"payload.after"``, or a name: ``"debezium"`` is ``after``, below ``payload`` or not;
        ``"cloudevents"`` is ``data`` of a structured event, and any other record as it is; ``"."`` is the record itself.
        The first that is there counts.
    max_bytes : int
        Most bytes of a record that is a text inside its envelope.

    Examples
    --------
    >>> unwrap = Unwrap(["payload.after"])
    >>> unwrap({"payload": {"before": None, "after": {"id": 7}}})
    {'id': 7}
    >>> unwrap({"payload": {"before": {"id": 7}, "after": None}}) is None  # it was deleted
    True
    """

    def __init__(self, ways: Sequence[str], max_bytes: int = 1_000_000):
        self._ways = tuple(ways)
        self._max_bytes = max_bytes

    def __call__(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """The record; None when its envelope says that there is none. Raises Fault."""
        for way in self._ways:
            value = _find(row, way)
            if value is _ABSENT:
                continue
            if isinstance(value, str | bytes):
                text = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
                return parse_object(text, self._max_bytes)
            if value is None or isinstance(value, dict):
                return value
            raise Fault(f"kafka.unwrap: {way} holds {short(value)}, which is no object", "schema")
        raise Fault(
            f"kafka.unwrap: there is no {' or '.join(self._ways)} in it; it has {', '.join(map(short, list(row)[:8]))}",
            "schema",
        )


def envelope_of(row: dict[str, Any]) -> str | None:
    """What ``kafka.unwrap`` would be for a record that looks like a change event; None for others.

    Examples
    --------
    >>> envelope_of({"payload": {"after": {"id": 1}, "op": "c"}}), envelope_of({"after": 3, "noon": 4})
    ('payload.after', None)
    """
    payload = row.get("payload")
    if isinstance(payload, dict) and _is_change(payload):
        return "payload.after"
    return "after" if _is_change(row) else None


def _is_change(row: dict[str, Any]) -> bool:
    if "after" not in row or not isinstance(row["after"], dict | None):
        return False
    return ("op" in row or "before" in row) and isinstance(row.get("before"), dict | None)


def _find(row: dict[str, Any], way: str) -> Any:
    if way == AS_IT_IS:
        return row
    if way == DEBEZIUM:
        payload = row.get("payload")
        change = payload if isinstance(payload, dict) else row
        # a table that is emptied is an event without a row
        return change.get("after") if "after" in change or "op" in change else _ABSENT
    if way == CLOUDEVENTS:
        return _data(row)
    at: Any = row
    for name in way.split("."):
        if not isinstance(at, dict):
            return None if at is None else _ABSENT
        if name not in at:
            return _ABSENT
        at = at[name]
    return at


def _data(row: dict[str, Any]) -> Any:
    if "specversion" not in row:
        return row  # binary mode: the attributes are headers
    if "data_base64" in row:
        try:
            return base64.b64decode(row["data_base64"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise Fault("data_base64 of the CloudEvent is no base64") from None
    return row.get("data")
