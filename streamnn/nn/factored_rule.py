"""Inputs and errors of a layer, each divided by its running root mean square."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ._rule import Rule, f4, gradient


class FactoredRule(Rule):
    """Outer products of scaled inputs and scaled errors, with two numbers per unit instead of one per weight.

    The scaled error is what goes on to the layer below, so this is no gradient of any loss. Category rows take the
    scaled error times 1. Parameters as in :class:`RmsRule`; `rsqrt` is not used, the kernel's roots are exact here.

    Examples
    --------
    >>> import torch
    >>> from streamnn.nn import SplineNetwork
    >>> rule = FactoredRule(SplineNetwork(2, 2, (16,)))
    >>> rule.step(torch.ones(2), 1).shape
    torch.Size([2])
    """

    name = "factored"
    counts_all = True
    _scale: list[Tensor]

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        m = self.model
        units, inputs = sum(len(b) for b in m.bias), len(m.first)
        return super()._shapes() | {
            "in_moment": (inputs,),
            "z_moment": (units,),
            "d_moment": (units,),
            "o_moment": (len(m.out),),
        }

    def _of(self, moment: str, l: int) -> Tensor:
        # the piece of a per-unit moment that belongs to layer l
        at = sum(len(b) for b in self.model.bias[:l])
        return self.moments[moment][at : at + len(self.model.bias[l])]

    def _watch(self, pre: list[Tensor], post: list[Tensor]) -> None:
        self._scale = [torch.empty(0)] * len(pre)

        def scaled(l: int) -> Callable[[Tensor], Tensor]:
            def hook(d: Tensor) -> Tensor:
                q = self._of("d_moment", l)
                q += self.blend * (d[0] * d[0] - q)
                self._scale[l] = 1.0 / (q.sqrt() + 1e-4)
                return d * self._scale[l]

            return hook

        for l, a in enumerate(pre):
            a.register_hook(scaled(l))

    def _error(self, l: int, dz: Tensor) -> Tensor:
        return dz * self._scale[l]

    def _update(self, row: Tensor, post: list[Tensor], ids: Tensor | None) -> None:
        m, s, steps = self.model, self.moments, self.steps
        o = gradient(m.out_bias)  # the error of the scores
        s["o_moment"] += self.blend * (o * o - s["o_moment"])
        o = o / (s["o_moment"].sqrt() + 1e-3)
        m.out_bias.sub_(steps[-1] * o)
        root = []
        for l, z in enumerate(post):
            q = self._of("z_moment", l)
            q += self.blend * (z * z - q)
            root.append(q.sqrt() + 1e-2)
        m.out.sub_((steps[-1] * o)[:, None] * (post[-1] / root[-1]))
        for l, w in enumerate(m.hidden):
            w.sub_(steps[l + 1] * gradient(w) / root[l][:, None])
        self._biases()
        for i in row.nonzero()[:, 0].tolist():
            b = max(self.one_less_beta, float(f4(1.0) / f4(int(s["in_count"][i]))))
            s["in_moment"][i] += b * (row[i] * row[i] - s["in_moment"][i])
            m.first[i] -= steps[0] * gradient(m.first)[i] / (s["in_moment"][i].sqrt() + 1e-2)
        for i in self._ids(ids):
            m.table[i] -= steps[0] * gradient(m.table)[i]
