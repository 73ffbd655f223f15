"""The scan that all pools share: features, pending events, members, mixer, ledger, uncertainty and alarms."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial

import numpy as np

from ..learners.presets import YOUNG
from ..members.segment import Segment
from ..types import OBSERVE, Alarm, Chunk, Output
from .growth import Growing
from .operations import check_order, operations
from .reaction import PACE
from .watched import fill_signals

f4 = np.float32
_NO_TICKETS = np.zeros(0, np.int64)


class Frame(Growing):
    """What a classifier and a regressor have in common.

    A pool is a scan over the log: OBSERVE predicts and keeps what learning will need, LEARN takes a label,
    EXPIRE gives an event up. Stages run one after another over a chunk; where something grows (a class), the
    chunk is cut, so that the bits do not depend on how the log was cut.
    """

    _sheets: tuple[np.ndarray, np.ndarray] | None = None

    @abstractmethod
    def _labels(self, op: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
        """Labels as numbers; the operations before which the chunk must be cut, each with the width from there on."""

    @abstractmethod
    def _stages(self, part: Segment, book: np.ndarray, latent: np.ndarray) -> None:
        """Run everything between the inputs and the ledger."""

    @abstractmethod
    def _doubt(self, part: Segment, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Surprise, entropy and deviation of operations; no column of the last where there are classes."""

    @abstractmethod
    def _result(self, slot: np.ndarray) -> dict[str, np.ndarray]:
        """What is said of events: fields of an output. Before anything was seen, `slot` is empty."""

    @abstractmethod
    def _answer(self, slot: int) -> np.ndarray:
        """Where what is said of the event in a slot will lie."""

    @abstractmethod
    def _mask(self, out: Output, at: np.ndarray | None) -> None:
        """Hide classes that were not known yet at the operations `at` of the last chunk (None: all known ones count)."""

    @property
    def next_ticket(self) -> int:
        """Ticket of the next event observed."""
        return self.events

    @property
    def pending(self) -> int:
        """Events observed that are neither learnt nor expired."""
        return len(self.pending_) if self._started else 0

    def run(self, chunk: Chunk) -> Output:
        """Go through the operations of a chunk in their order.

        Raises
        ------
        SchemaError
            When tickets are not consecutive, a label or a column does not fit, or an operation names an event that
            is not pending.
        LimitError
            When more events than allowed would wait for their label, or more classes would be known.

        After either nothing has been changed.
        """
        op, ticket, weight, time = operations(chunk, self.events)
        m, seen = len(op), op == OBSERVE
        n = int(seen.sum())
        check_order(ticket, seen, self.events, self.pending_ if self._started else None, self.max_pending)
        columns = self.schema.prepare(chunk.columns, n)
        y, cuts = self._labels(op, chunk.label)  # the last that may refuse: nothing has been changed so far
        x = self.schema.encode(columns, n)
        if self.reaction is not None:
            after = np.flatnonzero(seen & (ticket % PACE == PACE - 1)) + 1
            cuts = sorted([*cuts, *((i, 0) for i in after.tolist())])
        if n and not self._started:
            self._timed = chunk.time is not None
            self._start()
        parts: list[tuple[np.ndarray, ...]] = []
        alarms: list[Alarm] = []
        row = 0
        for (a, width), b in zip([(0, 0), *cuts], [*(c for c, _ in cuts), m], strict=True):
            self._set_width(width)
            if a == b:
                continue
            k = int(seen[a:b].sum())
            self._widen()
            alarms += self._segment(
                op[a:b], ticket[a:b], y[a:b], weight[a:b], time[a:b], x[row : row + k], parts
            )
            row += k
        out = self._output(np.arange(self.events - n, self.events), parts, alarms)
        self._mask(out, np.flatnonzero(seen))
        return out

    def _segment(
        self,
        op: np.ndarray,
        ticket: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        time: np.ndarray,
        x: np.ndarray,
        parts: list[tuple[np.ndarray, ...]],
    ) -> list[Alarm]:
        store = self.pending_
        seen = op == OBSERVE
        n = int(seen.sum())
        first = self.events
        mine = store.take(n)
        slot = np.empty(len(op), np.int64)
        slot[seen] = mine
        inside = ~seen & (ticket >= first)
        slot[inside] = mine[ticket[inside] - first]
        outside = ~seen & (ticket < first)
        if outside.any():
            slot[outside] = store.find(ticket[outside])
        self.inputs.scan(op, slot, x, self.layout.offsets, store.a)
        self._widen()
        latent, book = self._blank(len(op))
        target = y.astype(f4) if self.classify else np.zeros(len(op), f4)
        part = Segment(op, slot, ticket, y, weight, target, time)
        if self._make_room(op):
            self._grown += 1
        self._stages(part, book, latent)
        self.ledger.scan(op, book)
        surprise, entropy, deviation = self._doubt(part, latent)
        p_value = self.calibration.scan(part, surprise, deviation, store.a)
        self.trace.scan(op, surprise, entropy)
        last = first - 1 + np.cumsum(seen)
        alarms: list[Alarm] = []
        if self.watches:
            at = len(self.scores_.names) + self.mixer.experts
            signals, tags = fill_signals(op, x, self.feature_watch, (surprise, entropy), book, at, y)
            alarms = self.monitor.scan(signals, last, op, tags, self.schema.names)
        self.recent.take(first, store.a["row"], mine)
        self.events += n
        parts.append((mine, surprise[seen], entropy[seen], deviation[seen], p_value[seen]))
        stays = np.ones(n, np.bool_)
        stays[ticket[inside] - first] = False
        store.keep(np.flatnonzero(stays) + first, mine[stays])
        store.forget(ticket[outside])
        self._waste.append(np.concatenate([mine[~stays], slot[outside]]))
        if self.reaction is not None:
            self.reaction.note(alarms)
            if seen[-1] and ticket[-1] % PACE == PACE - 1 and self.reaction.due():
                young = next(net for net in self.networks_ if net.spec.name == YOUNG)
                young.restart(self.seed + self.reaction.count)
        return alarms

    def _make_room(self, op: np.ndarray) -> bool:
        """Make room for what waits for a label; whether arrays are others than before."""
        return False

    def _network_tasks(self, part: Segment, latent: np.ndarray) -> list[Callable[[], None]]:
        """The networks' scans, in their order; `latent` receives those of the watched one."""
        a, lay = self.pending_.a, self.layout
        tasks: list[Callable[[], None]] = []
        for net, begin in zip(self.networks_, self.begins, strict=True):
            op, slot, target, weight = part.op, part.slot, part.target, part.weight
            awake = part.ticket >= begin
            if not awake.any():
                continue
            if not awake.all():
                op, slot, target, weight = op[awake], slot[awake], target[awake], weight[awake]
            kept = latent if net.spec.name == self.watched else None
            start = lay.span(*net.spec.reads)[0]
            tasks.append(partial(net.scan, op, slot, target, weight, start, a["row"], a["ids"], a["p"], kept))
        return tasks

    def _blank(self, m: int) -> tuple[np.ndarray, np.ndarray]:
        """Zeros for the latents and the book of `m` operations; the same memory every time."""
        widths = self._hidden(), self.ledger.width
        if self._sheets is None or len(self._sheets[0]) < m or self._sheets[1].shape[1] != widths[1]:
            self._sheets = np.empty((m, widths[0]), f4), np.empty((m, widths[1]))
        latent, book = self._sheets[0][:m], self._sheets[1][:m]
        latent.fill(0.0)
        book.fill(0.0)
        return latent, book

    def _output(self, ticket: np.ndarray, parts: list[tuple[np.ndarray, ...]], alarms: list[Alarm]) -> Output:
        empty = (_NO_TICKETS, *np.zeros((4, 0)))
        slot, surprise, entropy, deviation, p_value = map(
            np.concatenate, zip(*(parts or [empty]), strict=True)
        )
        fields = self._result(slot)
        if self._started:
            self.calibration.add(fields, slot, p_value, deviation, self.pending_.a)
        if self._waste:  # slots are reused only once the chunk's predictions have been read
            self.pending_.give_back(np.concatenate(self._waste))
            self._waste.clear()
        return Output(ticket, surprise, entropy, alarms, **fields)
