"""What the name of a recorded stream stands for: files, in their order."""

from __future__ import annotations

import glob
import os
import re
import shutil
import sys
import tempfile
import urllib.parse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from streamnn.errors import SourceError

from ._remote import fetched, file_name, is_remote

STANDARD_INPUT = "-"
"""Names what comes on standard input."""
_BLOCK_BYTES = 1 << 20
_PIECES = re.compile(r"(\d+)")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_DONE_WITH = (".crc", ".md5", ".sha256", ".tmp")
"""Suffixes of what engines write beside the parts of a table."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file, and what the folders on the way to it say of its records.

    Parameters
    ----------
    path : Path
    keys : dict of str to (str or None)
        Of folders such as ``country=DE``.
    temporary : bool
        Whether it is a copy in a folder of its own, to be removed when nobody needs it any more.
    """

    path: Path
    keys: dict[str, str | None] = field(default_factory=dict)
    temporary: bool = False

    def remove(self) -> None:
        """Take a temporary copy away."""
        shutil.rmtree(self.path.parent, ignore_errors=True)


def is_pattern(name: str) -> bool:
    """Whether a name has the signs ``* ? [`` and is no file."""
    return glob.has_magic(name) and not Path(name).exists()


def places_of(name: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[Place]:
    """The files of a name.

    Parameters
    ----------
    name : path, or sequence of paths
        A file; a folder, whose files are taken in the natural order of their names (part-2 before part-10), those of
        its folders too, without those whose names begin with ``.`` or ``_``; a pattern such as ``orders/*.csv``;
        ``-``, standard input, which is copied to a temporary file first; or ``http://``, ``https://``, ``s3://``,
        ``gs://``, ``az://``, likewise. ``~`` is the home folder.

    Raises
    ------
    SourceError
        When there is nothing of the name.
    MissingPackage
        When it lies in an object store and the package for these is not installed.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> for part in ("part-10.csv", "part-2.csv", "_SUCCESS"):
    ...     _ = (folder / part).write_text("x,y")
    >>> [p.path.name for p in places_of(folder)]
    ['part-2.csv', 'part-10.csv']
    """
    if not isinstance(name, str | os.PathLike):
        if not name:
            raise SourceError("no file is named: the list of paths is empty.")
        return [place for each in name for place in places_of(each)]
    text = os.fspath(name)
    if text == STANDARD_INPUT:
        return [_standard_input()]
    if is_remote(text):
        return [_fetched(text)]
    path = Path(text).expanduser()
    if is_pattern(str(path)):
        found = [Path(p) for p in glob.glob(str(path), recursive=True) if Path(p).is_file()]
        if not found:
            raise SourceError(f"{text}: no file fits the pattern. Check it, and put it into quotes.")
        return [Place(p) for p in sorted(found, key=_natural)]
    if path.is_dir():
        found = [p for p in path.rglob("*") if p.is_file() and not _hidden(p.relative_to(path))]
        if not found:
            raise SourceError(f"{text}: the folder has no files.")
        return [Place(p, _keys(p.relative_to(path))) for p in sorted(found, key=_natural)]
    return [Place(path)]


def _natural(path: Path) -> list[list[tuple[int, int | str]]]:
    return [
        [(0, int(piece)) if piece.isdecimal() else (1, piece) for piece in _PIECES.split(part) if piece]
        for part in path.parts
    ]


def _hidden(path: Path) -> bool:
    left_out = any(part.startswith((".", "_")) for part in path.parts)
    return left_out or path.name.endswith(_DONE_WITH)


def _keys(path: Path) -> dict[str, str | None]:
    pairs = [part.partition("=") for part in path.parts[:-1]]
    return {
        name: None if value == _NO_VALUE else urllib.parse.unquote(value)
        for name, sign, value in pairs
        if sign
    }


def _standard_input() -> Place:
    return _copied("standard input", "stdin", iter(partial(sys.stdin.buffer.read, _BLOCK_BYTES), b""))


def _fetched(url: str) -> Place:
    return _copied("what is fetched", file_name(url), fetched(url))


def _copied(what: str, name: str, blocks: Iterable[bytes]) -> Place:
    """A temporary copy, which is gone again where it can't be made whole."""
    copy = Place(Path(tempfile.mkdtemp(prefix="streamnn-")) / name, temporary=True)
    try:
        with open(copy.path, "wb") as file:
            file.writelines(blocks)
    except BaseException as error:
        copy.remove()
        if isinstance(error, OSError):
            raise SourceError(
                f"{copy.path}: the copy of {what} can't be written: {error.strerror or error}. The environment variable "
                "TMPDIR names another folder for it."
            ) from error
        raise
    return copy
