"""Reading a file line by line without losing the place: the byte offset of every line is known."""

from __future__ import annotations

import io
from pathlib import Path

from streamnn.errors import SourceError

from ._packing import UNPACK_ERRORS, Bytes, opened
from ._text_form import BOM, Recoded, TextForm

_READ_BYTES = 1 << 20
UTF_8 = TextForm()


def check_file(path: Path) -> None:
    """SourceError unless `path` is a file with something in it."""
    if not path.exists():
        raise SourceError(f"{path}: no such file. Check the path.")
    if not path.is_file():
        raise SourceError(f"{path} is not a file. Name one file.")
    if path.stat().st_size == 0:
        raise SourceError(f"{path} is empty. A recorded stream needs at least one record.")


class LineReader:
    """The lines of a file from byte offset `byte` on, in UTF-8 and without their newline.

    A carriage return stays in the line, so that line + newline is the file again; a byte order mark is none of it.
    A last line without a newline counts. Offsets are those of the file, unpacked and as UTF-8.
    """

    def __init__(self, path: Path, byte: int = 0, form: TextForm = UTF_8):
        self.path = path
        self.form = form
        self._pending: list[bytes] = []
        self._next = 0
        self._tail: list[bytes] = []
        self._byte = byte
        self._end: int | None = None
        self._closed = False
        self._ahead = b""
        try:
            file, plain = opened(path)
        except UNPACK_ERRORS as error:
            raise self._unreadable(error) from error
        self._file: Bytes = file if form.plain else Recoded(file, form)
        try:
            self._go_to(byte, file if plain and form.plain and isinstance(file, io.BufferedReader) else None)
        except UNPACK_ERRORS as error:
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
        self._closed = True
        self._file.close()

    def __del__(self) -> None:
        # a reader that a crash left behind gives up its file without a ResourceWarning
        if hasattr(self, "_file"):
            self._file.close()

    def _go_to(self, byte: int, seekable: io.BufferedReader | None) -> None:
        if byte == 0:
            head = self._file.read1(_READ_BYTES)
            if head.startswith(BOM):
                self._byte, head = len(BOM), head[len(BOM) :]
            self._ahead = head
            return
        before = byte - 1
        if seekable is not None:
            seekable.seek(before)
        else:
            while before and (block := self._file.read1(_READ_BYTES)):
                self._ahead = block[before:]
                before -= min(before, len(block))
        if not (mark := self._read()):
            raise SourceError(
                f"{self.path} ends before byte {byte}, where reading was to go on. The file has changed "
                "since the checkpoint was written: start again without it."
            )
        self._ahead = mark[1:] or self._read()
        if mark[:1] != b"\n" and self._ahead:
            raise SourceError(
                f"{self.path}: byte {byte}, where reading was to go on, is not the start of a line. The file "
                "has changed since the checkpoint was written: start again without it."
            )

    def _refill(self) -> None:
        if self._closed:
            raise SourceError(f"{self.path}: the partition is closed. Open it again.")
        self._pending, self._next = [], 0
        while True:
            try:
                block = self._read()
            except UNPACK_ERRORS as error:
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

    def _read(self) -> bytes:
        """What was read ahead, else more of the file; empty at its end."""
        ahead, self._ahead = self._ahead, b""
        # read1: of a file that is cut off, what can be unpacked comes before the error
        return ahead or self._file.read1(_READ_BYTES)

    def _unreadable(self, error: Exception) -> SourceError:
        return SourceError(
            f"{self.path} can't be read near byte {self._byte}: {error}. Is it whole, and may you read it?"
        )
