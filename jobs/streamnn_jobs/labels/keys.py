"""Lists of keys as arrays, for checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from streamnn.errors import StateError


def pack(keys: Iterable[str]) -> dict[str, np.ndarray]:
    """UTF-8 bytes of all keys, and where each ends.

    Examples
    --------
    >>> packed = pack(["ab", "", "c"])
    >>> packed["ends"].tolist(), unpack({"k_" + name: a for name, a in packed.items()}, "k")
    ([2, 2, 3], ['ab', '', 'c'])
    """
    parts = [key.encode("utf-8", "surrogatepass") for key in keys]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return {"bytes": np.frombuffer(b"".join(parts), np.uint8).copy(), "ends": ends}


def unpack(arrays: Mapping[str, np.ndarray], name: str) -> list[str]:
    """The keys of ``<name>_bytes`` and ``<name>_ends``. StateError when they do not fit."""
    whole, ends = arrays[f"{name}_bytes"].tobytes(), arrays[f"{name}_ends"].tolist()
    if (ends[-1] if ends else 0) != len(whole) or ends != sorted(ends):
        raise StateError(f"key join: {name}: the keys' ends do not fit their bytes")
    starts = [0, *ends][: len(ends)]
    return [whole[i:j].decode("utf-8", "surrogatepass") for i, j in zip(starts, ends, strict=True)]
