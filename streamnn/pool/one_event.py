"""Single events along the scan's route, without Python between its kernels but that of members in Python."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._kernels.jit import recorded
from .._kernels.program import Program
from ..alarms._scan import scan as _watch
from ..features.encoder import Encoder
from ..features.inputs import _scan as _encode
from ..members.member import Segment
from ..types import LEARN, LOOK, OBSERVE, Alarm
from . import scan
from .pool import Pool
from .reaction import may_react
from .recent import EVERY

f4 = np.float32


class OneEvent:
    """Looks at a row, and observes a row and learns its label at once.

    The kernel calls that the route makes for such a segment are recorded once, over arrays of this object's own, and
    run as a program. So the kernels and the bits are those of a chunk, and what a part does between its kernel
    calls must not depend on the segment's contents. Programs are recorded again when a part has other arrays.

    Parameters
    ----------
    pool : Pool
        Has seen an event. Members that are not compiled are holes in the programs, and called as in a chunk.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._grown = -1
        self._until = 0  # the event from which on there are more members
        self._arrays: list[Any] = []
        self._encoder = Encoder(pool.schema)
        self.slot = int(pool.pending.take(1)[0])
        self._ticket = np.zeros(2, np.int64)
        self._y = np.zeros(2, np.int64 if pool.task.classify else np.float64)
        self._weight, self._target = np.ones(2, f4), np.zeros(2, f4)
        self._now = np.full(2, np.nan)
        self._put_ticket = struct.Struct("qq").pack_into
        self._renew()

    def look(self, x: Mapping[Any, Any]) -> np.ndarray | None:
        """Where the pool's prediction for a row lies; None if it has values that only a chunk can take."""
        self._keep_up()
        if not self._encoder.write(x, False):
            return None
        self._look.run()
        return self._answer

    def learn(self, x: Mapping[Any, Any], y: float, w: float) -> list[Alarm] | None:
        """Observe a row and learn label `y`, a class number or a target; None if only a chunk can do that.

        The label is known to be allowed, and there is room for a pending event.
        """
        pool = self._pool
        self._keep_up()
        t = pool.events
        if pool.reaction is not None and may_react(t):
            return None
        if not self._encoder.write(x, True):
            return None
        self._put_ticket(self._ticket.data, 0, t, t)
        self._y[1] = y
        if pool.task.classify:
            self._target[1] = y
        self._weight[1] = w
        self._losses.fill(0.0)
        alarms: list[Alarm] = []
        stop = self._learn.run()
        while stop is not None:
            if stop.kernel is _encode:  # there are more category rows
                pool.widen()
                if pool.grown != self._grown:
                    self._renew()
            else:
                fired = self._learn.answers(_watch)[0]
                alarms += pool.monitor.report(self._watched, fired, pool.schema.names)
            stop = self._learn.run(stop.place)
        pool.events = t + 1
        if pool.reaction is not None:
            pool.reaction.note(alarms)
        if t % EVERY == 0:
            pool.recent.take(t, self._rows, np.array([self.slot]))
        return alarms

    def _keep_up(self) -> None:
        pool = self._pool
        rows = pool.pending.a["row"]
        if pool.grown != self._grown or pool.events == self._until or self._rows is not rows:
            self._renew()

    def _renew(self) -> None:
        """Record programs where parts have other arrays than when it was done last."""
        pool = self._pool
        self._grown = pool.grown
        arrays: list[Any] = [pool.layout, *pool.pending.a.values(), *pool.density._state]
        for stage in pool.stages:
            arrays += stage.s.values()
        until = min((m.begins for m in pool.members if m.begins > pool.events), default=-1)
        same = len(arrays) == len(self._arrays) and all(map(_same, arrays, self._arrays))
        if same and until == self._until:
            return
        self._arrays, self._until = arrays, until
        self._ticket[:] = pool.events
        self._rows = pool.pending.a["row"]
        if self._encoder.width != pool.schema.width:
            self._encoder = Encoder(pool.schema)
        self._losses = np.zeros((2, pool.ledger.width))
        self._look = Program(self._record(np.array([LOOK], np.int8)))
        self._answer = pool.task.answer(pool.pending.a, self.slot)
        calls = self._record(np.array([OBSERVE, LEARN], np.int8))
        self._learn = Program(calls, (_encode, _watch))

    def _record(self, op: np.ndarray) -> list[Any]:
        pool, x, m = self._pool, self._encoder.row, len(op)
        segment = Segment(
            op=op,
            slot=np.full(m, self.slot, np.int64),
            ticket=self._ticket[:m],
            y=self._y[:m],
            weight=self._weight[:m],
            target=self._target[:m],
            time=self._now[:m],
            unit=np.zeros((m, 2)),
            latent=np.zeros((m, pool.units), f4),
            losses=self._losses[:m],
        )
        with recorded() as calls:
            scan.encode(pool, segment, x)
            scan.predict(pool, segment)
            if m == 1:
                return calls
            surprise, entropy, *_ = scan.evaluate(pool, segment)
            if pool.options.alarms:
                signals, tags = scan.watch(pool, segment, x, surprise, entropy)
                self._watched = pool.monitor.segment(signals, tags, op, self._ticket[:m])
                self._watched.take()
        return calls


def _same(a: Any, b: Any) -> bool:
    return a is b
