"""State to safetensors bytes and back: plain arrays and JSON, no pickle, checked leaf by leaf."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import StateError

FORMAT = 1
"""Version of the checkpoint format."""

Arrays = dict[str, np.ndarray]


def state_hash(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any] | None = None) -> str:
    """Hash of a state: names, dtypes, shapes and bits of every leaf, and the JSON beside them.

    Examples
    --------
    >>> import numpy as np
    >>> state_hash({"a": np.zeros(2)}) == state_hash({"a": np.zeros(2)})
    True
    >>> state_hash({"a": np.zeros(2)}) == state_hash({"a": -np.zeros(2)})
    False
    """
    h = hashlib.sha256()
    for name in sorted(arrays):
        a = np.ascontiguousarray(arrays[name])
        h.update(f"{name}|{a.dtype.str}|{a.shape}|".encode())
        h.update(a.tobytes())
    if meta is not None:
        h.update(json.dumps(meta, sort_keys=True).encode())
    return h.hexdigest()


def check_leaves(
    found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], where: str = "state"
) -> None:
    """Compare every leaf's name, shape and dtype; the error names the first leaf that differs.

    Raises
    ------
    StateError
        On a missing or unknown leaf, or another shape or dtype.

    Examples
    --------
    >>> import numpy as np
    >>> check_leaves({"net/b": np.zeros(3)}, {"net/b": np.zeros(2)})
    Traceback (most recent call last):
        ...
    streamnn.errors.StateError: state: leaf 'net/b' has shape (3,), expected (2,)
    """
    for name, want in expected.items():
        if name not in found:
            raise StateError(f"{where}: leaf {name!r} is missing")
        got = found[name]
        if got.shape != want.shape:
            raise StateError(f"{where}: leaf {name!r} has shape {got.shape}, expected {want.shape}")
        if got.dtype != want.dtype:
            raise StateError(f"{where}: leaf {name!r} has dtype {got.dtype}, expected {want.dtype}")
    extra = sorted(set(found) - set(expected))
    if extra:
        raise StateError(f"{where}: leaf {extra[0]!r} is not known here ({len(extra)} in all)")


def to_bytes(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> bytes:
    """One safetensors file: arrays, and a JSON manifest with the format version, in memory."""
    from safetensors.numpy import save

    manifest = {"format": FORMAT, **meta}
    tensors = {k: np.array(v, order="C", copy=True).reshape(v.shape) for k, v in arrays.items()}
    return save(tensors, metadata={"streamnn": json.dumps(manifest, sort_keys=True)})


def from_bytes(data: bytes, where: str = "checkpoint") -> tuple[Arrays, dict[str, Any]]:
    """Arrays and manifest of a file written by :func:`to_bytes`.

    Raises
    ------
    StateError
        When the bytes are damaged, are no streamnn state or are of a newer format.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        size = int.from_bytes(data[:8], "little")
        manifest = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["streamnn"])
    except (SafetensorError, KeyError, ValueError, TypeError) as e:
        raise StateError(f"{where}: damaged or not a streamnn state ({type(e).__name__}: {e})") from e
    if manifest.get("format") != FORMAT:
        raise StateError(
            f"{where}: format {manifest.get('format')!r} is not {FORMAT}: written by another release of streamnn"
        )
    return arrays, manifest
