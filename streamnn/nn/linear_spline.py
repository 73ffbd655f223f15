"""One learnable linear spline per unit, or per channel of a map."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import SpecError

_WITHIN = 0.999  # share of a slope limit used, as in the kernel, so that rounding never exceeds it


class LinearSpline(nn.Module):
    """Activations that are linear splines, learnt as coefficients of triangular B-splines (Bohra et al. 2020).

    A coefficient is the value at its knot; outside the grid the first and last piece go on. Starts as leaky ReLU
    with slope 0.01. The buffers `piece`, `per_step` (1 over that) and `offset` hold each unit's grid: knot i lies at
    (i - offset) * piece.

    Units lie on the second axis of a batch and axes after it are positions, so a map's channel has one spline for all
    its places.

    Parameters
    ----------
    units : int
        Or channels.
    knots : int
        Coefficients of a unit, odd, at least 3.
    range : float
        The grid reaches from -range to range at the start.

    Raises
    ------
    SpecError
        When a size is out of its range.

    Examples
    --------
    >>> LinearSpline(2)(torch.tensor([[-2.0, 0.5]])).tolist()
    [[-0.0199999..., 0.5]]
    >>> LinearSpline(2)(torch.ones(1, 2, 28, 28)).shape
    torch.Size([1, 2, 28, 28])
    """

    per_step: Tensor
    piece: Tensor
    offset: Tensor

    def __init__(self, units: int, knots: int = 21, range: float = 4.0):
        super().__init__()
        if knots < 3 or knots % 2 == 0:
            raise SpecError(f"LinearSpline: knots is {knots!r}: allowed is an odd number of at least 3")
        if not range > 0:
            raise SpecError(f"LinearSpline: range is {range!r}: allowed is a number above 0")
        self.units, self.knots, self.range = units, knots, float(range)
        piece = 2.0 * self.range / (knots - 1)
        for name, value in (("per_step", 1.0 / piece), ("piece", piece), ("offset", knots // 2)):
            self.register_buffer(name, torch.full((units,), float(value)))
        x = (torch.arange(knots, dtype=torch.float64) - knots // 2) * piece
        ramp = torch.where(x > 0, x, 0.01 * x)
        self.coefficients = nn.Parameter(ramp.repeat(units, 1).to(torch.get_default_dtype()))

    def locate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The knot left of each x (the first or the last but one outside the grid), and how far behind it x lies.

        Parameters
        ----------
        x : Tensor, shape (n, units, ...) or (units,)

        Returns
        -------
        knot : Tensor of int64, shape of x
        fraction : Tensor, shape of x
            In pieces; below 0 and above 1 only outside the grid.
        """
        u = x * _along(self.per_step, x) + _along(self.offset, x)
        with torch.no_grad():  # comparisons written so that NaN goes to the first piece
            v = torch.where(u > 0, u, torch.zeros_like(u))
            knot = torch.where(v < self.knots - 1.5, v, torch.full_like(v, self.knots - 1.5)).long()
        return knot, u - knot

    def values(self, knot: Tensor) -> Tensor:
        """Coefficients at knots, shape (n, units, ...) or (units,) in and out."""
        first = torch.arange(self.units, device=knot.device) * self.knots
        return self.coefficients.reshape(-1)[_along(first, knot) + knot]

    def forward(self, x: Tensor) -> Tensor:
        """Each unit's spline at its x, shape (n, units, ...) or (units,) in and out."""
        knot, fraction = self.locate(x)
        low = self.values(knot)
        return low + fraction * (self.values(knot + 1) - low)

    def slopes(self) -> Tensor:
        """Slope of each piece, shape (units, knots - 1)."""
        return self.coefficients.diff(dim=1) * self.per_step[:, None]

    def kinks(self) -> Tensor:
        """Change of slope at each inner knot, shape (units, knots - 2): the weights of the spline's ReLU form."""
        return self.coefficients.diff(n=2, dim=1) * self.per_step[:, None]

    def tv2(self) -> Tensor:
        """Second-order total variation of each unit, the sum of its kinks' sizes."""
        return self.kinks().abs().sum(1)

    def bv2(self) -> Tensor:
        """BV(2) norm of each unit: TV(2) + |value at 0| + |value at 1|."""
        x = torch.zeros(2, self.units, dtype=self.coefficients.dtype, device=self.coefficients.device)
        x[1] = 1.0
        return self.tv2() + self(x).abs().sum(0)

    def lipschitz(self) -> Tensor:
        """Steepest slope of each unit, which is its Lipschitz constant."""
        return self.slopes().abs().amax(1)

    @torch.no_grad()
    def project_(self, slope: float) -> None:
        """Clip the slopes of units that are too steep, keeping the mean of their coefficients.

        The cheap projection of Ducotterd et al. (2024), not the Euclidean one; units within the limit keep their
        bits.

        Parameters
        ----------
        slope : float
            Largest slope allowed; 0 is no limit.
        """
        if slope <= 0:
            return
        steep = self.lipschitz() > slope
        old = self.coefficients[steep].double()
        limit = (slope * _WITHIN) * self.piece[steep, None].double()
        new = torch.cat([torch.zeros_like(old[:, :1]), old.diff(dim=1).clamp(-limit, limit).cumsum(1)], 1)
        self.coefficients[steep] = (new + (old - new).mean(1, keepdim=True)).to(self.coefficients.dtype)

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        return f"{self.units}, knots={self.knots}, range={self.range:g}"


def _along(v: Tensor, x: Tensor) -> Tensor:
    # numbers of units, so that they meet the axis of x on which units lie
    return v.reshape(-1, *(1,) * (x.dim() - 2))
