"""Files of machine code that processes which compile at the same time do not take from each other.

numba numbers the files of a function by what its index lists. Of two processes that compile it for different types at
the same moment both take the same number, and the index that is written last names machine code of the other's types:
who loads that calls it with arrays it was not made for. Here a file is named after what it is for. At worst a line of
the index is lost, and the function is compiled once more.
"""

from __future__ import annotations

import hashlib
from typing import Any

from numba.core.caching import IndexDataCacheFile


class Files(IndexDataCacheFile):
    """Index and machine code of one function."""

    def save(self, key: Any, data: Any) -> None:
        """Keep machine code for the types and the processor that `key` tells."""
        stem, told = self._index_name.removesuffix(".nbi"), hashlib.sha256(repr(key).encode()).hexdigest()
        self._data_name_pattern = f"{stem}.{told[:16]}.{{number:d}}.nbc"
        super().save(key, data)


def kept_apart(compiled: Any) -> Any:
    """A function of numba whose files are named so; one that has no files is given back as it is."""
    files = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if files is not None:
        files.__class__ = Files
    return compiled
