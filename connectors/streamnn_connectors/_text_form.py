"""In what encoding a file of text is, and its bytes as UTF-8 whatever it is."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, replace
from pathlib import Path

from streamnn.errors import SourceError

from ._packing import Bytes, beginning
from .base import BadRecord

LOOK_BYTES = 1 << 20
"""How much of a file is looked at for its encoding."""
BOM = b"\xef\xbb\xbf"
_MARKS = (
    (BOM, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_EITHER_END = {"utf-16": ("utf-16-le", "utf-16-be"), "utf-32": ("utf-32-le", "utf-32-be")}
"""Encodings whose byte order a mark tells."""
_WESTERN = "windows-1252"
_LETTERS = frozenset(range(0xC0, 0xFE)) | frozenset(
    b"\x80\x82\x84\x85\x8a\x8c\x8e\x91\x92\x93\x94\x95\x96\x97\x99\x9a\x9c\x9e\x9f\xa0\xa3\xa7\xa9\xab\xae\xb0\xb2\xb3"
    b"\xb4\xb5\xb7\xba\xbb\xbf"
)
"""Bytes beyond ASCII that text in Windows-1252 has: letters, quotes, dashes, currencies, degrees."""


@dataclass(frozen=True, slots=True)
class TextForm:
    """How the lines of a file are written.

    Parameters
    ----------
    encoding : str
        Name of a codec; of UTF-16 and UTF-32 with the byte order.
    returns : bool
        Whether a carriage return alone ends a line.
    note : str
        What a person should know of how it was told; empty when that is nothing.
    """

    encoding: str = "utf-8"
    returns: bool = False
    note: str = ""

    @property
    def plain(self) -> bool:
        """Whether the bytes are lines of UTF-8 as they are."""
        return self.encoding == "utf-8" and not self.returns

    def original(self, record: bytes) -> bytes:
        """The bytes that `record`, in UTF-8, has in the file."""
        if self.plain:
            return record
        if self.returns:
            record = record.replace(b"\n", b"\r")
        if self.encoding == "utf-8":
            return record
        return record.decode("utf-8", "surrogatepass").encode(self.encoding, _lossless(self.encoding))


def look_at(path: Path, declared: str = "auto") -> TextForm:
    """The form of a file: its encoding as `declared`, else by its mark, else UTF-8 or, where it is none, Windows-1252.

    Raises
    ------
    SourceError
        When there is no encoding of the name.
    """
    head = beginning(path, LOOK_BYTES)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    note = ""
    if declared != "auto":
        try:
            encoding = codecs.lookup(declared).name
        except LookupError:
            raise SourceError(
                f"{path}: there is no encoding {declared!r}. Name one such as utf-8, windows-1252 or utf-16."
            ) from None
        if encoding in _EITHER_END:
            ends = _EITHER_END[encoding]
            encoding = marked if marked in ends else ends[0]
        encoding = {"utf-8-sig": "utf-8", "ascii": "utf-8", "cp1252": _WESTERN}.get(encoding, encoding)
    elif marked is not None and _is_text(head, marked):
        encoding = marked
    elif (wide := _wide(head)) is not None:
        encoding = wide
    elif _western(head):
        encoding = _WESTERN
        note = f"{path.name} is no UTF-8 and read as Windows-1252 (Latin-1); source.options.encoding names another"
    else:
        encoding = "utf-8"
    text = head if encoding == "utf-8" else head.decode(encoding, "replace").encode("utf-8", "replace")
    return TextForm(encoding, b"\r" in text and b"\n" not in text, note)


def in_its_encoding(bad: list[BadRecord], form: TextForm) -> list[BadRecord]:
    """Bad records with the bytes that they have in the file, and its encoding in their reasons."""
    if form.plain or not bad:
        return bad
    return [
        replace(
            b, raw=form.original(b.raw), reason=b.reason.replace("invalid UTF-8", f"invalid {form.encoding}")
        )
        for b in bad
    ]


def _is_text(head: bytes, encoding: str) -> bool:
    """Whether bytes that begin with a mark have what any file of records has in the encoding."""
    text = head.decode(encoding, "replace")
    return encoding == "utf-8" or any(sign in text for sign in "\n\r,;\t{")


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: in text of the West every other byte is zero."""
    for name, at in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros = head[at:4096:2]
        if len(zeros) >= 8 and zeros.count(0) > 0.7 * len(zeros) and head[1 - at : 4096 : 2].count(0) == 0:
            return name
    return None


def _western(head: bytes) -> bool:
    """Whether bytes that are no UTF-8 are text all the same, rather than damage in text that is UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
        return False
    except UnicodeDecodeError:
        pass
    beyond = [ord(c) for c in head.decode("utf-8", "surrogateescape") if c > "\x7f"]
    invalid = [code - 0xDC00 for code in beyond if 0xDC80 <= code <= 0xDCFF]
    likely = sum(byte in _LETTERS for byte in invalid)
    return len(invalid) > len(beyond) - len(invalid) and likely >= 0.9 * len(invalid)


def _lossless(encoding: str) -> str:
    return "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else ROUND_TRIP


ROUND_TRIP = "streamnn-round-trip"
"""How bytes that an encoding does not know go through text and come out again."""


def _kept(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes without a meaning: control characters as in Latin-1 for Windows-1252, lone surrogates for others."""
    if isinstance(error, UnicodeDecodeError):
        spared = error.object[error.start : error.end]
        base = 0 if error.encoding in ("charmap", "cp1252", _WESTERN) else 0xDC00
        return "".join(chr(base + b) for b in spared), error.end
    assert isinstance(error, UnicodeEncodeError)
    return bytes(ord(c) & 0xFF for c in error.object[error.start : error.end]), error.end


codecs.register_error(ROUND_TRIP, _kept)


class Recoded:
    """The bytes of `file` as UTF-8, lines ended by a newline."""

    def __init__(self, file: Bytes, form: TextForm):
        self._file = file
        self._returns = form.returns
        self._decoder = (
            None
            if form.encoding == "utf-8"
            else codecs.getincrementaldecoder(form.encoding)(_lossless(form.encoding))
        )

    def read1(self, size: int) -> bytes:
        while True:
            block = self._file.read1(size)
            out = block
            if self._decoder is not None:
                try:
                    text = self._decoder.decode(block, final=not block)
                except UnicodeDecodeError as error:  # half a character at the end
                    text = error.object[error.start :].decode("latin-1").translate(_AS_SURROGATES)
                    self._decoder.reset()
                out = text.encode("utf-8", "surrogatepass")
            if out or not block:
                return out.replace(b"\r", b"\n") if self._returns else out

    def close(self) -> None:
        self._file.close()


_AS_SURROGATES = {b: 0xDC00 + b for b in range(256)}
