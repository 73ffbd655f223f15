"""A column of raw bytes as pixels, one column each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from streamnn.errors import SourceError

READ_PIXELS = 1 << 22
"""Pixels decoded at a time: a column each costs more memory than the bytes that they come from."""
_SAYS_IMAGE = "image"
"""Name of the column, and `kind` in the metadata, of a file that says of itself that it holds images."""


class Pixels:
    """Turns the images of a batch into columns ``p0``, ``p1``, ..., a channel after the other, row by row.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    column : str
        Name of the column of bytes: one byte a value, row by row, the channels of a pixel side by side.
    shape : tuple of int
        Height and width, and the number of channels where there are several.

    Examples
    --------
    >>> import pyarrow as pa
    >>> two = pa.RecordBatch.from_pydict({"image": pa.array([b"abcd", b"abc"]), "y": [0, 1]})
    >>> rows, wrong = Pixels("a.parquet", "image", (1, 2, 2)).spread(two)
    >>> rows.slice(0, 1).to_pylist(), wrong
    ([{'y': 0, 'p0': 97, 'p1': 99, 'p2': 98, 'p3': 100}], {1: "column 'image' has 3 bytes; an image of 1x2x2 has 4"})
    """

    def __init__(self, name: str, column: str, shape: Sequence[int]):
        self.name, self.column, self.shape = name, column, tuple(shape)
        self.size = math.prod(self.shape)
        self.columns = [f"p{i}" for i in range(self.size)]

    @property
    def rows(self) -> int:
        """How many images are decoded at a time."""
        return max(1, READ_PIXELS // self.size)

    def check(self, schema: pa.Schema) -> None:
        """See that the column of a schema holds such images.

        Raises
        ------
        SourceError
            Where bytes are of another length, or the name of a pixel is taken.
        """
        kind = schema.field(self.column).type
        if pt.is_fixed_size_binary(kind) and kind.byte_width != self.size:
            raise SourceError(
                f"{self.name}: {self._wrong(kind.byte_width)}. Option image_shape says the shape."
            )
        taken = sorted(set(self.columns) & set(schema.names))
        if taken:
            raise SourceError(
                f"{self.name}: has a column {taken[0]!r}, which is the name of a pixel. Rename it."
            )

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """That of what :meth:`spread` gives."""
        others = [field for field in schema if field.name != self.column]
        return pa.schema([*others, *(pa.field(name, pa.uint8()) for name in self.columns)])

    def spread(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[int, str]]:
        """A batch with pixels instead of images, and why the images at some rows are none.

        Where there is no image, or a wrong one, its pixels are null.
        """
        cells = batch.column(self.column)
        wrong: dict[int, str] = {}
        there = np.ones(len(cells), bool)
        values: list[bytes] = []
        for i, cell in enumerate(cells.to_pylist()):
            there[i] = cell is not None and len(cell) == self.size
            if there[i]:
                values.append(cell)
            elif cell is not None:
                wrong[i] = self._wrong(len(cell))
        pixels = np.zeros((len(cells), self.size), np.uint8)
        found = np.frombuffer(b"".join(values), np.uint8).reshape(len(values), *self.shape)
        if len(self.shape) == 3:
            found = np.moveaxis(found, 3, 1)
        pixels[there] = found.reshape(len(values), self.size)
        by_pixel = np.ascontiguousarray(pixels.T)
        absent = None if there.all() else ~there
        others = [n for n in batch.schema.names if n != self.column]
        columns: list[Any] = [batch.column(n) for n in others]
        columns += [pa.array(values, mask=absent) for values in by_pixel]
        return pa.RecordBatch.from_arrays(columns, names=[*others, *self.columns]), wrong

    def _wrong(self, length: int) -> str:
        shape = "x".join(map(str, self.shape))
        return f"column {self.column!r} has {length:,} bytes; an image of {shape} has {self.size:,}"


def pixels_of(name: str, schema: pa.Schema, about: dict[str, Any], image: str, shape: str) -> Pixels | None:
    """What decodes the images of a file; None where it has none.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    schema : pyarrow.Schema
    about : dict
        What the file says of itself: ``kind`` "image" and ``shape``.
    image, shape : str
        The same as options, which count first: name of the column, and such as "28x28" or "32x32x3".

    Raises
    ------
    SourceError
        When they do not fit the file.
    """
    said = about.get("kind") == _SAYS_IMAGE and _SAYS_IMAGE in schema.names
    column = image or (_SAYS_IMAGE if said else "")
    if not column:
        if shape:
            raise SourceError(f"{name}: option image_shape goes with image, the name of a column of bytes.")
        return None
    if column not in schema.names:
        raise SourceError(
            f"{name}: has no column {column!r} of images. Option image names it: {', '.join(schema.names[:30])}."
        )
    kind = schema.field(column).type
    if not (pt.is_fixed_size_binary(kind) or pt.is_binary(kind) or pt.is_large_binary(kind)):
        raise SourceError(
            f"{name}: column {column!r} is {kind}, not bytes. Store an image as its raw values, a byte each."
        )
    sides: Any = shape.lower().split("x") if shape else about.get("shape") if said else None
    if sides is None and pt.is_fixed_size_binary(kind):
        sides = [1, kind.byte_width]
    try:
        found = [int(side) for side in sides]
    except (TypeError, ValueError):
        found = []
    if len(found) not in (2, 3) or min(found) < 1:
        told = f"{shape!r} is no shape" if shape else "the shape of its images is not known"
        raise SourceError(f"{name}: {told}. Option image_shape is height x width, such as 28x28 or 32x32x3.")
    pixels = Pixels(name, column, found)
    pixels.check(schema)
    return pixels
