"""Plain steps."""

from __future__ import annotations

from torch import Tensor

from ._rule import Rule, gradient


class SgdRule(Rule):
    """Weights less step times gradient, within the budget. Parameters as in the other rules: see :class:`RmsRule`.

    Examples
    --------
    >>> import torch
    >>> from streamnn.nn import SplineNetwork
    >>> rule = SgdRule(SplineNetwork(2, 2, (16,)), step=0.1)
    >>> before = rule.step(torch.ones(2), 1)
    >>> bool(rule.model(torch.ones(1, 2))[0, 1] > before[1])
    True
    """

    name = "sgd"

    def _update(self, row: Tensor, post: list[Tensor], ids: Tensor | None) -> None:
        m = self.model
        self._biases()
        steps = self.steps
        for step, w in zip((*steps, steps[-1]), (m.first, *m.hidden, m.out, m.out_bias), strict=True):
            w.sub_(step * gradient(w))
        for i in self._ids(ids):
            m.table[i] -= steps[0] * gradient(m.table)[i]
