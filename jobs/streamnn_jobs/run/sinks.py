"""The outputs of a job: opened, and what was already written is not written again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from streamnn.errors import SinkError, SpecError

from ..spec.job import JobSpec
from .worker import Step


class ColumnSink(Protocol):
    """A sink that also takes columns."""

    def committed(self) -> int: ...
    def write(self, records: list[dict[str, Any]]) -> None: ...
    def write_columns(self, columns: dict[str, np.ndarray]) -> None: ...
    def flush(self, timeout_s: float | None = None) -> None: ...
    def close(self) -> None: ...


class Outputs:
    """Predictions, dead letters and alarms, each with its own place.

    After a crash a sink may hold more than the checkpoint knows: records at or before its last position
    are muted while they are learnt again.

    Parameters
    ----------
    sinks : mapping of str to sink
        Any of ``predictions``, ``dead_letters``, ``alarms``.
    flush_timeout_s : float
        For all of them together.
    """

    def __init__(self, sinks: Mapping[str, ColumnSink], flush_timeout_s: float = 30.0):
        self._sinks = dict(sinks)
        self._timeout_s = flush_timeout_s
        self._muted = {name: sink.committed() for name, sink in self._sinks.items()}
        self._last = dict(self._muted)
        self._away: dict[str, dict[str, int]] = {}

    @property
    def wants_predictions(self) -> bool:
        """Whether anybody takes them."""
        return "predictions" in self._sinks

    @property
    def written(self) -> dict[str, int]:
        """Last position written to each sink, -1 for none."""
        return dict(self._last)

    def places(self, position: int) -> dict[str, dict[str, int]]:
        """For a checkpoint at `position`: the last position written to each sink, and where it is complete to.

        Sinks of earlier runs that are not open now keep their places, so that a later run sees what they miss.
        """
        return {**self._away, **{name: {"last": last, "to": position} for name, last in self._last.items()}}

    def resume(self, saved: Mapping[str, Mapping[str, int]], position: int) -> list[str]:
        """Compare with the places of a checkpoint at `position`; notes for a person come back.

        Raises
        ------
        SinkError
            When a sink has lost something it had, or would miss records.
        """
        notes = []
        self._away = {name: dict(place) for name, place in saved.items() if name not in self._sinks}
        for name, at in self._muted.items():
            if at >= 0 and name not in saved:
                raise SinkError(
                    f"{name}: the output already has records up to position {at}, which the checkpoint knows "
                    "nothing of. Move it away, or name the folder of its checkpoints"
                )
            had, to = (saved[name]["last"], saved[name]["to"]) if name in saved else (-1, 0)
            if at == -1 and (had >= 0 or to < position):
                notes.append(f"{name}: the output is new, it begins at position {position}")
                self._muted[name] = self._last[name] = had
            elif at < had:
                raise SinkError(
                    f"{name}: the output ends at position {at}, but had reached {had} when the checkpoint "
                    "was written. Bring the file back, or move it away to begin a new one here"
                )
            elif to < position:
                raise SinkError(
                    f"{name}: the output is complete up to position {to} only, and the checkpoint stands at "
                    f"{position}: the records between were learnt without it. Move it away to begin a new "
                    "one here"
                )
        return notes

    def write(self, step: Step) -> None:
        """Hand a step to the sinks."""
        if step.predictions and "predictions" in self._sinks:
            position = step.predictions["position"]
            muted = self._muted["predictions"]
            columns = step.predictions
            if position[0] <= muted:
                keep = position > muted
                columns = {k: v[keep] for k, v in columns.items()}
            if len(columns["position"]):
                self._sinks["predictions"].write_columns(columns)
                self._last["predictions"] = int(columns["position"][-1])
        for name, records in (("dead_letters", step.dead_letters), ("alarms", step.alarms)):
            if records and name in self._sinks:
                new = [r for r in records if r["position"] > self._muted[name]]
                if new:
                    self._sinks[name].write(new)
                    self._last[name] = new[-1]["position"]

    def flush(self, timeout_s: float | None = None) -> None:
        """On return everything is safely out; one deadline for all sinks, `timeout_s` where that is sooner."""
        deadline = time.monotonic() + min(self._timeout_s, timeout_s or self._timeout_s)
        for sink in self._sinks.values():
            sink.flush(max(deadline - time.monotonic(), 0.001))

    def close(self) -> None:
        """Flush and close all; the first error is raised after all were closed."""
        first: SinkError | None = None
        for sink in self._sinks.values():
            try:
                sink.close()
            except SinkError as e:
                first = first or e
        if first is not None:
            raise first

    def abandon(self) -> None:
        """Close all; errors do not matter any more."""
        for sink in self._sinks.values():
            with contextlib.suppress(Exception):
                sink.close()


def open_sinks(spec: JobSpec, fresh: bool) -> dict[str, ColumnSink]:
    """Open what ``[output]`` names; nothing when it names nothing.

    Parameters
    ----------
    spec : JobSpec
    fresh : bool
        Replace what is there: without checkpoints a run always begins at the beginning.

    Raises
    ------
    SinkError
        When a file can't be written.
    SpecError
        When the output is the input.
    """
    from streamnn_connectors import open_sink

    paths = spec.output.paths
    if spec.source.path is not None:
        named = spec.source.path
        for path in paths.values():
            for source in [named] if isinstance(named, str) else named:
                refuse_source("output", path, source)
    sinks: dict[str, ColumnSink] = {}
    try:
        for name, path in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if fresh:
                remove_output(path)
            sinks[name] = open_sink(str(path))
    except OSError as e:
        raise SinkError(f"{path}: can't be written: {e.strerror or e}") from e
    finally:
        if len(sinks) < len(paths):
            for sink in sinks.values():
                sink.close()
    return sinks


def refuse_source(field: str, path: Path, source: str) -> None:
    """SpecError when an output is the file that is read, or would lie in the folder that is."""
    named, whole = Path(source).expanduser().resolve(), path.resolve()
    if whole == named:
        raise SpecError(f"{field}: {path} is the source itself: name another file")
    if named in whole.parents:
        raise SpecError(f"{field}: {path} lies in the folder that is read, {source}: name another place")


def check_output(path: Path) -> None:
    """SpecError unless the name says a format that can be written; nothing is touched."""
    from streamnn_connectors.opening import SINK_SUFFIXES

    if not path.name.lower().endswith(SINK_SUFFIXES):
        raise SpecError(
            f"output: {path} has no suffix of a known format; allowed: {', '.join(SINK_SUFFIXES)}; "
            "a name without a suffix is a folder"
        )


def remove_output(path: Path) -> None:
    """Take away what an earlier run wrote: the file, or the parts of a Parquet folder and nothing else."""
    if path.is_dir():
        for part in path.glob("part-*.parquet"):
            part.unlink()
    else:
        path.unlink(missing_ok=True)
