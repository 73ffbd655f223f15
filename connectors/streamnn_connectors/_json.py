"""One line of JSON to a dict, with every fault named."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ._faults import Fault, not_utf8, short, too_long

decode = msgspec.json.Decoder().decode
DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BOM = b"\xef\xbb\xbf"
_NESTED = frozenset((dict, list))
_VALUE_WORDS = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
"""What a value of JSON is, for messages; any other is a number."""


def parse_object(line: bytes, max_bytes: int) -> dict[str, Any]:
    """The object on a line; raises Fault.

    Lines that strict JSON takes are taken as they are; the lenient parser adds NaN, Infinity, numbers
    beyond the range of a double and a byte order mark.
    """
    if len(line) > max_bytes:
        raise too_long(len(line), max_bytes)
    if not line.strip():
        raise Fault("empty line")
    try:
        value = decode(line)
    except DECODE_ERRORS:
        value = _lenient(line)
    else:
        if isinstance(value, dict) and count_quotes(line) != 2 * count_texts(value):
            _refuse_duplicates(line)
    if not isinstance(value, dict):
        word = _VALUE_WORDS.get(type(value), "a number")
        raise Fault(f"not an object but {word}: each line must be one JSON object")
    return value


def count_quotes(line: bytes) -> int:
    """How many quotes of `line` open or close a string; too many when there are escaped backslashes."""
    quotes = line.count(b'"')
    if b"\\" in line and b"\\\\" not in line:
        quotes -= line.count(b'\\"')
    return quotes


def count_texts(row: dict[str, Any]) -> int:
    """How many keys and strings there are, nested ones too.

    A line has two quotes a key and two a string value: exactly this number means that no key came twice.
    """
    texts = 0
    waiting: list[Any] = [row]
    while waiting:
        at = waiting.pop()
        if type(at) is dict:
            texts += len(at)
            at = at.values()
        for value in at:
            if type(value) is str:
                texts += 1
            elif type(value) in _NESTED:
                waiting.append(value)
    return texts


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Fault(f"duplicate key {short(key)}")
            seen.add(key)
    return row


def _refuse_duplicates(line: bytes) -> None:
    try:
        json.loads(line, parse_int=float, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        # only of values nested so deep that this parser gives up: they are refused as such
        return


def _lenient(line: bytes) -> Any:
    try:
        text = line.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        raise not_utf8(error) from None
    try:
        value = json.loads(text, parse_int=_integer, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise Fault(f"malformed JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise Fault("malformed JSON: nested too deeply") from None
    if not text.isascii() or "\\" in text:
        _refuse_surrogates(value)
    return value


def _integer(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:  # more digits than Python takes
        return float(text)


def _refuse_surrogates(value: Any) -> None:
    waiting = [value]
    while waiting:
        at = waiting.pop()
        if isinstance(at, str):
            try:
                at.encode()
            except UnicodeEncodeError as error:
                raise Fault(f"half a surrogate pair at character {error.start} of a string") from None
        elif isinstance(at, list):
            waiting += at
        elif isinstance(at, dict):
            waiting += [*at, *at.values()]
