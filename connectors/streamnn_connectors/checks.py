"""The contracts of sources and sinks as checks, for anyone's own source or sink too."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

from streamnn.errors import SinkError

from .base import BadRecord, Partition, Resume, Sink, Source

Record = tuple[int, dict[str, Any] | BadRecord]
_MOST_RESUMES = 200


def check_source(
    make_source: Callable[[], Source],
    expected_rows: Sequence[dict[str, Any]],
    limits: Sequence[int] = (1, 2, 7, 4096),
) -> None:
    """Raise AssertionError unless a source keeps its contract.

    Checked: the good rows are `expected_rows`; any cut into batches gives the same records; positions
    strictly increase; going on from any resume token (through JSON) gives exactly the rest; closing twice
    is harmless.

    Parameters
    ----------
    make_source : callable
        Makes the source again, over the same recorded data.
    expected_rows : sequence of dict
        The good rows of all partitions in turn. None and NaN count as missing, here and in the rows read.
    limits : sequence of int
        Batch sizes to try.

    Examples
    --------
    >>> from streamnn_connectors import MemorySource
    >>> check_source(lambda: MemorySource([{"x": 1}, {"x": None}, {"x": 2}]), [{"x": 1.0}, {}, {"x": 2.0}])
    >>> check_source(lambda: MemorySource([{"x": 1}]), [{"x": 2}])
    Traceback (most recent call last):
    ...
    AssertionError: row 0 is {'x': 1.0}, expected {'x': 2}
    """
    expected = [_present(row) for row in expected_rows]
    good: list[dict[str, Any]] = []
    for name in make_source().partitions():
        tokens: list[Resume | None] = [None]
        records = _read(make_source(), name, None, 1, tokens)
        good += [record for _, record in records if isinstance(record, dict)]
        for before, after in itertools.pairwise(records):
            _require(before[0] < after[0], f"position {after[0]} comes after {before[0]}")
        for limit in limits:
            _same(_read(make_source(), name, None, limit), records, f"batches of {limit}")
        step = -(-len(tokens) // _MOST_RESUMES)
        for i in range(0, len(tokens), step):
            for limit in (limits[i % len(limits)], max(limits)):
                rest = _read(make_source(), name, _through_json(tokens[i]), limit)
                _same(rest, records[i:], f"going on at record {i} in batches of {limit}")
    for i, (row, wanted) in enumerate(zip(good, expected, strict=False)):
        _require(row == wanted, f"row {i} is {row}, expected {wanted}")
    _require(len(good) == len(expected), f"{len(good)} good rows, expected {len(expected)}")


def check_sink(make_sink: Callable[[], Sink]) -> None:
    """Raise AssertionError unless a sink keeps its contract.

    Checked: a new sink has committed nothing; after flush, after close and when made again it has committed
    the last position written; it goes on from there; positions that decrease or are missing are refused;
    closing twice is harmless; where there is `write_columns`, it counts like `write`.

    Parameters
    ----------
    make_sink : callable
        Makes the sink again, always over the same place, which is empty at first.

    Examples
    --------
    >>> from streamnn_connectors import MemorySink
    >>> sink = MemorySink()
    >>> check_sink(lambda: sink)
    """
    sink = make_sink()
    _require(sink.committed() == -1, "a new sink has committed something")
    sink.flush()
    sink.write([])
    sink.write([{"position": 0, "p": 0.5}, {"position": 1, "p": None}])
    sink.write([{"position": 5, "p": 0.25}])
    sink.flush()
    _require(sink.committed() == 5, f"committed {sink.committed()} after flush, expected 5")
    for records in (
        [{"position": 4, "p": 0.0}],
        [{"p": 0.0}],
        [{"position": 7, "p": 0.0}, {"position": 6, "p": 0.0}],
    ):
        try:
            sink.write(records)
        except SinkError:
            continue
        _require(False, f"{records} were taken after position 5")
    sink.close()
    sink.close()
    sink = make_sink()
    _require(sink.committed() == 5, f"committed {sink.committed()} when made again, expected 5")
    sink.write([{"position": 6, "p": 0.75}])
    sink.close()
    last = 6
    if hasattr(sink, "write_columns"):
        sink = make_sink()
        sink.write_columns({"position": [7, 9], "p": [0.5, None]})  # type: ignore[attr-defined]
        sink.flush(timeout_s=10)
        last = 9
        _require(
            sink.committed() == last, f"committed {sink.committed()} after write_columns, expected {last}"
        )
        sink.close()
    sink = make_sink()
    _require(sink.committed() == last, f"committed {sink.committed()} in the end, expected {last}")
    sink.close()


def _read(
    source: Source, name: str, resume: Resume | None, limit: int, tokens: list[Resume | None] | None = None
) -> list[Record]:
    """All records from `resume` on; the token after each batch is added to `tokens`."""
    partition: Partition = source.open(name, resume)
    records: list[Record] = []
    while (batch := partition.next_batch(limit)) is not None:
        rows = batch.rows.to_pylist()
        _require(len(rows) == len(batch.position), f"{len(rows)} rows, {len(batch.position)} positions")
        _require(len(rows) + len(batch.bad) <= limit, f"more than {limit} records in a batch")
        _require(
            batch.rows.schema.names == list(dict.fromkeys(batch.rows.schema.names)), "a column comes twice"
        )
        new: list[Record] = [(int(p), _present(row)) for p, row in zip(batch.position, rows, strict=True)]
        new += [(bad.position, bad) for bad in batch.bad]
        new.sort(key=lambda record: record[0])
        records += new
        if new:
            after = batch.resume["position"]
            _require(after > new[-1][0], f"resume at {after} after position {new[-1][0]}")
            if tokens is not None:
                tokens.append(batch.resume)
    partition.close()
    partition.close()
    return records


def _through_json(token: Resume | None) -> Resume | None:
    # sorted: a token must not lean on the order of its keys
    return json.loads(json.dumps(token, sort_keys=True))


def _present(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None and value == value}


def _same(records: list[Record], expected: list[Record], what: str) -> None:
    for i, (record, wanted) in enumerate(zip(records, expected, strict=False)):
        _require(record == wanted, f"{what}: record {i} is {record}, not {wanted}")
    _require(len(records) == len(expected), f"{what}: {len(records)} records, not {len(expected)}")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)
