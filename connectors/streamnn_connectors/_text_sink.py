"""What the line-by-line sinks share: append, buffer, fsync, and cut off a torn end."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, Any

from streamnn.errors import SinkError

from ._columns import Columns, check_lengths, check_positions
from .files import sync_folder

_DRAIN_BYTES = 4 << 20
TAIL_BYTES = 1 << 16


def cannot_write(path: Path, error: OSError) -> SinkError:
    return SinkError(
        f"{path} can't be written: {error.strerror or error}. Check that its folder exists, that you may "
        "write there and that the disk is not full."
    )


def closed_sink(path: Path) -> SinkError:
    return SinkError(f"{path}: the sink is closed. Make a new one to write more.")


class TextSink(ABC):
    """A file that grows at its end. What is written waits in memory until 4 MiB are there, or flush."""

    def __init__(self, path: str | os.PathLike[str]):
        self._path = Path(path)
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._file: IO[bytes] | None = None
        try:
            new = not self._path.exists()
            self._file = open(self._path, "a+b", buffering=0)  # noqa: SIM115 (close() is ours)
            if new:
                sync_folder(self._path.parent)
            # a device such as /dev/null has nothing to recover and can't be synced
            self._regular = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
            size = self._file.seek(0, os.SEEK_END) if self._regular else 0
            end, self._committed = self._recover(self._file, size) if self._regular else (0, -1)
            if end < size:
                self._file.truncate(end)
                os.fsync(self._file.fileno())
        except OSError as error:
            self._release()
            raise cannot_write(self._path, error) from error
        except SinkError:
            self._release()
            raise
        self._last = self._committed

    def committed(self) -> int:
        return self._committed

    def write(self, records: list[dict[str, Any]]) -> None:
        if records:
            self._add(
                check_positions([r.get("position") for r in records], self._last, str(self._path)),
                self._encode(records),
            )

    def write_columns(self, columns: Columns) -> None:
        """Append records given as one array or list a field, ``position`` among them."""
        if check_lengths(columns, str(self._path)):
            last = check_positions(columns["position"], self._last, str(self._path))
            self._add(last, self._encode_columns(columns))

    def flush(self, timeout_s: float | None = None) -> None:
        """On return everything written is on disk. A write to a file can't be called off: no time limit."""
        self._drain()
        if self._file is not None and self._regular:
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                raise cannot_write(self._path, error) from error
        self._committed = self._last

    def close(self) -> None:
        if self._file is not None:
            try:
                self.flush()
            finally:
                self._release()

    def __del__(self) -> None:
        # a sink that a crash left behind: its file is given up, what waits is lost as in a real crash
        self._release()

    @abstractmethod
    def _encode(self, records: list[dict[str, Any]]) -> bytes:
        """Whole lines."""

    @abstractmethod
    def _encode_columns(self, columns: Columns) -> bytes:
        """The same lines as of the records."""

    @abstractmethod
    def _recover(self, file: IO[bytes], size: int) -> tuple[int, int]:
        """Where the last whole record ends, and its position (-1 when there is none)."""

    def _foreign(self, what: str) -> SinkError:
        return SinkError(
            f"{self._path} already holds something else: {what}. Name another path or remove the file."
        )

    def _add(self, last: int, encoded: bytes) -> None:
        if self._file is None:
            raise closed_sink(self._path)
        self._last = last
        self._buffer.append(encoded)
        self._buffered += len(encoded)
        if self._buffered >= _DRAIN_BYTES:
            self._drain()

    def _drain(self) -> None:
        if self._file is None or not self._buffer:
            return
        rest = memoryview(b"".join(self._buffer))
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise cannot_write(self._path, error) from error
        finally:
            # what a full disk did not take stays here, so that a later flush goes on at the right byte
            self._buffer = [bytes(rest)] if rest else []
            self._buffered = len(rest)

    def _release(self) -> None:
        file, self._file = getattr(self, "_file", None), None
        if file is not None:
            file.close()
