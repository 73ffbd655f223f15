"""Steps scaled by each weight's running mean square."""

from __future__ import annotations

from torch import Tensor

from ._rule import Rule, gradient


class RmsRule(Rule):
    """Each weight's step is divided by the root of the running mean square of its gradient; biases take plain steps.

    The means of a first-layer weight move only when its input is not 0, those of a category row only when it
    occurs; they start at 0 and are not corrected for that, as in the kernel.

    In float32 one step of any rule agrees with the kernel's to a few units in the last place of the weights. Over
    ten thousand events of a calm stream predictions then stay within 1e-5 of the kernel's; where the steps are so
    large that training is chaotic, a rounding that moves one event to the other side of a knot sends the two ways
    apart, and only their losses stay alike.

    Parameters
    ----------
    model : SplineNetwork
        Changed in place, on the CPU, in float32 or float64.
    step : float
        Step size of weights.
    spline_step : float, optional
        Step size of coefficients, a tenth of `step` if not given.
    beta : float
        Memory of the running mean squares.
    slope, row_norm, out_norm : float
        Budget; 0 is none.
    rsqrt : callable
        :func:`streamnn.nn.kernel_rsqrt`, or :func:`streamnn.nn.exact_rsqrt`, with which steps differ from the
        kernel's by up to 0.2 %.

    Examples
    --------
    >>> import torch
    >>> from streamnn.nn import SplineNetwork
    >>> rule = RmsRule(SplineNetwork(2, 2, (16,)))
    >>> rule.step(torch.ones(2), 1).shape
    torch.Size([2])
    """

    name = "rms"

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        m = self.model
        return {
            "first_2": tuple(m.first.shape),
            "table_2": tuple(m.table.shape),
            "hidden_2": (sum(w.numel() for w in m.hidden),),
            "out_2": tuple(m.out.shape),
        }

    def _move(self, w: Tensor, w2: Tensor, g: Tensor) -> None:
        # w and w2 are changed in place
        w2.copy_(self.beta * w2 + (self.one_less_beta * g) * g)
        w.sub_((self.step_size * g) * self.rsqrt(w2 + 1e-8))

    def _update(self, row: Tensor, post: list[Tensor], ids: Tensor | None) -> None:
        m, s = self.model, self.moments
        self._biases()
        m.out_bias.sub_(self.step_size * gradient(m.out_bias))
        self._move(m.out, s["out_2"], gradient(m.out))
        at = 0
        for w in m.hidden:
            self._move(w, s["hidden_2"][at : at + w.numel()].view_as(w), gradient(w))
            at += w.numel()
        for i in row.nonzero()[:, 0].tolist():
            self._move(m.first[i], s["first_2"][i], gradient(m.first)[i])
        for i in self._ids(ids):
            self._move(m.table[i], s["table_2"][i], gradient(m.table)[i])
