"""A pool's state: everything a later prediction depends on, leaf by leaf."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import StateError
from ..features.inputs import MAX_ROWS
from ..state import Arrays, state_hash
from .scan import Frame


class Saving(Frame):
    """The part of a pool that saves and loads."""

    def state_dict(self) -> tuple[Arrays, dict[str, Any]]:
        """Everything a later prediction depends on: arrays, and JSON-able data."""
        alarms, alarms_meta = self.monitor.state_dict()
        arrays = {f"alarms/{k}": v for k, v in alarms.items()}
        meta: dict[str, Any] = {
            "learner": type(self).__name__,
            "options": self._options(),
            "events": self.events,
            "started": self._started,
            "timed": self._timed,
            "schema": self.schema.state(),
            "alarms": alarms_meta,
            **self._meta(),
        }
        arrays |= self.trace.state_dict()
        arrays |= self.recent.state_dict()
        if self._started:
            density, meta["density"] = self.density.state_dict()
            arrays |= {f"density/{k}": v for k, v in density.items()}
            arrays |= self.pending_.state_dict()
            for stage in self._stage_list():
                arrays |= stage.state_dict()
        return arrays, meta

    def load_state_dict(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Go on from a state saved by :meth:`state_dict`; the learner must be new and have the same options.

        Raises
        ------
        StateError
            Names the option or leaf that does not fit.
        """
        if self.events or self._started:
            raise StateError("a state is loaded into a new learner only: this one has seen events")
        if meta.get("learner") != type(self).__name__:
            raise StateError(f"the state is of a {meta.get('learner')}, this is a {type(self).__name__}")
        make: Callable[..., Any] = type(self)
        usual = make()._options()  # what an older state does not know was as it is by default
        for k, v in self._options().items():
            saved = meta["options"].get(k, usual[k])
            if saved != v:
                raise StateError(f"learner option {k} is {v!r} here and {saved!r} in the state")
        fresh = make(**self._options(), threads=self.crew.threads)
        fresh._take(arrays, meta)  # all or nothing
        self.__dict__.update(fresh.__dict__)

    def _take(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        self.schema.load(meta["schema"])
        self._load_meta(meta)
        self.events = meta["events"]
        self.monitor.load_state_dict(
            {k[7:]: v for k, v in arrays.items() if k.startswith("alarms/")}, meta["alarms"]
        )
        self.trace.load_state_dict(arrays)
        known = {"alarms", "trace", "recent", "density", "pending"}
        if meta["started"]:
            self._timed = bool(meta["timed"])
            self._start()
            self._set_width(int(meta.get("width", 0)))
            self.inputs.grow(self.schema.text, self.schema.first)
            self.inputs.load_state_dict(arrays)
            self.feature_watch.grow(self.schema.text)
            self._widen()
            self.recent.load_state_dict(arrays)
            self.density.load_state_dict(
                {k[8:]: v for k, v in arrays.items() if k.startswith("density/")}, meta["density"]
            )
            self.pending_.load_state_dict(arrays)
            for stage in self._stage_list():
                stage.load_state_dict(arrays)
                known.add(stage.name)
        stray = sorted(k for k in arrays if not any(k.startswith(n + "/") for n in known))
        if stray:
            raise StateError(f"state: leaf {stray[0]!r} is not known here ({len(stray)} in all)")

    def state_hash(self) -> str:
        """Hash of the whole state: equal means the same bits from here on."""
        return state_hash(*self.state_dict())

    def memory(self) -> dict[str, int]:
        """Bytes of the state's arrays: ``now``, and ``at_most`` whatever comes, as long as a row stays as wide as it is.

        It widens with a new column, a new class, and a column that turns out to be a category; their numbers have
        limits of their own. At most 65,536 values of all categories together have weights, and `max_pending` events
        wait. Beside the arrays there are the names of columns, classes and values.

        Examples
        --------
        >>> from streamnn.learners import Classifier
        >>> model = Classifier(max_pending=1000)
        >>> model.learn_one({"a": 1.0}, "yes")
        >>> size = model.memory()
        >>> 10**6 < size["now"] < size["at_most"] < 2 * 10**8
        True
        """
        now = sum(v.nbytes for v in self.state_dict()[0].values())
        if not self._started:
            return {"now": now, "at_most": now}
        rows = sum(
            max(MAX_ROWS - used, 0) * stage.s[leaf][:1].nbytes
            for stage in self._stage_list()
            for leaf, used in stage.used.items()
        )
        event = 8 + sum(v[:1].nbytes for v in self.pending_.a.values())  # and its ticket
        if "copies" in self.mixer.s:
            event += 8 + self.mixer.s["copies"][:1].nbytes
        return {"now": now, "at_most": now + rows + (self.max_pending - self.pending) * event}

    def _options(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "max_columns": self.schema.max_columns,
            "max_pending": self.max_pending,
            "events_per_false_alarm": self.monitor.events_per_false_alarm,
            "categories": sorted(self.schema.categories),
            "coverage": self.calibration.coverage,
            "p_values": self.calibration.rank is not None,
            "preset": self.preset,
            "reaction": "off" if self.reaction is None else "young",
            "alarms": self.watches,
        }

    def _meta(self) -> dict[str, Any]:
        return {}

    def _load_meta(self, meta: Mapping[str, Any]) -> None:
        pass
