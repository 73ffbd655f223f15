"""State to safetensors bytes and back: plain arrays and JSON, no pickle, checked leaf by leaf."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import StateError

if TYPE_CHECKING:
    from mmap import mmap


FORMAT = 1
"""Version of the checkpoint format."""

Arrays = dict[str, np.ndarray]
_DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
"""numpy's names of the types of safetensors."""


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


def from_bytes(
    data: bytes | mmap | memoryview[int], where: str = "checkpoint"
) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and manifest of a file written by :func:`to_bytes`.

    Parameters
    ----------
    data : bytes, or a buffer
        From bytes the arrays are copies. Those of a buffer, such as a file that is mapped into memory, lie in it, and
        are read-only if it is.
    where : str
        How errors name it.

    Raises
    ------
    StateError
        When the bytes are damaged, are no streamnn state or are of a newer format.

    Examples
    --------
    Any number of processes may map one file and predict; they share its memory.

    >>> import mmap, tempfile
    >>> from streamnn import Classifier
    >>> model = Classifier()
    >>> model.learn_one({"a": 1.0}, "yes")
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(to_bytes(*model.state_dict()))
    ...     file.flush()
    ...     mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    >>> other = Classifier()
    >>> other.load_state_dict(*from_bytes(mapped))
    >>> other.predict_one({"a": 1.0})
    'yes'
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        size = int.from_bytes(memoryview(data)[:8], "little")
        header = json.loads(bytes(memoryview(data)[8 : 8 + size]))
        manifest = json.loads(header["__metadata__"]["streamnn"])
        arrays = load(data) if isinstance(data, bytes) else _views(data, header, 8 + size)
    except (SafetensorError, KeyError, ValueError, TypeError) as e:
        raise StateError(f"{where}: damaged or not a streamnn state ({type(e).__name__}: {e})") from e
    if manifest.get("format") != FORMAT:
        raise StateError(
            f"{where}: format {manifest.get('format')!r} is not {FORMAT}: written by another release of streamnn"
        )
    return arrays, manifest


def _views(data: mmap | memoryview[int], header: Mapping[str, Any], start: int) -> Arrays:
    found = {}
    for name, said in header.items():
        if name != "__metadata__":
            begin, end = said["data_offsets"]
            kind = np.dtype(_DTYPES[said["dtype"]])
            n = (end - begin) // kind.itemsize
            flat = np.frombuffer(data, kind, n, start + begin) if n else np.zeros(0, kind)
            found[name] = flat.reshape(said["shape"])
    return found
