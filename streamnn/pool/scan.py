"""The scan: the route of an event through a pool. Chunks, looks and single events all go it.

A pool is a scan over a log of operations. OBSERVE encodes an event into a row, predicts from it, and keeps in the
pending store what learning will need; LEARN takes the label of an event, in whatever order labels come, and lets
every part learn from the row as it was; EXPIRE gives an event up; LOOK predicts and changes nothing.

The route has four steps, each a handful of compiled loops over the operations of a segment:

1. :func:`encode`: columns become a row of standardised values and category rows;
2. :func:`predict`: earlier labels are written into the row, members predict, the mixer makes one prediction of theirs;
3. :func:`evaluate`: the ledger adds up losses; surprise, entropy, p-values and prediction sets are worked out;
4. :func:`watch`: what the alarms look at is gathered.

At LEARN the same loops, in the same order, learn. Where something grows or a network may be restarted the chunk is
cut into segments, at places that depend on the log alone: so the bits do not depend on how the log was cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from .._kernels.jit import Hole
from ..features.schema import Prepared
from ..members.member import Member, Segment
from ..types import LOOK, OBSERVE, Alarm, Chunk, Output
from .operations import Operations, check_order, operations
from .pool import Pool
from .reaction import may_react
from .signals import fill_signals

f4 = np.float32
LOOK_ROWS = 1024
"""Rows looked at in one go: it bounds the memory that a look takes."""
_NO_SLOTS = np.zeros(0, np.int64)

Results = tuple[np.ndarray, ...]
"""Slot, surprise, entropy, deviation and p-value of the events of a segment."""


def encode(pool: Pool, segment: Segment, x: np.ndarray) -> None:
    """Rows of OBSERVE and LOOK operations from their columns `x`, float64, shape (n, columns)."""
    pool.inputs.scan(segment.op, segment.slot, x, pool.layout.offsets, pool.pending.a)


def predict(pool: Pool, segment: Segment) -> None:
    """From an event's row to the pool's prediction; from its label to what every member learns."""
    op, slot, ticket, y = segment.op, segment.slot, segment.ticket, segment.y
    layout, store = pool.layout, pool.pending.a
    if pool.delays is not None:
        pool.delays.scan(op, slot, ticket, segment.time, layout.offsets, layout.mean_columns, store)
    pool.task.take_labels(segment, layout, store)
    _step(pool, pool.early, segment)
    # early members' predictions stand in for labels not known yet, in blocks that the others read
    pool.history.impute(op, slot, ticket, y, layout.offsets, layout.mean_columns, store)
    _step(pool, pool.late, segment)
    pool.task.mix(segment, store, pool.scores)


def evaluate(pool: Pool, segment: Segment) -> tuple[np.ndarray, ...]:
    """What predictions were worth and how sure they are: surprise, entropy, deviation and p-values of operations."""
    pool.ledger.scan(segment.op, segment.losses)
    surprise, entropy, deviation = pool.task.uncertainty(segment, pool.pending.a)
    p_value = pool.calibration.scan(segment, surprise, deviation, pool.pending.a)
    pool.curves.scan(segment.op, surprise, entropy)
    return surprise, entropy, deviation, p_value


def watch(
    pool: Pool, segment: Segment, x: np.ndarray, surprise: np.ndarray, entropy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The scalars that the alarms watch, and the column that stands out at each operation."""
    loss = len(pool.scores.names) + pool.mixer.experts
    uncertainty = surprise, entropy
    return fill_signals(segment.op, x, pool.feature_watch, uncertainty, segment.losses, loss, segment.y)


def _step(pool: Pool, members: list[Member], segment: Segment) -> None:
    steps = [(m, partial(m.step, segment, pool.layout, pool.pending.a)) for m in members]
    tasks: list[Callable[[], None]] = [step for m, step in steps if m.compiled]
    holes = [Hole(step, m.name) for m, step in steps if not m.compiled]
    if holes:  # one after another: what they call may be shared, as torch's random numbers are
        tasks.insert(0, partial(_in_turn, holes))
    pool.workers.run(tasks, len(segment.op))


def _in_turn(holes: list[Hole]) -> None:
    for hole in holes:
        hole()


def run(pool: Pool, chunk: Chunk) -> Output:
    """Go through the operations of a chunk in their order.

    Raises
    ------
    SchemaError
        When tickets are not consecutive, a label or a column does not fit, or an operation names an event that
        is not pending.
    LimitError
        When more events than allowed would wait for their label, or more classes would be known.

    Notes
    -----
    When it raises one of these, nothing has been changed. What a member in Python raises comes through and leaves
    the pool between two events: go on from a saved state then.
    """
    ops = operations(chunk, pool.events)
    seen = ops.op == OBSERVE
    n = int(seen.sum())
    check_order(ops.ticket, seen, pool.events, pool.pending, pool.options.max_pending)
    columns = pool.schema.prepare(chunk.columns, n)
    y, cuts = pool.task.encode(ops.op, chunk.label)  # the last that may refuse
    x = _encoded(pool, columns, n, timed=chunk.time is not None)
    if pool.reaction is not None:
        after = np.flatnonzero(seen & may_react(ops.ticket)) + 1
        cuts = sorted([*cuts, *((i, 0) for i in after.tolist())])
    results: list[Results] = []
    released: list[np.ndarray] = []
    alarms: list[Alarm] = []
    row = 0
    for a, b, width in _pieces(cuts, len(seen)):
        pool.task.widen(width)
        if a == b:
            continue
        k = int(seen[a:b].sum())
        pool.widen()
        alarms += _segment(pool, ops.cut(a, b), y[a:b], x[row : row + k], results, released)
        row += k
    out = _output(pool, np.arange(pool.events - n, pool.events), results, alarms)
    if released:  # slots are used again only once the chunk's predictions have been read
        pool.pending.give_back(np.concatenate(released))
    pool.task.hide_unknown(out, np.flatnonzero(seen))
    return out


def _encoded(pool: Pool, columns: Mapping[str, Prepared], n: int, timed: bool) -> np.ndarray:
    """Rows of the events observed; at the first one parts are made, which may close the schema to further columns."""
    if not n or pool.started:
        return pool.schema.encode(columns, n)
    first = pool.schema.encode({k: v.cut(0, 1) for k, v in columns.items()}, 1)
    pool.start(timed)
    if n == 1:
        return first
    x = pool.schema.encode({k: v.cut(1, n) for k, v in columns.items()}, n - 1)
    missing = np.full((1, x.shape[1] - first.shape[1]), np.nan)
    return np.concatenate([np.concatenate([first, missing], 1), x])


def look(pool: Pool, columns: Mapping[str, np.ndarray], n: int) -> Output:
    """Predictions for rows as if each were the next event. Changes nothing."""
    x = pool.schema.encode(pool.schema.prepare(columns, n), n, learn=False)
    ticket = np.full(n, pool.events, np.int64)
    if not pool.started:  # nothing is known: of every row the same
        empty = pool.task.fields(pool.pending.a, _NO_SLOTS)
        fields = {k: np.zeros((n, *v.shape[1:]), v.dtype) for k, v in empty.items()}
        return Output(ticket, np.zeros(n), np.zeros(n), [], **fields)
    results: list[Results] = []
    for a in range(0, n, LOOK_ROWS):
        slot, segment = _looked(pool, x[a : a + LOOK_ROWS])
        results.append((slot, *evaluate(pool, segment)))
    out = _output(pool, ticket, results, [])
    for slot, *_ in results:
        pool.pending.give_back(slot)
    pool.task.hide_unknown(out, None)
    return out


def encoded(pool: Pool, columns: Mapping[str, np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """What members would read of rows, each as if it were the next event. Changes nothing.

    Returns
    -------
    rows : ndarray of float32, shape (n, width)
        See :class:`streamnn.features.layout.Layout`; none before the first event.
    ids : ndarray of int32, shape (n, columns)
        Category rows, then -1.
    """
    x = pool.schema.encode(pool.schema.prepare(columns, n), n, learn=False)
    if not pool.started:
        return np.zeros((n, 0), f4), np.full((n, 0), -1, np.int32)
    pieces: list[tuple[np.ndarray, np.ndarray]] = []
    for a in range(0, max(n, 1), LOOK_ROWS):  # of no rows too
        slot, _ = _looked(pool, x[a : a + LOOK_ROWS])
        store = pool.pending.a
        pieces.append((store["row"][slot], store["ids"][slot]))
        pool.pending.give_back(slot)
    rows, ids = zip(*pieces, strict=True)
    return np.concatenate(rows), np.concatenate(ids)


def _looked(pool: Pool, x: np.ndarray) -> tuple[np.ndarray, Segment]:
    """Encode rows and predict, as if each were the next event; their slots are to be given back."""
    m = len(x)
    now = Operations(
        np.full(m, LOOK, np.int8), np.full(m, pool.events, np.int64), np.ones(m, f4), np.full(m, np.nan)
    )
    slot = pool.pending.take(m)
    segment = new_segment(pool, now, slot, np.zeros(m, np.int64 if pool.task.classify else np.float64))
    encode(pool, segment, x)
    predict(pool, segment)
    return slot, segment


def new_segment(pool: Pool, ops: Operations, slot: np.ndarray, y: np.ndarray) -> Segment:
    """A segment of these operations, with room for what is filled on the way."""
    m = len(slot)
    target = y.astype(f4) if pool.task.classify else np.zeros(m, f4)
    buffers = np.zeros((m, 2)), *pool.buffers(m)
    return Segment(ops.op, slot, ops.ticket, y, ops.weight, target, ops.time, *buffers)


def _pieces(cuts: list[tuple[int, int]], m: int) -> list[tuple[int, int, int]]:
    # start and stop of segments, and how wide a label is from there on
    starts = [(0, 0), *cuts]
    stops = [at for at, _ in starts[1:]] + [m]
    return [(a, b, width) for (a, width), b in zip(starts, stops, strict=True)]


def _segment(
    pool: Pool,
    ops: Operations,
    y: np.ndarray,
    x: np.ndarray,
    results: list[Results],
    released: list[np.ndarray],
) -> list[Alarm]:
    """Lead a segment along the route. Adds to `results`, and to `released` the slots that are free after it."""
    op, seen, first = ops.op, ops.op == OBSERVE, pool.events
    segment = new_segment(pool, ops, pool.pending.slots(seen, ops.ticket, first), y)
    encode(pool, segment, x)
    pool.widen()  # for values of categories that have just come
    if pool.mixer.make_room(op):
        pool.grown += 1
    predict(pool, segment)
    surprise, entropy, deviation, p_value = evaluate(pool, segment)
    alarms: list[Alarm] = []
    if pool.options.alarms:
        signals, tags = watch(pool, segment, x, surprise, entropy)
        last = first - 1 + np.cumsum(seen)
        alarms = pool.monitor.scan(signals, last, op, tags, pool.schema.names)
    new = segment.slot[seen]
    results.append((new, surprise[seen], entropy[seen], deviation[seen], p_value[seen]))
    pool.recent.take(first, pool.pending.a["row"], new)
    pool.events += len(new)
    released.append(pool.pending.release(seen, ops.ticket, first, segment.slot))
    if pool.reaction is not None:
        pool.reaction.note(alarms)
        if seen[-1] and may_react(ops.ticket[-1]) and pool.reaction.due():
            pool.react()
    return alarms


def _output(pool: Pool, ticket: np.ndarray, results: list[Results], alarms: list[Alarm]) -> Output:
    empty = (_NO_SLOTS, *np.zeros((4, 0)))
    slot, surprise, entropy, deviation, p_value = map(np.concatenate, zip(*(results or [empty]), strict=True))
    fields = pool.task.fields(pool.pending.a, slot)
    if pool.started:
        pool.calibration.add(fields, slot, p_value, deviation, pool.pending.a)
    return Output(ticket, surprise, entropy, alarms, **fields)
