"""One curve of a chart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(slots=True)
class Line:
    """One curve.

    Parameters
    ----------
    name : str
        In the legend and the read-out.
    values : ndarray of float, shape (n,)
        One value a point of the x axis; NaN leaves a gap.
    tone : str
        CSS class that gives the colour: ``pool``, ``plain``, ``last``, ``linear``, ``limit``, ``s0`` to ``s7``.
    kind : str
        ``"percent"`` or ``"number"``.

    Examples
    --------
    >>> import numpy as np
    >>> Line("pool", np.zeros(3), "pool").kind
    'number'
    """

    name: str
    values: np.ndarray
    tone: str
    kind: str = "number"
