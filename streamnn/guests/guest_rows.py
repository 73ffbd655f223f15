"""What a torch guest reads of events: rows, windows of them, and those that wait for their micro-batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..features.layout import Layout
from ..features.schema import room_for
from ..members.member import Leaves, Room
from ..stage import grown
from ..state import Arrays
from .embedding import Embedding
from .guest import Guest
from .piece import Piece

f4 = np.float32


class GuestRows:
    """Events as the inputs of a guest's module, in the order of the module's inputs.

    Parameters
    ----------
    guest : Guest
    name : str
        Prefix of its arrays of pending events.
    arrays : dict of str to ndarray
        Receives what outlives an event: ``recent``, the rows before the next one; ``held/...``, labelled events that
        wait for their micro-batch; and the embedding's.
    room : Room

    Attributes
    ----------
    raw : ndarray of float32, shape (inputs,) or (window, inputs)
        The event last read, without what its names add to it.
    ids : ndarray of int32
        Its names.
    """

    def __init__(self, guest: Guest, name: str, arrays: Arrays, room: Room) -> None:
        self._guest, self._name, self._s = guest, name, arrays
        self.piece = Piece(guest.reads, room.layout.columns, room.values)
        self.layout = room.layout
        self._used = len(self.piece.places_in(room.layout))
        if guest.batch > 1:
            arrays["held/row"] = np.zeros((guest.batch, *self.shape), f4)
            arrays["held/names"] = np.full((guest.batch, max(room.layout.columns, 1)), -1, np.int32)
            arrays["held/target"] = np.zeros(guest.batch, f4)
            arrays["held/weight"] = np.zeros(guest.batch, f4)
        if guest.window > 1:
            arrays["recent"] = np.zeros((guest.window - 1, self.inputs), f4)
        self.embedding = Embedding(arrays, guest.lr, self.inputs)
        self.open(room.layout)

    @property
    def inputs(self) -> int:
        """How many there are; 1 at least."""
        return max(self._used, 1)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an event."""
        return (self._guest.window, self.inputs) if self._guest.window else (self.inputs,)

    def leaves(self, room: Room) -> Leaves:
        """The window of a pending event, and the columns and label values for which it was written."""
        if not self._guest.window:
            return {}
        width = max(room.layout.width(self._guest.reads), 1)
        return {
            f"{self._name}.window": (f4, (self._guest.window, width)),
            f"{self._name}.width": (np.int64, (2,)),
        }

    def open(self, layout: Layout) -> None:
        """Rows are laid out so now."""
        self.layout = layout
        places = self.piece.places_in(layout)
        self._used = n = len(places)
        self._places: Any = slice(0, n) if n and places[-1] == n - 1 else places
        self._unread = layout.columns - self.piece.columns
        self.raw, self.ids = np.zeros(self.shape, f4), np.zeros(0, np.int32)
        if "held/names" in self._s:
            had = self._s["held/names"]
            self._s["held/names"] = grown(had, len(had), max(layout.columns, 1), fill=-1)

    def widen(self, columns: int, values: int) -> np.ndarray:
        """Read more. Returns where the inputs there were lie among those there are now."""
        older, self.piece = self.piece, Piece(self._guest.reads, columns, values)
        self._used = len(self.piece.places_in(self.layout))
        places, _ = self.piece.places_of(older, self.layout)
        if not len(places):  # there was one input that was always 0
            places = np.zeros(1, np.int64)
        for leaf in ("recent", "held/row", "table", "table2"):
            if leaf in self._s:
                old = self._s[leaf]
                self._s[leaf] = np.zeros((*old.shape[:-1], self.inputs), f4)
                self._s[leaf][..., places] = old
        self._s["sizes"][:2] = columns, values
        self.open(self.layout)
        return places

    def columns_for(self, row: np.ndarray) -> int:
        """How many columns are to be read, now that there is this row; as many as are, if it brings nothing new."""
        had = self.piece.columns
        new = np.flatnonzero(row[len(row) - self._unread :]).tolist() if self._unread else []
        return min(room_for(had + new[-1] + 1, had), self.layout.columns) if new else had

    def read(self, rows: np.ndarray, store: Arrays, slot: int) -> None:
        """Read the event in a slot that comes now; `rows` are all slots' pieces of the row."""
        last = self.raw
        if self._guest.window:
            if self._guest.window > 1:
                last[:-1] = self._s["recent"]
            last = last[-1]
        last[: self._used] = rows[slot, self._places]
        self.ids = store["names"][slot]

    def keep(self, store: Arrays, slot: int) -> None:
        """Keep the window of what was read for its label, and its row for the windows to come."""
        if not self._guest.window:
            return
        store[f"{self._name}.window"][slot, :, : self.inputs] = self.raw
        store[f"{self._name}.width"][slot] = self.piece.columns, self.piece.values
        if self._guest.window > 1:
            recent = self._s["recent"]
            recent[:-1] = recent[1:].copy()
            recent[-1] = self.raw[-1]

    def read_again(self, rows: np.ndarray, store: Arrays, slot: int) -> None:
        """Read a pending event as it was."""
        if not self._guest.window:
            self.read(rows, store, slot)
            return
        columns, values = store[f"{self._name}.width"][slot].tolist()
        if (columns, values) == (self.piece.columns, self.piece.values):
            self.raw[...] = store[f"{self._name}.window"][slot, :, : self.inputs]
            self.ids = store["names"][slot]
            return
        places, _ = self.piece.places_of(Piece(self._guest.reads, columns, values), self.layout)
        self.raw[...] = 0.0
        self.raw[:, places] = store[f"{self._name}.window"][slot, :, : len(places)]
        self.ids = store["names"][slot]

    def hold(self, place: int, target: float, weight: float) -> None:
        """Put what was read, with its label, at a place of the micro-batch."""
        s = self._s
        s["held/row"][place], s["held/names"][place] = self.raw, self.ids
        s["held/target"][place], s["held/weight"][place] = target, weight

    def with_names(self, out: np.ndarray) -> None:
        """Write what was read, with what its names add."""
        self.embedding.add(self.raw, self.ids, out)
