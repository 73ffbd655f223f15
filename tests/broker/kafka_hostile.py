"""Messages that no job can use, of every kind there is a reason for, and good ones, some of them odd, between them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

_ODD_CELLS = (8, 9, 10)
"""Kinds that are odd in a cell alone."""
_TEXTS = ("", " ", "\x00", "null", "NaN", "\U0001f600", "'; DROP TABLE x; --", "a" * 300, "\u202e", "{}")


def hostile(count: int, seed: int = 1) -> Iterator[tuple[bytes | None, bool]]:
    """Values, and whether each is good: about one in three is. A cell of another kind makes no record bad."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        if rng.random() < 0.2 or i < 20:
            yield json.dumps({"x": float(rng.normal()), "c": "ab"[i % 2], "y": i % 2}).encode(), True
        else:
            yield _odd(rng)


def _odd(rng: np.random.Generator) -> tuple[bytes | None, bool]:
    good = json.dumps({"x": 1.5, "c": "a", "y": 1}).encode()
    kind = int(rng.integers(0, 14))
    text = _TEXTS[int(rng.integers(len(_TEXTS)))]
    choices: list[bytes | None] = [
        None,
        b"",
        rng.bytes(int(rng.integers(1, 200))) + b"\xff",
        good[: int(rng.integers(1, len(good)))],
        good + b"}",
        b'{"x": 1, "x": 2, "y": 1}',
        b"[" * int(rng.integers(1, 5000)),
        json.dumps(text).encode(),
        json.dumps({"x": text, "y": 1}).encode(),
        json.dumps({"x": {"deep": [text]}, "y": 1}).encode(),
        json.dumps({"x": 1.0, "c": 7, "y": 1}).encode(),
        json.dumps({"x": 1.0, "c": "a", "y": 0.25}).encode(),
        json.dumps({"x": 1.0, "c": "a", "y": 0.5}).encode(),
        b'{"x": 1, "c": "\\ud800", "y": 1}',
    ]
    return choices[kind], kind in _ODD_CELLS


def a_million_names(i: int) -> bytes:
    """A good event with a column that no other has."""
    return json.dumps({"x": 1.0, f"column {i}": 2.0, "y": i % 2}).encode()
