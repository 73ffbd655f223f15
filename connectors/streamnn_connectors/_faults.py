"""A fault of one record, and how a value is shown to a person."""

from __future__ import annotations

from streamnn.errors import SinkError


class Fault(Exception):
    """Why a record can't become a row. Caught within this package, where it becomes a BadRecord."""

    def __init__(self, reason: str, stage: str = "decode"):
        super().__init__(reason)
        self.reason = reason
        self.stage = stage


def short(value: object, width: int = 40) -> str:
    """`value` as Python writes it, cut to about `width` characters."""
    if isinstance(value, str | bytes):
        value = value[: width + 1]
    text = repr(value)
    return text if len(text) <= width else text[: width - 3] + "..."


def too_long(size: int, limit: int) -> Fault:
    return Fault(f"a record of {size} bytes, the limit is {limit} (max_record_bytes)")


def not_utf8(error: UnicodeDecodeError) -> Fault:
    return Fault(f"invalid UTF-8 at byte {error.start}")


def not_json(what: str, error: Exception) -> SinkError:
    """What is said of an output that no JSON can hold."""
    return SinkError(f"{what} can't be written as JSON: {error}. Write numbers, strings, lists and dicts.")
