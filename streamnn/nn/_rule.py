"""What the reference update rules have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ..errors import StateError
from ..network import Network
from ..network import arrays as k
from .linear_spline import LinearSpline
from .rsqrt import kernel_rsqrt
from .spline_network import SplineNetwork

f4 = np.float32


class Rule(ABC):
    """One event, one step: what the kernel does at LEARN, with gradients by autograd.

    Parameters
    ----------
    model : SplineNetwork
        Changed in place, on the CPU, in float32 or float64.
    step : float
        Step size of weights.
    layer_steps : sequence of float
        What `step` is multiplied with in each layer and in the output layer; empty is 1 everywhere.
    bend_step : float
        What a layer's step is multiplied with for its activations.
    beta : float
        Memory of the running mean squares.
    slope, row_norm, out_norm : float
        Budget; 0 is no limit.
    rsqrt : callable
        What :class:`RmsRule` takes for 1 / sqrt: :func:`kernel_rsqrt` or :func:`exact_rsqrt`.
    """

    name: str
    counts_all = False
    """Whether an input is counted beyond the events after which it is told which have moved."""
    moments: dict[str, Tensor]

    def __init__(
        self,
        model: SplineNetwork,
        step: float = 0.001,
        layer_steps: Sequence[float] = (),
        bend_step: float = 0.5,
        beta: float = 0.999,
        slope: float = 1.0,
        row_norm: float = 4.0,
        out_norm: float = 4.0,
        rsqrt: Callable[[Tensor], Tensor] = kernel_rsqrt,
    ):
        self.model, self.rsqrt, self.count = model, rsqrt, 0
        # hyper-parameters are the kernel's float32 numbers, also in float64
        layers = [step * v for v in layer_steps or (1.0,) * (len(model.bias) + 1)]
        self.steps = [float(f4(v)) for v in layers]
        self.bends = [float(f4(v * bend_step)) for v in layers[:-1]]
        self.beta, self.one_less_beta = float(f4(beta)), float(f4(1.0) - f4(beta))
        self.steepest = float(f4(slope) * k.TIGHT)
        self.row_cap, self.out_cap = float(f4(row_norm) * k.TIGHT), float(f4(out_norm) * k.TIGHT)
        self.moments = {n: torch.zeros(shape, dtype=self._dtype(n)) for n, shape in self._shapes().items()}

    @classmethod
    def of(cls, net: Network, model: SplineNetwork, **options: Any) -> Self:
        """A rule with a streaming network's hyper-parameters and running means, for its module `model`.

        Raises
        ------
        StateError
            When the network follows another rule, or its knots die or its grids move: no rule here does that.
        """
        if net.spec.tv > 0 or net.spec.follow:
            raise StateError(
                f"network {net.spec.name}: rules of streamnn.nn take no proximal step and move no grid: set tv=0, follow=False"
            )
        if net.spec.rule != cls.name:
            raise StateError(
                f"network {net.spec.name} follows the rule {net.spec.rule!r}, not {cls.name!r}: take its own rule class"
            )
        s = net.spec
        given: dict[str, Any] = {
            "step": s.step,
            "layer_steps": s.layer_steps,
            "bend_step": s.bend_step,
            "beta": s.beta,
            "slope": s.slope,
            "row_norm": s.row_norm,
            "out_norm": s.out_norm,
            **options,
        }
        rule = cls(model, **given)
        rule.load_moments(net)
        return rule

    # -- running means ------------------------------------------------------------------------------------------

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {"in_count": (len(self.model.first),)}

    def _dtype(self, name: str) -> torch.dtype:
        return torch.int64 if name == "in_count" else self.model.out.dtype

    def load_moments(self, net: Network) -> None:
        """Take over the running means and the count of learnt events of a streaming network of the same rule."""
        self.count = int(net.s["learnt"][0])
        for name, t in self.moments.items():
            theirs = net.s[name].reshape(-1)[: t.numel()] if name.startswith("table") else net.s[name]
            t.copy_(torch.from_numpy(theirs.reshape(t.shape)))

    def store_moments(self, net: Network) -> None:
        """Write the running means and the count of learnt events into a streaming network.

        Raises
        ------
        StateError
            When the network follows another rule.
        """
        if net.spec.rule != self.name:
            raise StateError(
                f"network {net.spec.name} follows the rule {net.spec.rule!r}: running means of {self.name!r} do not fit"
            )
        net.s["learnt"][0] = self.count
        for name, t in self.moments.items():
            net.s[name].reshape(-1)[: t.numel()] = t.reshape(-1).numpy()

    # -- the step -----------------------------------------------------------------------------------------------

    def step(self, row: Tensor, target: float, weight: float = 1.0, ids: Tensor | None = None) -> Tensor:
        """Learn from one event.

        Parameters
        ----------
        row : Tensor, shape (inputs,)
        target : float
            Class number or scaled target.
        weight : float
        ids : Tensor of whole numbers, shape (k,), optional
            Category rows, all different.

        Returns
        -------
        Tensor, shape (outputs,)
            The prediction before learning.
        """
        model = self.model
        model.zero_grad(set_to_none=True)
        pre, post, scores = model.layers(row[None], None if ids is None else ids[None])
        self.count += 1
        self.blend = float(max(f4(1.0) - f4(self.beta), f4(1.0) / f4(self.count)))
        for z in post:
            z.retain_grad()
        self._watch(pre, post)
        dtype = scores.dtype
        loss = model.loss_of(scores, torch.tensor([target], dtype=dtype), torch.tensor([weight], dtype=dtype))
        loss.backward()
        with torch.no_grad():
            if self.count <= k.ASLEEP_AFTER or self.counts_all:
                self.moments["in_count"] += row != 0
            self._update(row, [z[0] for z in post], ids)
            if self.count == k.ASLEEP_AFTER:  # random weights of inputs that were always 0
                model.first[self.moments["in_count"] == 0] = 0.0
            for l, spline in enumerate(model.ordered_splines()):
                self._spline(l, spline, pre[l][0], self._error(l, gradient(post[l])[0]))
            for l, slopes in enumerate(model.slopes):
                self._slope(l, slopes, pre[l][0], self._error(l, gradient(post[l])[0]))
            self._cap()
            return (scores.softmax(1) if model.classify else scores)[0].detach()

    def _watch(self, pre: list[Tensor], post: list[Tensor]) -> None:  # noqa: B027 - most rules watch nothing
        """Register what must happen on the way back."""

    def _error(self, l: int, dz: Tensor) -> Tensor:
        """Gradient of activations as the spline step of layer l uses it."""
        return dz

    @abstractmethod
    def _update(self, row: Tensor, post: list[Tensor], ids: Tensor | None) -> None:
        """Step all weights and biases, given their gradients."""

    def _biases(self) -> None:
        for step, b in zip(self.steps, self.model.bias, strict=False):
            b.sub_(step * gradient(b))

    def _ids(self, ids: Tensor | None) -> list[int]:
        known: list[int] = []
        for i in [] if ids is None else ids.tolist():
            if i < 0:
                break
            if i < len(self.model.table):
                known.append(i)
        return known

    def _slope(self, l: int, slopes: Tensor, a: Tensor, dz: Tensor) -> None:
        slopes.sub_(self.bends[l] * dz * a.clamp(max=0.0))
        if self.steepest > 0:
            slopes.clamp_(-self.steepest, self.steepest)

    def _spline(self, l: int, spline: LinearSpline, a: Tensor, dz: Tensor) -> None:
        # The two coefficients around a; far outside the grid the lever arm is held at one piece. A move that would
        # break the slope limit is shortened. A missing outer piece counts as one of slope 0, as in the kernel.
        knot, fraction = spline.locate(a)
        f = fraction.clamp(-1.0, 2.0)
        g = -self.bends[l] * dz
        u0, u1 = g * (1.0 - f), g * f
        low, high = spline.values(knot), spline.values(knot + 1)
        if self.steepest > 0:
            below = torch.where(knot > 0, spline.values((knot - 1).clamp(min=0)), low)
            above = torch.where(
                knot < spline.knots - 2, spline.values((knot + 2).clamp(max=spline.knots - 1)), high
            )
            most = self.steepest * spline.piece
            t = _shorten(torch.ones_like(a), high - low, u1 - u0, most)
            t = _shorten(t, low - below, u0, most)
            t = _shorten(t, above - high, -u1, most)
            u0, u1 = t * u0, t * u1
        unit = torch.arange(spline.units)
        spline.coefficients[unit, knot] = low + u0
        spline.coefficients[unit, knot + 1] = high + u1

    def _cap(self) -> None:
        # exact norms after every event; the kernel tracks those of hidden units and computes them every 64 events
        for w, axis, cap in [
            *((w, 0, self.row_cap) for w in (self.model.first, *self.model.hidden)),
            (self.model.out, 1, self.out_cap),
        ]:
            if cap > 0:
                square = (w * w).sum(axis, keepdim=True)
                w.mul_(torch.where(square > cap * cap, cap / square.sqrt(), torch.ones_like(square)))


def gradient(t: Tensor) -> Tensor:
    """What the last backward pass left on a tensor that it reached."""
    if t.grad is None:
        raise StateError("no gradient here: the backward pass has not reached this tensor")
    return t.grad


def _shorten(t: Tensor, s: Tensor, u: Tensor, limit: Tensor) -> Tensor:
    """The part of a change u that keeps |s + u| within limit, at most t."""
    still = u == 0
    edge = torch.where(u > 0, limit, -limit)
    r = ((edge - s) / torch.where(still, torch.ones_like(u), u)).clamp(min=0.0)
    outside = ((s + u).abs() > limit) & ~still
    return torch.where(outside & (r < t), r, t)
