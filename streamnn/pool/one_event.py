"""Single events through a pool's stages, without Python between them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._kernels.jit import recorded
from .._kernels.program import Program
from ..alarms._scan import scan as _watch
from ..features.encoder import Encoder
from ..features.inputs import LOOK
from ..features.inputs import _scan as _encode
from ..members.segment import Segment
from ..types import LEARN, OBSERVE, Alarm
from .reaction import PACE
from .recent import EVERY
from .watched import fill_signals

if TYPE_CHECKING:
    from .scan import Frame

f4 = np.float32


class Steps:
    """Looks at a row, and steps that observe a row and learn its label at once.

    The calls that a pool's stages make for such a chunk are recorded once, over arrays of this object's own, and
    run as a program. So the kernels and the bits are those of a chunk, and what a stage does between its kernel
    calls must not depend on the chunk's contents. Programs are recorded anew when a stage has other arrays.

    Parameters
    ----------
    pool : Frame
        Has seen an event.
    """

    def __init__(self, pool: Frame) -> None:
        self._pool = pool
        self._grown = -1
        self._until = 0  # the event from which on there are more members
        self._arrays: list[Any] = []
        self._encoder = Encoder(pool.schema)
        self.slot = int(pool.pending_.take(1)[0])
        self._ticket = np.zeros(2, np.int64)
        self._y = np.zeros(2, np.int64 if pool.classify else np.float64)
        self._weight, self._target = np.ones(2, f4), np.zeros(2, f4)
        self._now = np.full(2, np.nan)
        self._put_ticket = struct.Struct("qq").pack_into
        self._renew()

    def look(self, x: Mapping[Any, Any]) -> np.ndarray | None:
        """The pool's answer to a row, :meth:`Frame._answer`; None if the row must go the long way."""
        pool = self._pool
        if (
            pool._grown != self._grown
            or pool.events == self._until
            or self._rows is not pool.pending_.a["row"]
        ):
            self._renew()
        if not self._encoder.write(x, False):
            return None
        self._look.run()
        return self._answer

    def learn(self, x: Mapping[Any, Any], y: float, w: float) -> list[Alarm] | None:
        """Observe a row and learn label `y`, a class number or a target; None if it must go the long way.

        The label is known to be allowed, and there is room for a pending event.
        """
        pool = self._pool
        if (
            pool._grown != self._grown
            or pool.events == self._until
            or self._rows is not pool.pending_.a["row"]
        ):
            self._renew()
        t = pool.events
        if pool.reaction is not None and t % PACE == PACE - 1:
            return None
        if not self._encoder.write(x, True):
            return None
        self._put_ticket(self._ticket.data, 0, t, t)
        self._y[1] = y
        if pool.classify:
            self._target[1] = y
        self._weight[1] = w
        self._book.fill(0.0)
        alarms: list[Alarm] = []
        stop = self._learn.run()
        while stop is not None:
            if stop.kernel is _encode:  # there are more category rows
                pool._widen()
                if pool._grown != self._grown:
                    self._renew()
            else:
                fired = self._learn.answers(_watch)[0]
                alarms += pool.monitor.report(self._stretch, fired, pool.schema.names)
            stop = self._learn.run(stop.place)
        pool.events = t + 1
        if pool.reaction is not None:
            pool.reaction.note(alarms)
        if t % EVERY == 0:
            pool.recent.take(t, self._rows, np.array([self.slot]))
        return alarms

    def _renew(self) -> None:
        """Record programs where stages have other arrays than when it was done last."""
        pool = self._pool
        self._grown = pool._grown
        arrays: list[Any] = [pool.layout, *pool.pending_.a.values(), *pool.density._state]
        for stage in pool._stage_list():
            arrays += stage.s.values()
        until = min((b for b in pool.begins if b > pool.events), default=-1)
        if (
            until == self._until
            and len(arrays) == len(self._arrays)
            and all(map(_same, arrays, self._arrays))
        ):
            return
        self._arrays, self._until = arrays, until
        self._ticket[:] = pool.events
        self._rows = pool.pending_.a["row"]
        if self._encoder.columns != len(pool.schema.names):
            self._encoder = Encoder(pool.schema)
        self._book = np.zeros((2, pool.ledger.width))
        self._look = Program(self._record(np.array([LOOK], np.int8)))
        self._answer = pool._answer(self.slot)
        calls = self._record(np.array([OBSERVE, LEARN], np.int8))
        self._learn = Program(calls, (_encode, _watch))

    def _record(self, op: np.ndarray) -> list[Any]:
        pool, m = self._pool, len(op)
        slot = np.full(m, self.slot, np.int64)
        latent = np.zeros((m, pool._hidden()), f4)
        part = Segment(
            op, slot, self._ticket[:m], self._y[:m], self._weight[:m], self._target[:m], self._now[:m]
        )
        with recorded() as calls:
            pool.inputs.scan(op, slot, self._encoder.row, pool.layout.offsets, pool.pending_.a)
            pool._stages(part, self._book[:m], latent)
            if m == 1:
                return calls
            pool.ledger.scan(op, self._book)
            surprise, entropy, deviation = pool._doubt(part, latent)
            pool.calibration.scan(part, surprise, deviation, pool.pending_.a)
            if pool.watches:
                at = len(pool.scores_.names) + pool.mixer.experts
                signals, tags = fill_signals(
                    op, self._encoder.row, pool.feature_watch, (surprise, entropy), self._book, at, self._y
                )
                self._stretch = pool.monitor.stretch(signals, tags, op, self._ticket[:m])
                self._stretch.take()
            pool.trace.scan(op, surprise, entropy)
        return calls


def _same(a: Any, b: Any) -> bool:
    return a is b
