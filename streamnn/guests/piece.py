"""Which positions of the row a guest reads: those of the columns and label values that its network was made for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..features.layout import Layout


@dataclass(frozen=True)
class Piece:
    """The piece of a row that a network reads, as it was when the network was made; rows may be wider by now.

    A row is widened for a whole chunk at once, and torch adds up wider rows in another order. So a network takes a
    column in when it first differs from 0, which depends on the stream alone.

    Parameters
    ----------
    reads : tuple of str
        First and last block.
    columns, values : int
        Columns and values of a label that the network was made for.
    """

    reads: tuple[str, str]
    columns: int
    values: int

    def places_in(self, layout: Layout) -> np.ndarray:
        """Where its inputs lie in the piece of a row that is laid out so; int64, increasing.

        Examples
        --------
        >>> Piece(("context", "x"), 2, 2).places_in(Layout(3, 3, 2, 1, 2, 0, 1, 0)).tolist()
        [0, 1, 3, 4, 6, 7]
        """
        own = self._narrowed(layout)
        start, stop = own.span(*self.reads)
        return own.positions_in(layout)[start:stop] - layout.span(*self.reads)[0]

    def places_of(self, older: Piece, layout: Layout) -> tuple[np.ndarray, int]:
        """Where the inputs of an older piece lie among the inputs of this one, and how many these are."""
        own = self._narrowed(layout)
        return older.places_in(own), own.width(self.reads)

    def _narrowed(self, layout: Layout) -> Layout:
        return replace(
            layout,
            columns=self.columns,
            context_columns=min(self.columns, layout.context_columns),
            values=self.values,
        )
