"""Shares and an index as buffers of a module, learnt by the steps of the compiled networks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..permutations.host import alone, settle_alone
from ..permutations.places import INDEX, OPEN, STATE_AT, TRIAL, Tables
from ..permutations.reopening import Reopening, is_committed, named_reopening, reopen
from ..permutations.schedule import Start

_TABLE_FIELDS = Tables._fields


class Shares(nn.Module):
    """What :class:`LearnedShuffle` and :class:`LearnedGrouping` have in common.

    All that it learns lies in buffers, none in parameters: an optimiser does not see it. Gradients of the shares are
    added up as they come, and :meth:`after_label` steps.
    """

    whole: Tensor
    fixed: Tensor
    slow: Tensor
    slow_g: Tensor
    counters: Tensor

    def __init__(self, start: Start) -> None:
        super().__init__()
        for name, array in zip(_TABLE_FIELDS, alone(start), strict=True):
            self.register_buffer(name, torch.from_numpy(array))
        self.rows, self.columns = (int(v) for v in start.whole[:2])
        self._rounded = False

    @property
    def committed(self) -> bool:
        """Whether it is an index, which costs what a fixed order costs."""
        return is_committed(0, self._tables())

    @property
    def index(self) -> Tensor:
        """What the index is now: the input of every place, or the group of every input."""
        return self.counters[INDEX : INDEX + self.rows]

    def shares(self) -> Tensor:
        """Shares, shape (inputs, places or groups); their gradients are added up for the next step."""
        m = self.slow[: self.rows * self.columns].view(self.rows, self.columns)
        if torch.is_grad_enabled():
            m = m.detach().requires_grad_()
            m.register_hook(self._add)
        return m

    def soft(self) -> bool:
        """Whether shares are what counts now."""
        return not self._rounded and int(self.counters[STATE_AT]) in (OPEN, TRIAL)

    def after_label(self, again: Callable[[], float]) -> None:
        """Call it for every label that was learnt, after the step of the optimiser if there was one.

        Parameters
        ----------
        again : callable
            The loss of that label by the network as it is now, without dropout. It is called twice while the rounding
            is on trial, otherwise not at all.
        """
        soft_loss = rounded_loss = 0.0
        if int(self.counters[STATE_AT]) == TRIAL:
            soft_loss = float(again())
            self._rounded = True
            try:
                rounded_loss = float(again())
            finally:
                self._rounded = False
        if self.soft():
            tables = self._tables()
            committed = settle_alone(tables, soft_loss, rounded_loss)
            self._put(tables)
            if committed:
                self.commit()

    def commit(self) -> None:
        """What is to be done as the index takes the shares' place."""

    def reopen(self, how: str | Reopening = "part") -> None:
        """Learn a committed order again; see :data:`streamnn.permutations.reopening.REOPENINGS`."""
        tables = self._tables()
        if is_committed(0, tables):
            reopen(0, tables, named_reopening(how))
            self._put(tables)

    def _add(self, gradient: Tensor) -> None:
        self.slow_g[: gradient.numel()] += gradient.reshape(-1)

    def _tables(self) -> Tables:
        kinds = (torch.int64, torch.float32, torch.float32, torch.float32, torch.int64)
        return Tables(
            *(getattr(self, f).to("cpu", kind).numpy() for f, kind in zip(_TABLE_FIELDS, kinds, strict=True))
        )

    def _put(self, tables: Tables) -> None:
        # buffers elsewhere or of another precision were copied
        for name in ("slow", "slow_g", "counters"):
            buffer, array = getattr(self, name), torch.from_numpy(getattr(tables, name))
            if buffer.data_ptr() != array.data_ptr():
                buffer.copy_(array)
