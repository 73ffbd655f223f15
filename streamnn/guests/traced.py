"""A torch module whose passes are recorded once and replayed, by one kernel or as TorchScript graphs. Imports torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from .draws import own_draws
from .eager import Eager
from .graphs import graph_of, replayed
from .making import random_rows
from .replay import Replay
from .tape import NotKnown

CLOSE = {"rtol": 1e-4, "atol": 1e-5}
"""How near a replayed pass must be to torch's own on the same rows."""
_SCALES = (0.0, 1.0, 4.0)


class NotTraced(Exception):
    """A module can't be recorded; says why."""


class Traced(Eager):
    """As :class:`Eager`, without Python and autograd between the operations of a pass.

    Where every operation has a kernel of ours and the network is small, one call replays a way forward and back with
    the optimiser's step: see :class:`streamnn.guests.replay.Replay`. Otherwise TorchScript's interpreter replays them.

    The way forward, and the way forward and back, are recorded on rows of one shape. A module whose operations depend
    on the values it reads would be recorded as it was for those: so the passes are compared with torch's own on
    other rows first.

    Parameters
    ----------
    *args
        As for :class:`Eager`.

    Raises
    ------
    NotTraced
        When it can't be recorded, or does not compute what torch computes.
    """

    road = "traced"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        if not self.on_cpu:
            raise NotTraced(f"it computes on {self.guest.device!r}")
        if self.facts.two_modes:
            raise NotTraced("it draws random numbers or keeps statistics as it learns")
        if self._settling:
            raise NotTraced(
                f"it holds a {type(self._settling[0]).__name__}, which becomes another thing as it learns"
            )
        others = {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}
        tensors = {**self.parameters, **others}  # those that are learnt come first
        self._names, self._flat = list(tensors), [t.detach() for t in tensors.values()]
        self._asked, self._said = b"", (_NONE, _NONE)
        self._replay: Replay | None = None
        self.reason = ""
        """Why TorchScript replays it; empty if one kernel does."""
        with own_draws(0), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that torch.jit is deprecated, and what tracers say of constants
            self.reason = self._in_one_kernel(tensors)
            if not self.reason:
                return
            try:
                self._record()
                reason = self._disagreement()
            except Exception as error:
                raise NotTraced(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}") from error
        if reason:
            raise NotTraced(reason)

    def _in_one_kernel(self, tensors: dict[str, Tensor]) -> str:
        """Have one kernel replay it, if it computes what torch computes; or say why it does not."""
        samples, learnt = self._samples(1.0), len(self.parameters)
        try:
            self._replay = Replay(self.guest, tensors, learnt, *self._passes(), samples, self.together)
            reason = self._disagreement()
        except NotKnown as what:
            reason = f"it has {what}"
        except Exception as error:  # torch can't record it in small operations
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
        if self._replay is None or reason:
            self._replay = None
            return reason
        self._replay.take(self._arrays, tensors, self.guest, self._started)
        return ""

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`Eager.predict`; of rows that were the last asked for, with no step since, what was answered then."""
        if self._replay is not None:
            return self._replay.predict(x)
        asked = x.tobytes()
        if asked != self._asked:
            self._said, self._asked = super().predict(x), asked
        return self._said

    def learn(
        self, x: np.ndarray, y: np.ndarray, w: np.ndarray, by_row: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """As :meth:`Eager.learn`."""
        self._asked = b""
        if self._replay is None or not self._replay.steps:
            return super().learn(x, y, w, by_row)
        found = self._replay.learn(x, y, w, by_row)
        self._keep_within()
        return found

    def _forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        if self._replay is not None:
            p, z = (torch.from_numpy(a) for a in self._replay.predict(rows.numpy()))
        else:
            p, z = replayed(self._say, *self._flat, rows)
        return p, z

    def _backward(self, rows: Tensor, y: Tensor, w: Tensor, by_row: bool) -> list[Tensor | None]:
        if self._replay is not None:
            back = self._replay.backward(rows.numpy(), y.numpy(), w.numpy(), by_row)
            return [None if a is None else torch.from_numpy(a) for a in back]
        found = iter(replayed(self._graphs[by_row], *self._flat, rows, y, w))
        return [next(found) if there else None for there in self._there[by_row]]

    def _samples(self, scale: float) -> tuple[Tensor, Tensor, Tensor]:
        n, inputs = self.guest.batch, self.inputs
        y = torch.randint(0, 2, (n,)) if self.classify else torch.randn(n)
        return scale * random_rows(self.guest, n, inputs), y, torch.rand(n)

    def _passes(self) -> tuple[Callable[..., Any], Callable[..., list[Tensor | None]]]:
        """The way forward, and forward and back, as functions of all tensors."""
        k = len(self.parameters)

        def call(flat: Sequence[Tensor]) -> Callable[[Tensor], Tensor]:
            named = dict(zip(self._names, flat, strict=True))
            return lambda rows: functional_call(self.module, named, (rows,))

        def forward(*args: Tensor) -> tuple[Tensor, Tensor]:
            with torch.no_grad():
                return self._passed(call(args[:-1]), args[-1])

        def backward(by_row: bool, *args: Tensor) -> list[Tensor | None]:
            *flat, rows, y, w = args
            flat[:k] = [p.detach().requires_grad_(True) for p in flat[:k]]
            return self._passed_back(call(flat), flat[:k], rows, y, w, by_row)

        return forward, backward

    def _record(self) -> None:
        rows, y, w = self._samples(1.0)
        forward, backward = self._passes()
        self._there: dict[bool, list[bool]] = {}

        def found(by_row: bool, *args: Tensor) -> list[Tensor]:
            each = backward(by_row, *args)
            self._there[by_row] = [g is not None for g in each]
            return [g for g in each if g is not None]

        self._say = graph_of(forward, *self._flat, rows[: self.together])
        self._graphs = {
            by_row: graph_of(partial(found, by_row), *self._flat, rows, y, w) for by_row in (False, True)
        }

    def _disagreement(self) -> str:
        """What differs from torch's own passes, on rows of other sizes and signs; empty if nothing does."""
        for scale in _SCALES:
            rows, y, w = self._samples(scale)
            few = rows[: self.together]
            pairs = [*zip(super()._forward(few), self._forward(few), strict=True)]
            for by_row in (False, True):
                pairs += [
                    (want, got)
                    for want, got in zip(
                        super()._backward(rows, y, w, by_row), self._backward(rows, y, w, by_row), strict=True
                    )
                    if want is not None and got is not None
                ]
            off = [
                float((a - b).abs().max())
                for a, b in pairs
                if not torch.allclose(a, b, equal_nan=True, **CLOSE)
            ]
            if off:
                return f"its recorded passes differ from torch's by {max(off):.2g} on other rows: it depends on values"
        return ""


_NONE = np.zeros(0, np.float32)
