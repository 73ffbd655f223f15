"""Packed files, told by their first bytes and not by their names, read as what was packed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

import pyarrow as pa

from streamnn.errors import SourceError

PACKED_SUFFIXES = (".gz", ".bgz", ".bz2", ".xz", ".lzma", ".zst", ".zstd", ".lz4", ".zip")
"""What the names of packed files end with, behind the suffix of their format."""
UNPACK_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException)
"""What reading may raise."""
_TAR_AT = slice(257, 262)


class Bytes(Protocol):
    """A file that is read onward."""

    def read1(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


def _arrow(codec: str) -> Callable[[Path], Bytes]:
    return lambda path: pa.CompressedInputStream(pa.OSFile(str(path)), codec)


def _zip(path: Path) -> Bytes:
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX/")]
        if "xl/workbook.xml" in names:
            raise SourceError(f"{path} is a spreadsheet, not a table of text. Save the sheet as CSV.")
        if len(names) != 1:
            shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            raise SourceError(
                f"{path} holds {len(names)} files ({shown}); one can be read. Unpack it into a folder and name that."
            )
        return cast(Bytes, archive.open(names[0]))


_MAGIC: tuple[tuple[bytes, Callable[[Path], Bytes]], ...] = (
    (b"\x1f\x8b", gzip.GzipFile),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    (b"\x5d\x00\x00", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", _arrow("zstd")),
    (b"\x04\x22\x4d\x18", _arrow("lz4")),
    (b"PK\x03\x04", _zip),
)
"""First bytes and who unpacks what they begin."""


def opened(path: Path) -> tuple[Bytes, bool]:
    """The file `path`, unpacked where it is packed, and whether it is plain: then going to a place costs nothing.

    Raises
    ------
    SourceError
        When it can't be opened, or is an archive of several files.
    """
    with open(path, "rb", buffering=0) as file:
        begins = file.read(300)
    for magic, unpack in _MAGIC:
        if begins.startswith(magic):
            return unpack(path), False
    if begins[_TAR_AT] == b"ustar":
        raise SourceError(f"{path} is an archive of files. Unpack it into a folder and name that.")
    return open(path, "rb"), True


def beginning(path: Path, size: int) -> bytes:
    """The first `size` bytes, unpacked; what comes before the end or a fault, when that is sooner."""
    found = b""
    try:
        file, _ = opened(path)
        try:
            while len(found) < size and (block := file.read1(size - len(found))):
                found += block
        finally:
            file.close()
    except UNPACK_ERRORS:
        pass
    return found


def bare_name(path: Path) -> str:
    """The name of a file without what says how it is packed.

    >>> bare_name(Path("a/orders.csv.bz2")), bare_name(Path("orders.CSV"))
    ('orders.csv', 'orders.CSV')
    """
    name = path.name
    while name.lower().endswith(PACKED_SUFFIXES):
        name = name[: name.rindex(".")]
    return name or path.name
