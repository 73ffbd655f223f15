"""Telling a file from another one of the same name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamnn.errors import SourceError

HEAD_BYTES = 1 << 16


def file_mark(path: str | Path, head_bytes: int = HEAD_BYTES) -> dict[str, Any]:
    """Size of a file and a hash of its beginning.

    Raises
    ------
    SourceError
        When it can't be read.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(head_bytes)
        size = Path(path).stat().st_size
    except OSError as e:
        raise SourceError(f"{path}: can't be read: {e.strerror or e}") from e
    return {"bytes": size, "head_bytes": len(head), "head_sha256": hashlib.sha256(head).hexdigest()}


def changed(path: str | Path, saved: Mapping[str, Any]) -> bool:
    """Whether a file is another one than when `saved` was its mark. One that has grown at its end is the same."""
    now = file_mark(path, saved["head_bytes"])
    return now["bytes"] < saved["bytes"] or now["head_sha256"] != saved["head_sha256"]
