"""The streaming network as a torch module."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import SpecError
from ..network import Certificate, Functions, Network, NetworkSpec, certify
from ..network.arrays import KNOT_RANGE, KNOTS
from ..network.spec import ACTIVATIONS
from . import _exchange
from .linear_spline import _WITHIN, LinearSpline


class SplineNetwork(nn.Module):
    """The function of :class:`streamnn.network.Network`, batched and differentiable.

    Dense layers, the first also fed by a sum of category rows; a linear spline or a relative of ReLU per unit; a softmax or
    value head.

    Parameters
    ----------
    inputs : int
        Width of a row.
    outputs : int
        Classes, or 1.
    hidden : sequence of int
        Units of each layer, multiples of 16, as streaming networks store them.
    classify : bool
    activation : {"spline", "relu", "leaky_relu", "prelu"}
        As in :class:`streamnn.network.NetworkSpec`.
    category_rows : int
        Rows of the category table.
    seed : int
        Of the starting weights.
    knots, range : int, float
        Of each spline, from -range to range.

    Raises
    ------
    SpecError
        When a size or a name is not allowed.

    Examples
    --------
    >>> model = SplineNetwork(4, 3, hidden=(32, 16))
    >>> model(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: Sequence[int] = (64,),
        classify: bool = True,
        activation: str = "spline",
        category_rows: int = 0,
        seed: int = 0,
        knots: int = KNOTS,
        range: float = KNOT_RANGE,
    ):
        super().__init__()
        if not hidden or any(h < 16 or h % 16 for h in hidden):
            raise SpecError(
                f"SplineNetwork: hidden is {tuple(hidden)!r}: allowed are layers of multiples of 16 units"
            )
        if activation not in ACTIVATIONS:
            raise SpecError(
                f"SplineNetwork: activation is {activation!r}: allowed are {', '.join(ACTIVATIONS)}"
            )
        self.classify, self.activation = classify, activation
        random = torch.Generator().manual_seed(seed)

        def draw(rows: int, columns: int, sd: float) -> nn.Parameter:
            return nn.Parameter((torch.rand(rows, columns, generator=random) * 2.0 - 1.0) * (sd * 3.0**0.5))

        self.first = draw(inputs, hidden[0], (2.0 / max(inputs, 1)) ** 0.5)
        self.table = nn.Parameter(torch.zeros(category_rows, hidden[0]))
        self.hidden = nn.ParameterList(draw(a, b, (2.0 / a) ** 0.5) for a, b in pairwise(hidden))
        self.bias = nn.ParameterList(nn.Parameter(torch.zeros(h)) for h in hidden)
        self.splines = nn.ModuleList(LinearSpline(h, knots, range) for h in hidden if activation == "spline")
        self.slopes = nn.ParameterList(
            nn.Parameter(torch.full((h,), 0.25)) for h in hidden if activation == "prelu"
        )
        self.out = draw(outputs, hidden[-1], 0.1 / hidden[-1] ** 0.5)
        self.out_bias = nn.Parameter(torch.zeros(outputs))

    def ordered_splines(self) -> list[LinearSpline]:
        """The activations of each layer, first to last; none where units are no splines."""
        return [cast(LinearSpline, s) for s in self.splines]

    # -- evaluation ---------------------------------------------------------------------------------------------

    def layers(self, rows: Tensor, ids: Tensor | None = None) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Everything computed on the way: pre-activations and activations of each layer, and the scores.

        Parameters
        ----------
        rows : Tensor, shape (n, inputs)
        ids : Tensor of whole numbers, shape (n, k), optional
            Category rows to add; the first negative one ends an event's list, rows the table lacks add nothing.
        """
        first = rows @ self.first + self.bias[0]
        if ids is not None and ids.shape[1] and len(self.table):
            here = (ids >= 0).cumprod(1) * (ids < len(self.table))
            first = first + (self.table[ids.clamp(0, len(self.table) - 1).long()] * here[..., None]).sum(1)
        pre, post = [first], [self._activate(0, first)]
        for l, w in enumerate(self.hidden, 1):
            pre.append(post[-1] @ w + self.bias[l])
            post.append(self._activate(l, pre[-1]))
        return pre, post, post[-1] @ self.out.T + self.out_bias

    def _activate(self, l: int, a: Tensor) -> Tensor:
        if self.activation == "spline":
            out: Tensor = self.splines[l](a)
            return out
        if self.activation == "prelu":
            return torch.where(a > 0, a, a * self.slopes[l])
        return F.leaky_relu(a, 0.01 if self.activation == "leaky_relu" else 0.0)

    def scores(self, rows: Tensor, ids: Tensor | None = None) -> Tensor:
        """Logits or values, shape (n, outputs): what the certificate speaks of."""
        return self.layers(rows, ids)[2]

    def forward(self, rows: Tensor, ids: Tensor | None = None) -> Tensor:
        """Class probabilities or values, shape (n, outputs), as the streaming network predicts them."""
        scores = self.scores(rows, ids)
        return scores.softmax(1) if self.classify else scores

    def loss(
        self, rows: Tensor, target: Tensor, ids: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """The loss whose gradient the kernel follows, summed over events: log loss, or Huber's with its bend at 1.

        Parameters
        ----------
        target : Tensor, shape (n,)
            Class numbers or scaled targets.
        weight : Tensor, shape (n,), optional
        """
        return self.loss_of(self.scores(rows, ids), target, weight)

    def loss_of(self, scores: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Loss of scores that are already there; see :meth:`loss`."""
        if self.classify:
            each = F.cross_entropy(scores, target.long(), reduction="none")
        else:
            each = F.huber_loss(scores[:, 0], target.to(scores.dtype), reduction="none")
        return each.sum() if weight is None else (each * weight).sum()

    # -- slope --------------------------------------------------------------------------------------------------

    def lipschitz_bound(self) -> Tensor:
        """Differentiable bound of the l2 slope from rows to scores: the product of spectral norms and steepest pieces.

        Equal to ``Network.certificate(...).product`` up to rounding; in float64 whatever the weights are.
        """
        bound = torch.ones((), dtype=torch.float64, device=self.out.device)
        for w in (self.first, *self.hidden, self.out):
            bound = bound * (torch.linalg.matrix_norm(w.double(), ord=2) if w.numel() else 0.0)
        for spline in self.ordered_splines():
            bound = bound * spline.lipschitz().amax().double()
        for slopes in self.slopes:
            bound = bound * slopes.abs().amax().clamp(min=1.0).double()
        return bound

    def functions(self) -> Functions:
        """The activation functions of all units, as :meth:`streamnn.network.Network.functions` gives them."""
        if self.splines:
            c, piece, offset = (
                np.concatenate([_exchange.array(getattr(s, name)).astype(np.float64) for s in self.splines])
                for name in ("coefficients", "piece", "offset")
            )
            return Functions(-offset * piece, piece, c)
        below = (
            np.concatenate([_exchange.array(v).astype(np.float64) for v in self.slopes])
            if self.slopes
            else np.full(sum(len(b) for b in self.bias), np.float32(0.01 * (self.activation == "leaky_relu")))
        )
        return Functions.two_slopes(below)

    def certificate(self, rows: Tensor) -> Certificate:
        """Bound and attacked slope, computed as for the streaming network; see :meth:`streamnn.network.Network.certificate`."""
        first, hidden, out, bias = (
            _exchange.array(self.first),
            [_exchange.array(w) for w in self.hidden],
            _exchange.array(self.out),
            np.concatenate([_exchange.array(b) for b in self.bias]),
        )
        return certify(first, hidden, out, bias, self.functions(), rows.detach().cpu().numpy())

    @torch.no_grad()
    def project_(self, spec: NetworkSpec) -> None:
        """Move the weights into the Lipschitz budget of a spec; what lies within keeps its bits.

        Parameters
        ----------
        spec : NetworkSpec
            Its `slope`, `row_norm` and `out_norm` count; 0 is no limit.
        """
        for spline in self.ordered_splines():
            spline.project_(spec.slope)
        for slopes in self.slopes:
            if spec.slope > 0 and slopes.abs().max() > spec.slope:
                slopes.clamp_(-spec.slope * _WITHIN, spec.slope * _WITHIN)
        for w, axis, cap in [
            *((w, 0, spec.row_norm) for w in (self.first, *self.hidden)),
            (self.out, 1, spec.out_norm),
        ]:
            if cap > 0:
                norm = w.double().norm(dim=axis, keepdim=True)
                w.mul_(torch.where(norm > cap, cap * _WITHIN / norm, 1.0).to(w.dtype))

    # -- exchange -----------------------------------------------------------------------------------------------

    @classmethod
    def from_network(cls, net: Network, dtype: torch.dtype = torch.float32) -> SplineNetwork:
        """A module with a streaming network's weights, bit for bit in float32 and exactly in float64.

        Examples
        --------
        >>> net = Network(NetworkSpec("example", (16,)), inputs=3, outputs=2, classify=True, seed=0)
        >>> SplineNetwork.from_network(net).out.shape
        torch.Size([2, 16])
        """
        s, spec = net.s, net.spec
        rows = net.used.get("table", len(s["table"]))
        model = cls(
            len(s["first"]),
            len(s["out"]),
            net.sizes,
            _exchange.classifies(net),
            spec.activation,
            rows,
            knots=spec.knots,
            range=spec.range,
        ).to(dtype)
        _exchange.read(net, model)
        return model

    def load_into(self, net: Network, rule: _exchange.RunningMeans | None = None) -> None:
        """Write the weights into a streaming network of the same shape, bit for bit from float32.

        Parameters
        ----------
        net : Network
        rule : rule of :mod:`streamnn.nn`, optional
            Its running means go with the weights; without it those of `net` stay as they are, and an input that is 0 in
            its first 64 learnt events loses its weights. An ``RmsRule`` run over
            the last offline rows with ``step=0`` has measured them: without them its first steps are many times too
            large.

        Raises
        ------
        StateError
            When a size differs or the weights are outside the budget of ``net.spec``. Nothing has been changed then.
        """
        _exchange.write(self, net, rule)

    def to_network(
        self, spec: NetworkSpec, seed: int = 0, member: int = 0, rule: _exchange.RunningMeans | None = None
    ) -> Network:
        """A new streaming network with these weights.

        Parameters
        ----------
        spec : NetworkSpec
            Its `hidden` and `activation` must be those of this module.
        seed, member : int
            See :class:`streamnn.network.Network`.
        rule : rule of :mod:`streamnn.nn`, optional
            See :meth:`load_into`.

        Raises
        ------
        StateError
            When the spec does not fit or the weights are outside its budget.
        """
        net = Network(spec, len(self.first), len(self.out), self.classify, seed, member)
        net.grow(np.arange(len(self.first)), len(self.first), len(self.out), len(self.table))
        self.load_into(net, rule)
        return net
