"""Where the parts of an encoded row lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import SpecError

BLOCKS = ("known", "context", "x", "imputed", "means", "delays", "overdue", "residual", "lags")
"""Names of the blocks of a row, in their order; members say by them what they read."""
_PLACE = {name: i for i, name in enumerate(BLOCKS)}
AT_KNOWN, AT_CONTEXT, AT_X, AT_IMPUTED, AT_MEANS, AT_DELAYS, AT_OVERDUE, AT_RESIDUAL, AT_LAGS = range(9)
"""Places of the blocks in `Layout.offsets`, for kernels."""


@dataclass(frozen=True)
class Layout:
    """Blocks of an encoded row, in an order that makes every member's input one contiguous piece.

    ==========  =====================================================================
    known       history of labels known when the event came
    context     standardised columns less their running means over some spans
    x           standardised columns
    imputed     history of labels, unknown ones imputed by predictions
    means       mean label of the event's category values
    delays      recent delays against the usual ones, and labels overdue
    overdue     share of overdue labels of the event's category values
    residual    recent errors of the predictions that impute
    lags        the last few labels one by one, unknown ones imputed
    ==========  =====================================================================

    Each block is a table (outer, inner) that only grows, so a wider layout holds every old position.

    Parameters
    ----------
    columns : int
        Input columns that there is room for.
    context_columns : int
        How many of them have context.
    spans : int
        Spans of the context.
    history : int
        Rows of the label history (lags and running means).
    values : int
        Values of one row of it: classes, or 1 for regression.
    mean_columns : int
        Category columns that have label means.
    codes : int
        Values of a label mean: classes - 1, or 1 for regression.
    residuals : int
        Rows of these recent errors.
    lags : int
        Labels remembered one by one.
    delays : int
        Values of the block of that name, 0 for a stream without times.
    dues : int
        Times at which a label is due, 0 likewise.
    """

    columns: int
    context_columns: int
    spans: int
    history: int
    values: int
    mean_columns: int
    codes: int
    residuals: int
    lags: int = 0
    delays: int = 0
    dues: int = 0

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(outer, inner) of each block, in the order of ``BLOCKS``."""
        return (
            (self.history, self.values),
            (self.spans, self.context_columns),
            (1, self.columns),
            (self.history, self.values),
            (self.mean_columns, self.codes),
            (1, self.delays),
            (self.dues, self.mean_columns),
            (self.residuals, self.codes),
            (self.lags, self.values),
        )

    @cached_property
    def offsets(self) -> np.ndarray:
        """Start of each block, and the width of the row; int64, shape (10,)."""
        return np.cumsum([0] + [o * i for o, i in self.shapes]).astype(np.int64)

    def span(self, first: str, last: str) -> tuple[int, int]:
        """Start and stop of the piece from block `first` to block `last`, both included.

        Raises
        ------
        SpecError
            When a row has no such block.
        """
        o = self._starts
        try:
            return o[_PLACE[first]], o[_PLACE[last] + 1]
        except KeyError as error:
            raise SpecError(f"a row has no block {error}: its blocks are {', '.join(BLOCKS)}") from None

    def width(self, reads: tuple[str, str]) -> int:
        """Values of the piece from one block to another, both included."""
        start, stop = self.span(*reads)
        return stop - start

    @cached_property
    def _starts(self) -> list[int]:
        return self.offsets.tolist()

    def positions_in(self, wider: Layout) -> np.ndarray:
        """Where each position of this layout lies in a wider one; int64, increasing.

        Examples
        --------
        >>> a = Layout(2, 0, 2, 1, 2, 0, 1, 0)
        >>> b = Layout(3, 0, 2, 1, 3, 0, 2, 0)
        >>> a.positions_in(b).tolist()
        [0, 1, 3, 4, 6, 7]
        """
        out = []
        for (outer, inner), (_, wide), start in zip(self.shapes, wider.shapes, wider.offsets, strict=False):
            out.append((start + np.arange(outer)[:, None] * wide + np.arange(inner)).ravel())
        return np.concatenate(out).astype(np.int64)
