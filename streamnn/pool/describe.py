"""A pool in words: its route kernel by kernel, its row block by block, its members."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .._kernels.jit import Call as RecordedCall
from .._kernels.jit import Hole, recorded
from ..features.layout import BLOCKS
from ..stage import Stage
from ..types import LOOK
from . import scan
from .operations import Operations
from .pool import Pool

f4 = np.float32


class Call(NamedTuple):
    """A kernel call on the route of an event.

    Parameters
    ----------
    step : str
        Of the route: encode, predict, evaluate or watch.
    part : str
        Whose arrays it works on.
    file, function : str
        Where the kernel is.
    """

    step: str
    part: str
    file: str
    function: str


def route(pool: Pool) -> list[Call]:
    """The kernel calls that an event's way through a started pool makes, in their order. Nothing is run."""
    slot = pool.pending.take(1)
    now = Operations(np.full(1, LOOK, np.int8), np.array([pool.events]), np.ones(1, f4), np.full(1, np.nan))
    segment = scan.new_segment(pool, now, slot, np.zeros(1, np.int64 if pool.task.classify else np.float64))
    x, nothing = np.zeros((1, pool.schema.width)), np.zeros(1)
    steps: dict[str, list[RecordedCall]] = {}
    with recorded() as steps["encode"]:
        scan.encode(pool, segment, x)
    with recorded() as steps["predict"]:
        scan.predict(pool, segment)
    with recorded() as steps["evaluate"]:
        scan.evaluate(pool, segment)
    if pool.options.alarms:
        with recorded() as steps["watch"]:
            scan.watch(pool, segment, x, nothing, nothing)
    pool.pending.give_back(slot)
    owner = _owners(pool)
    found = []
    for step, calls in steps.items():
        for called, args in calls:
            if isinstance(called, Hole):
                member = next(m for m in pool.members if m.name == called.name)
                module, function = type(member).__module__, f"{type(member).__name__}.step"
                found.append(Call(step, called.name, module.replace(".", "/") + ".py", function))
                continue
            names = [owner[a.ctypes.data] for a in _arrays(args) if a.size and a.ctypes.data in owner]
            module, _, function = called.name.rpartition(".")
            part = names[0] if names else ""
            found.append(Call(step, part, module.replace(".", "/") + ".py", function))
    return found


def describe(pool: Pool) -> str:
    """The pool in words, of some forty lines."""
    if not pool.started:
        return "no event yet: members are made at the first one"
    lines = [
        f"{pool.events:,} events, {len(pool.pending):,} wait for their label, {pool.task.width} values a label"
    ]
    lines += ["", "a row", *_table([("block", "values"), *_blocks(pool)])]
    rows = [("step", "part", "kernel"), *_shown(route(pool))]
    lines += ["", "an event's route", *_table(rows)]
    members: list[tuple[str, ...]] = [("member", "reads", "when", "predictions")]
    for m in pool.members:
        reads = m.reads[0] if m.reads[0] == m.reads[1] else f"{m.reads[0]} to {m.reads[1]}"
        when = ("before imputation" if m.early else "after it") + ", in Python" * (not m.compiled)
        members.append(
            (m.name, reads, when + f", from event {m.begins}" * bool(m.begins), ", ".join(m.names))
        )
    lines += ["", "members", *_table(members)]
    return "\n".join(lines)


def _blocks(pool: Pool) -> Iterator[tuple[str, str]]:
    columns = len(pool.schema.names)  # there may be room for more
    layout = replace(pool.layout, columns=columns, context_columns=min(pool.layout.context_columns, columns))
    for name in BLOCKS:
        values = layout.width((name, name))
        if values:
            yield name, f"{values}"


def _shown(calls: list[Call]) -> Iterator[tuple[str, str, str]]:
    before = ""
    for c in calls:
        yield ("" if c.step == before else c.step), c.part, f"{c.file}: {c.function}"
        before = c.step


def _owners(pool: Pool) -> dict[int, str]:
    """Names of parts by the addresses of their arrays."""
    found: dict[int, str] = {}
    stages: list[Stage] = [*pool.stages, pool.curves]
    for stage in stages:
        found |= {a.ctypes.data: stage.name for a in stage.s.values() if a.size}
    found |= {a.ctypes.data: "density" for a in pool.density._state if a.size}
    return found


def _arrays(args: Any) -> Iterator[np.ndarray]:
    for a in args:
        if isinstance(a, tuple):
            yield from _arrays(a)
        elif isinstance(a, np.ndarray):
            yield a


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]
