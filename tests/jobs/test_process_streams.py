"""Processes with a known best loss are replayed by name."""

from __future__ import annotations

import numpy as np
import pytest

from streamnn.errors import SpecError
from streamnn.regret.processes import PROCESSES, process
from streamnn_jobs.data.names import datasets, resolve


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_replayed_by_name(name: str) -> None:
    dataset = resolve(f"process/{name}")
    source = dataset.open()
    assert source.info().records == dataset.records
    (partition,) = source.partitions()
    batch = source.open(partition).next_batch(2000)
    assert batch is not None and not batch.bad
    features = PROCESSES[name].features
    assert batch.rows.schema.names == [*features, dataset.label]
    x, y = process(name, seed=1).take(2000)
    columns = [batch.rows[c].to_numpy() for c in features]
    np.testing.assert_array_equal(np.column_stack(columns), x)
    np.testing.assert_array_equal(batch.rows["y"].to_numpy(), y)
    assert dataset.task == ("classification" if PROCESSES[name].binary else "regression")


def test_processes_are_listed_and_near_names_are_told() -> None:
    listed = [d.name for d in datasets() if d.origin == "process"]
    assert listed == [f"process/{n}" for n in PROCESSES]
    with pytest.raises(SpecError, match="near: process/parity"):
        resolve("partiy")
