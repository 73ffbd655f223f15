"""Frozen scoring: a model of a checkpoint looks at records and learns nothing."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from streamnn.errors import SchemaError, SinkError, StateError
from streamnn_connectors import open_sink
from streamnn_connectors.base import Source
from streamnn_connectors.opening import Recorded

from ..outputs.predictions import prediction_columns
from ..records.wanted import wanted_columns
from ..run.checkpoint import CheckpointStore
from ..run.joined_worker import new_worker
from ..run.learner import MakeLearner
from ..run.manifest import require_keys
from ..run.sinks import check_output, refuse_source, remove_output
from ..run.summary import plain
from ..spec.fingerprint import spec_of_fields

PREDICT_BATCH_RECORDS = 2048
"""Records scored at once."""
SHOWN = 10
"""Most records that can't be scored of which each is named."""


class Predictor:
    """The model of the newest checkpoint of a job.

    Parameters
    ----------
    directory : path
        Folder of the checkpoints.
    say : callable
        Told, in words, what a person should know.
    make : callable, optional
        Makes the learner of a spec and a task.

    Raises
    ------
    StateError
        When there is no valid checkpoint.
    """

    def __init__(
        self,
        directory: str | Path,
        say: Callable[[str], None] = lambda text: None,
        make: MakeLearner | None = None,
    ):
        store = CheckpointStore(directory, warn=say)
        found = store.load()
        if found is None:
            inside = [name for name in store.store.folders() if "-" in name]
            which = f", of one partition: {', '.join(inside[:10])}" if inside else ""
            raise StateError(f"{directory}: has no checkpoint: name the folder of a job's checkpoints{which}")
        arrays, manifest, path = found
        require_keys(manifest, path, "spec", "worker")
        spec = spec_of_fields(manifest["spec"])
        task = manifest["worker"]["task"]
        self.worker = new_worker(spec, task, make)
        self.worker.load_state_dict(arrays, manifest["worker"])
        self.path = path
        self._spec = spec
        self._say = say

    def columns(self, source: Source, until: int | None = None) -> Any:
        """Columns of predictions, batch by batch, and the number of records that could not be used."""
        encoder, learner = self.worker.encoder, self.worker.learner
        classes = list(learner.classes) if self.worker.task == "classification" else []
        partition = source.open(source.partitions()[0])
        seen = refused = 0
        first = True
        try:
            while until is None or seen < until:
                limit = PREDICT_BATCH_RECORDS if until is None else min(PREDICT_BATCH_RECORDS, until - seen)
                batch = partition.next_batch(limit)
                if batch is None:
                    return
                seen += len(batch.position) + len(batch.bad)
                if first and len(batch.position):
                    self._compare(batch.rows.schema.names)
                    first = False
                columns = encoder.features(batch.rows)
                for b in batch.bad[: max(SHOWN - refused, 0)]:
                    self._say(f"position {b.position}: {b.reason}")
                if refused <= SHOWN < refused + len(batch.bad):
                    self._say("further records that can't be scored are counted only")
                refused += len(batch.bad)
                n = len(batch.position)
                if not n:
                    yield {}, len(batch.bad)
                    continue
                for name in encoder.kinds:  # what is not there is missing
                    columns.setdefault(name, np.full(n, np.nan))
                yield prediction_columns(batch.position, learner.look(columns), classes), len(batch.bad)
        finally:
            partition.close()

    def score(
        self, target: str, is_file: bool, output: str | None, until: int | None = None
    ) -> dict[str, Any]:
        """Score a file or dataset into `output`, or standard output; figures come back.

        Raises
        ------
        SourceError, SinkError, SchemaError
        """
        from ..data.names import resolve

        source = self._file(target) if is_file else resolve(target).open()
        before = self.worker.learner.state_hash()
        sink = None
        if output is not None:
            if is_file:
                refuse_source("--output", Path(output), target)
            check_output(Path(output))
            try:
                Path(output).parent.mkdir(parents=True, exist_ok=True)
                remove_output(Path(output))
            except OSError as e:
                raise SinkError(f"{output}: can't be written: {e.strerror or e}") from e
            sink = open_sink(output)
        events = dead = 0
        try:
            for columns, bad in self.columns(source, until):
                dead += bad
                if columns:
                    events += len(columns["position"])
                    if sink is None:
                        _print(columns)
                    else:
                        sink.write_columns(columns)
        finally:
            if sink is not None:
                sink.close()
        after = self.worker.learner.state_hash()
        if after != before:
            raise AssertionError("predicting changed the state of the learner")
        return {
            "events": events,
            "dead_letters": dead,
            "checkpoint": str(self.path),
            "output": output,
            "state_hash": after,
        }

    def _file(self, target: str) -> Source:
        recorded = Recorded(target)
        taken = inspect.signature(recorded.format.source).parameters
        # written as what was learnt from, as far as the format has such options
        options = {name: value for name, value in self._spec.source.options.items() if name in taken}
        # the model's kinds hold, whatever the file looks like; what it did not look at costs no record
        source = recorded.open(kinds=self.worker.encoder.kinds, wanted=wanted_columns(self._spec), **options)
        for note in source.info().metadata.get("notes", ()):
            self._say(note)
        return source

    def _compare(self, names: list[str]) -> None:
        kinds = self.worker.encoder.kinds
        missing = sorted(set(kinds) - set(names))
        if len(missing) == len(kinds):
            raise SchemaError(
                f"none of the columns {', '.join(names[:20])} is known to the model, which learnt from "
                f"{', '.join(sorted(kinds)[:20])}"
            )
        if missing:
            self._say(f"columns not there, taken as missing: {', '.join(missing[:20])}")


def _print(columns: dict[str, np.ndarray]) -> None:
    names = tuple(columns)
    rows = zip(*(v.tolist() for v in columns.values()), strict=True)
    for row in rows:
        sys.stdout.write(json.dumps(plain(dict(zip(names, row, strict=True)))) + "\n")
