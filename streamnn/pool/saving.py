"""A pool's state: everything a later prediction depends on, leaf by leaf."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from ..alarms import DriftMonitor
from ..errors import StateError
from ..features.inputs import MAX_ROWS
from ..state import Arrays, check_leaves
from ..uncertainty import LatentDensity, ValueDensity
from .pool import Pool


def options(pool: Pool) -> dict[str, Any]:
    """The options that a state must be loaded with."""
    o = pool.options
    found = {
        "seed": o.seed,
        "max_columns": o.max_columns,
        "max_pending": o.max_pending,
        "events_per_false_alarm": float(o.events_per_false_alarm),
        "categories": sorted(pool.schema.categories),
        "coverage": float(o.coverage),
        "p_values": o.p_values,
        "preset": o.preset,
        "reaction": o.reaction,
        "alarms": o.alarms,
        **pool.task.options(),
        **pool.task.recipe.options,
    }
    if o.members:  # a state says nothing of members where all are the recipe's
        found["members"] = [_name(m) for m in o.members]
    return found


def state_dict(pool: Pool, learner: str) -> tuple[Arrays, dict[str, Any]]:
    """Arrays by name, and JSON-able data; `learner` is the name of the class it is a state of."""
    alarms, alarms_meta = pool.monitor.state_dict()
    arrays = {f"alarms/{k}": v for k, v in alarms.items()}
    meta: dict[str, Any] = {
        "learner": learner,
        "options": options(pool),
        "events": pool.events,
        "started": pool.started,
        "timed": pool.timed,
        "schema": pool.schema.state(),
        "alarms": alarms_meta,
        **pool.task.state(),
    }
    arrays |= pool.curves.state_dict()
    arrays |= pool.recent.state_dict()
    if pool.started:
        density, meta["density"] = pool.density.state_dict()
        arrays |= {f"density/{k}": v for k, v in density.items()}
        arrays |= pool.pending.state_dict()
        for stage in pool.stages:
            arrays |= stage.state_dict()
    return arrays, meta


def check_options(
    mine: Mapping[str, Any], usual: Mapping[str, Any], learner: str, meta: Mapping[str, Any]
) -> None:
    """Refuse a state of another learner or of other options; one that it does not know was as it usually is.

    Raises
    ------
    StateError
        Names the option.
    """
    if meta.get("learner") != learner:
        raise StateError(f"the state is of a {meta.get('learner')}, this is a {learner}")
    saved = meta["options"]
    for k in {**mine, **saved}:
        there, here = saved.get(k, usual.get(k)), mine.get(k, usual.get(k))
        if there != here:
            raise StateError(f"learner option {k} is {here!r} here and {there!r} in the state")


def load_state_dict(
    pool: Pool, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], keep: bool = False
) -> None:
    """Take over a state into a new pool of the same options.

    Parameters
    ----------
    pool : Pool
    arrays, meta
        What :func:`state_dict` gave.
    keep : bool
        Do not copy arrays that are read-only: the pool can then be looked at, and must not learn.

    Raises
    ------
    StateError
        Names the leaf that does not fit; the pool is of no use then.
    """
    pool.schema.load(meta["schema"])
    pool.task.load(meta)
    pool.events = meta["events"]
    pool.monitor.load_state_dict(_under("alarms", arrays, pool.monitor), meta["alarms"])
    pool.curves.load_state_dict(arrays)
    known = set(pool.other_parts)
    if meta["started"]:
        pool.start(bool(meta["timed"]), frozenset(arrays))
        pool.task.widen(int(meta.get("width", 0)))
        pool.inputs.grow(pool.schema.text_in_width, pool.schema.first)
        pool.inputs.load_state_dict(arrays, keep)
        pool.widen()
        pool.recent.load_state_dict(arrays)
        pool.density.load_state_dict(_under("density", arrays, pool.density), meta["density"])
        pool.pending.load_state_dict(arrays, keep)
        for stage in pool.stages:
            stage.load_state_dict(arrays, keep)
            known.add(stage.name)
    stray = sorted(k for k in arrays if not any(k.startswith(n + "/") for n in known))
    if stray:
        raise StateError(f"state: leaf {stray[0]!r} is not known here ({len(stray)} in all)")


def memory(pool: Pool) -> dict[str, int]:
    """Bytes of the state's arrays: now, and at most as long as a row stays as wide as it is."""
    now = sum(v.nbytes for v in state_dict(pool, "")[0].values())
    if not pool.started:
        return {"now": now, "at_most": now}
    rows = sum(
        max(MAX_ROWS - used, 0) * stage.s[leaf][:1].nbytes
        for stage in pool.stages
        for leaf, used in stage.used.items()
    )
    event = 8 + sum(v.itemsize * math.prod(v.shape[1:]) for v in pool.pending.a.values())  # and its ticket
    if "copies" in pool.mixer.s:
        event += 8 + pool.mixer.s["copies"][:1].nbytes
    return {"now": now, "at_most": now + rows + (pool.options.max_pending - len(pool.pending)) * event}


def _name(factory: Any) -> str:
    # of what makes a member, the same in every process
    while isinstance(factory, partial):
        factory = factory.func
    return str(getattr(factory, "__qualname__", type(factory).__qualname__))


def _under(
    name: str, arrays: Mapping[str, np.ndarray], part: DriftMonitor | LatentDensity | ValueDensity
) -> Arrays:
    """The leaves of a part that knows nothing of the prefix, checked while they still have it."""
    prefix = name + "/"
    mine = {k: v for k, v in arrays.items() if k.startswith(prefix)}
    check_leaves(mine, {prefix + k: v for k, v in part.state_dict()[0].items()})
    return {k[len(prefix) :]: v for k, v in mine.items()}
