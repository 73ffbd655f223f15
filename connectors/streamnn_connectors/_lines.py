"""Reading a file line by line without losing the place: the byte offset of every line is known."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

from streamnn.errors import SourceError

_READ_BYTES = 1 << 20


def check_file(path: Path) -> None:
    """SourceError unless `path` is a file with something in it."""
    if not path.exists():
        raise SourceError(f"{path}: no such file. Check the path.")
    if not path.is_file():
        raise SourceError(f"{path} is not a file. Name one file.")
    if path.stat().st_size == 0:
        raise SourceError(f"{path} is empty. A recorded stream needs at least one record.")


class LineReader:
    """The lines of a file (plain or ``.gz``) from byte offset `byte` on, without their newline.

    A carriage return stays in the line, so that line + newline is the file again. A last line without a
    newline counts.
    """

    def __init__(self, path: Path, byte: int = 0):
        self.path = path
        self._pending: list[bytes] = []
        self._next = 0
        self._tail: list[bytes] = []
        self._byte = byte
        self._end: int | None = None
        try:
            self._file: gzip.GzipFile | io.BufferedReader = (
                gzip.open(path) if path.suffix == ".gz" else open(path, "rb")  # noqa: SIM115 (close() is ours)
            )
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            self._seek(byte)
        except (OSError, EOFError, zlib.error) as error:
            self.close()
            raise self._unreadable(error) from error
        except SourceError:
            self.close()
            raise

    @property
    def byte(self) -> int:
        """Offset of the next line, in the unpacked file."""
        return self._byte if self._end is None else min(self._byte, self._end)

    def take(self, limit: int) -> list[bytes]:
        """Between 1 and `limit` lines; none only at the end of the file."""
        if self._next == len(self._pending):
            self._refill()
        lines = self._pending[self._next : self._next + limit]
        self._next += len(lines)
        self._byte += sum(map(len, lines)) + len(lines)
        return lines

    def give_back(self, lines: list[bytes]) -> None:
        """Undo the taking of `lines`, the last ones taken."""
        self._pending = lines + self._pending[self._next :]
        self._next = 0
        self._byte -= sum(map(len, lines)) + len(lines)

    def close(self) -> None:
        self._file.close()

    def __del__(self) -> None:
        # a reader that a crash left behind gives up its file without a ResourceWarning
        if hasattr(self, "_file"):
            self._file.close()

    def _seek(self, byte: int) -> None:
        if byte == 0:
            return
        before = byte - 1
        if self._file.seek(before) != before or not (mark := self._file.read(1)):
            raise SourceError(
                f"{self.path} ends before byte {byte}, where reading was to go on. The file has changed "
                "since the checkpoint was written: start again without it."
            )
        if mark != b"\n" and self._file.read(1):
            raise SourceError(
                f"{self.path}: byte {byte}, where reading was to go on, is not the start of a line. The file "
                "has changed since the checkpoint was written: start again without it."
            )
        self._file.seek(byte)

    def _refill(self) -> None:
        self._pending, self._next = [], 0
        while True:
            try:
                # read1: of a gz file that is cut off, what can be unpacked comes before the error
                block = self._file.read1(_READ_BYTES)
            except ValueError as error:
                raise SourceError(f"{self.path}: the partition is closed. Open it again.") from error
            except (OSError, EOFError, zlib.error) as error:
                raise self._unreadable(error) from error
            cut = block.rfind(b"\n")
            if not block:
                if last := b"".join(self._tail):
                    self._pending = [last]
                    self._end = self._byte + len(last)
                self._tail = []
                return
            if cut < 0:
                self._tail.append(block)
                continue
            self._tail.append(block[:cut])
            self._pending = b"".join(self._tail).split(b"\n")
            self._tail = [block[cut + 1 :]] if cut + 1 < len(block) else []
            return

    def _unreadable(self, error: Exception) -> SourceError:
        return SourceError(
            f"{self.path} can't be read near byte {self._byte}: {error}. Is it whole, and may you read it?"
        )
