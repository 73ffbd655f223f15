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
    layer_steps : sequence of float
        What `step` is multiplied with in each layer and in the output layer; empty is 1 everywhere.
    bend_step : float
        What a layer's step is multiplied with for its activations.
    beta : float
        Memory of the running mean squares.
    slope, row_norm, out_norm : float
        Budget; 0 is no limit.
    rsqrt : callable
        :func:`streamnn.nn.kernel_rsqrt`, or :func:`streamnn.nn.exact_rsqrt`, with which steps differ from the
        kernel's by up to 3.5 %.

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
        return super()._shapes() | {
            "first_2": tuple(m.first.shape),
            "table_2": tuple(m.table.shape),
            "hidden_2": (sum(w.numel() for w in m.hidden),),
            "out_2": tuple(m.out.shape),
        }

    def _move(self, step: float, w: Tensor, w2: Tensor, g: Tensor) -> None:
        # w and w2 are changed in place
        w2.copy_(self.beta * w2 + (self.one_less_beta * g) * g)
        w.sub_((step * g) * self.rsqrt(w2 + 1e-8))

    def _update(self, row: Tensor, post: list[Tensor], ids: Tensor | None) -> None:
        m, s, steps = self.model, self.moments, self.steps
        self._biases()
        m.out_bias.sub_(steps[-1] * gradient(m.out_bias))
        self._move(steps[-1], m.out, s["out_2"], gradient(m.out))
        at = 0
        for step, w in zip(steps[1:], m.hidden, strict=False):
            self._move(step, w, s["hidden_2"][at : at + w.numel()].view_as(w), gradient(w))
            at += w.numel()
        for i in row.nonzero()[:, 0].tolist():
            self._move(steps[0], m.first[i], s["first_2"][i], gradient(m.first)[i])
        for i in self._ids(ids):
            self._move(steps[0], m.table[i], s["table_2"][i], gradient(m.table)[i])
