"""What label joins have in common in a checkpoint: leaves that are checked, and lists of keys as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from streamnn.errors import StateError


def check_leaves(what: str, arrays: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> None:
    """StateError unless `arrays` has the one-dimensional leaves `wanted`, each of its type."""
    for name, like in wanted.items():
        if name not in arrays:
            raise StateError(f"{what}: leaf {name!r} is missing")
        if arrays[name].dtype != like.dtype or arrays[name].ndim != 1:
            raise StateError(f"{what}: leaf {name!r} is {arrays[name].dtype}, expected {like.dtype}")


def pack_keys(keys: Iterable[str]) -> dict[str, np.ndarray]:
    """UTF-8 bytes of all keys, and where each ends.

    Examples
    --------
    >>> packed = pack_keys(["ab", "", "c"])
    >>> packed["ends"].tolist(), unpack_keys({"k_" + name: a for name, a in packed.items()}, "k")
    ([2, 2, 3], ['ab', '', 'c'])
    """
    parts = [key.encode("utf-8", "surrogatepass") for key in keys]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return {"bytes": np.frombuffer(b"".join(parts), np.uint8).copy(), "ends": ends}


def unpack_keys(arrays: Mapping[str, np.ndarray], name: str) -> list[str]:
    """The keys of ``<name>_bytes`` and ``<name>_ends``. StateError when they do not fit."""
    whole, ends = arrays[f"{name}_bytes"].tobytes(), arrays[f"{name}_ends"].tolist()
    if (ends[-1] if ends else 0) != len(whole) or ends != sorted(ends):
        raise StateError(f"key join: {name}: the keys' ends do not fit their bytes")
    starts = [0, *ends][: len(ends)]
    return [whole[i:j].decode("utf-8", "surrogatepass") for i, j in zip(starts, ends, strict=True)]
