"""However many input columns there are, four scalars that show when one of them changes."""

from __future__ import annotations

import numpy as np

from ..stage import Stage, grown
from ._columns import C_LAST, C_REPEATS, COLUMN_FIGURES, scan

FEATURE_SIGNALS = ("feature place", "feature spread", "feature pairs", "feature worst")


class FeatureWatch(Stage):
    """Four scalars of each row of inputs.

    Columns are standardised by means and deviations of their own (memory 20,000 values, outliers count as four
    deviations off).

    - ``"feature place"``: sum of the columns, each with a fixed sign, over the root of their number.
    - ``"feature spread"``: mean square of the columns.
    - ``"feature pairs"``: sum of products of neighbouring number columns, each with the sign of its mean product in
      the first 200 values, over the root of their number.
    - ``"feature worst"``: of the column that behaves least like itself, how much: the nats of its run of one value
      or of missing ones, against how often the column repeats itself; of the mean of its last 32 or so values, or of
      their width, against how these wandered before; over the larger of 14 nats and 1.5 times the column's own
      record. So it is its own test: from 1 on (for three events) it is an alarm. A tag says which column it is, and
      what: 4 * column + 1 (it died), + 2 (another unit), + 3 (its values moved). One column in a thousand is not
      drowned.

    All begin at the 700th row; columns are watched one by one from their 500th value on, and
    their statistics begin again when they have stood out for 500 events or were constant before. Text columns count for runs only.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((600, 3))
    >>> x[550:, 2] = 0.25  # it died
    >>> watch = FeatureWatch()
    >>> watch.grow([False] * 3)
    >>> values, tags = np.zeros((4, 600)), np.zeros(600, np.int32)
    >>> watch.scan(np.zeros(600, np.int8), x, values, tags)
    >>> divmod(int(tags[570]), 4)
    (2, 1)
    """

    def __init__(self) -> None:
        super().__init__("features")
        self.s = {
            "columns": np.zeros((0, COLUMN_FIGURES)),
            "text": np.zeros(0, np.bool_),
            "seen": np.zeros(1, np.int64),
        }

    def grow(self, text: list[bool]) -> None:
        """Make room for columns; for each, whether it holds text."""
        old, s = len(self.s["text"]), self.s
        s["columns"] = grown(s["columns"], len(text), COLUMN_FIGURES)
        s["columns"][old:, C_REPEATS], s["columns"][old:, C_LAST] = 0.5, -1e300
        s["text"] = grown(s["text"], len(text))
        s["text"][:] = text

    def scan(self, op: np.ndarray, x: np.ndarray, values: np.ndarray, tags: np.ndarray) -> None:
        """Rows of the OBSERVE operations among `op`.

        Parameters
        ----------
        op : ndarray of int8, shape (m,)
        x : ndarray of float64, shape (n, columns)
            NaN is missing.
        values : ndarray of float64, shape (4, m)
            Where the scalars go.
        tags : ndarray of int32, shape (m,)
            Where the tags go; 0: no column stands out.
        """
        scan(op, x, self.s["text"], self.s["columns"], self.s["seen"], values, tags)
