"""What a soak is made of: flights without end, and samples of the process that learns them."""

from __future__ import annotations

import ctypes
import gc
import math
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from streamnn_connectors import MemorySource
from streamnn_connectors.base import BadRecord, Batch, Partition, Resume, SourceInfo
from streamnn_jobs.data.flights import SHIPPED
from streamnn_jobs.live import partition_monitor as live
from streamnn_jobs.outputs import alarms as alarmlog
from streamnn_jobs.run.observer import Observer

BAD_EVERY = 10_000
"""One record in so many can't be used."""
BLOCKS = 10
"""The slope is over so many stretches of time: samples that follow each other are too alike for its error."""

STEP_MB = 2.0
"""Allocators take memory by the megabyte, and what is kept up to a limit fills slowly: so little is no slope."""


@contextmanager
def low_limits() -> Iterator[None]:
    """What is kept up to a limit is full within the warm-up: alarms after 20 (else 1,000: ten million records here),
    samples of the live page after 20 s (else ten minutes)."""
    before = alarmlog.KEPT_ALARMS, live.KEPT_S
    alarmlog.KEPT_ALARMS, live.KEPT_S = 20, 20
    try:
        yield
    finally:
        alarmlog.KEPT_ALARMS, live.KEPT_S = before


def give_back() -> None:
    """Hand memory that nobody uses back to the system: what allocators keep for later comes and goes by megabytes."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class Endless:
    """The shipped flights over and over, `a_minute` of them in each minute of event time; labels are as late as they were."""

    def __init__(self, a_minute: int):
        table = pq.read_table(SHIPPED).drop_columns(["arr_delay", "dep_delay"]).replace_schema_metadata(None)
        at, known = (table[c].to_numpy().astype(float) for c in ("t_event_min", "t_label_min"))
        self._delay_min = np.where(known < 0, np.nan, known - at)
        self._rows, self._a_minute = MemorySource(table), a_minute

    def info(self) -> SourceInfo:
        return SourceInfo("flights without end")

    def partitions(self) -> list[str]:
        return ["0"]

    def open(self, partition: str, resume: Resume | None = None) -> Partition:
        return _Laps(
            self._rows, self._delay_min, self._a_minute, int((resume or {"position": 0})["position"])
        )


class _Laps:
    def __init__(self, source: MemorySource, delay_min: np.ndarray, a_minute: int, position: int):
        self._source, self._delay_min, self._a_minute = source, delay_min, a_minute
        self._lap, at = divmod(position, len(delay_min))
        self._now = source.open("0", {"position": at})

    def next_batch(self, limit: int) -> Batch:
        batch = self._now.next_batch(limit)
        if batch is None:
            self._now.close()
            self._lap += 1
            self._now = self._source.open("0")
            batch = self._now.next_batch(limit)
        before = self._lap * len(self._delay_min)
        position = batch.position + before
        at = (position // self._a_minute).astype(float)
        known = at + self._delay_min[batch.position]
        rows = batch.rows
        for name, values in (("t_event_min", at), ("t_label_min", np.where(np.isnan(known), -1.0, known))):
            i = rows.schema.get_field_index(name)
            rows = rows.set_column(i, rows.schema.field(i), pa.array(values).cast(rows.schema.field(i).type))
        good = position % BAD_EVERY != BAD_EVERY - 1
        bad = [BadRecord(int(p), "is no JSON", "decode", b"{oops") for p in position[~good]]
        resume = {"position": int(batch.resume["position"]) + before}
        return Batch(rows.filter(pa.array(good)), position[good], resume, bad)

    def close(self) -> None:
        self._now.close()


class Nowhere:
    """A sink that counts: what it stands for (a topic, a file that is rotated) has a retention of its own."""

    def __init__(self) -> None:
        self.records, self._last = 0, -1

    def committed(self) -> int:
        return self._last

    def write(self, records: list[dict[str, Any]]) -> None:
        self.records += len(records)
        self._last = records[-1]["position"] if records else self._last

    def write_columns(self, columns: dict[str, np.ndarray]) -> None:
        self.records += len(columns["position"])
        self._last = int(columns["position"][-1]) if len(columns["position"]) else self._last

    def flush(self, timeout_s: float | None = None) -> None: ...

    def close(self) -> None: ...


@dataclass
class Sample:
    """The process at a time; `hours` are those of the phase's own clock."""

    hours: float
    records: int
    rss_mb: float
    files: int
    threads: int
    disk_mb: float


class Sampler(Observer):
    """Takes a sample every so often on a clock, in the job's thread."""

    def __init__(self, clock: Callable[[], float], every_s: float, folder: Path):
        self._clock, self._every_s, self._folder = clock, every_s, folder
        self._began_s = self._next_s = math.inf
        self.samples: list[Sample] = []
        self.records = self.saves = 0
        self.checkpoint_mb = self.most_mb = 0.0

    def stepped(self, worker: Any, step: Any, position: int, seconds: float, lag: int | None) -> None:
        self.records = worker.counters.records
        now = self._clock()
        if not self.samples:  # all is compiled
            self._began_s = self._next_s = now
        if now < self._next_s:
            return
        self._next_s += self._every_s
        give_back()
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        self.samples.append(
            Sample(
                (now - self._began_s) / 3600,
                self.records,
                int(status["VmRSS"].split()[0]) / 1024,
                len(os.listdir("/proc/self/fd")),
                int(status["Threads"]),
                self._disk_mb(),
            )
        )

    def saved(self, worker: Any, path: str | None, size_bytes: int | None, seconds: float) -> None:
        self.saves += 1
        self.checkpoint_mb = max(self.checkpoint_mb, (size_bytes or 0) / 2**20)
        self.most_mb = max(self.most_mb, self._disk_mb())

    def _disk_mb(self) -> float:
        return sum(p.stat().st_size for p in self._folder.glob("*")) / 2**20


def floors(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least of `y` in each of `BLOCKS` stretches, and when they were: what is needed for a moment only is not in it."""
    parts = zip(*(np.array_split(v, BLOCKS) for v in (x, y)), strict=True)
    at, least = zip(*((a.mean(), b.min()) for a, b in parts), strict=True)
    return np.array(at), np.array(least)


def slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope by least squares, and its standard error."""
    (rise, _), covariance = np.polyfit(x, y, 1, cov=True)
    return float(rise), math.sqrt(float(covariance[0, 0]))


def without_largest_step(y: np.ndarray) -> tuple[np.ndarray, float]:
    """`y` without its largest rise, and that rise: an allocator takes an arena of some megabytes once; what leaks rises
    again and again."""
    rises = np.diff(y)
    at = int(rises.argmax())
    return np.concatenate([y[: at + 1], y[at + 1 :] - rises[at]]), float(rises[at])


def figures(sampler: Sampler, keep: int, began_s: float) -> dict[str, Any]:
    """Slopes after warm-up, the first half, and what is claimed of them.

    Flat: the memory (resident, once what nobody uses is given back; its least in each stretch, without the one largest
    rise) rises by less than `STEP_MB`, or by less than three standard errors of its slope and 16 MB; files rise by at most
    two; the disk never holds more than `keep` checkpoints. In half an hour at full rate that finds a leak of a
    twentieth of a byte a record, in a simulated month one of half a kilobyte a checkpoint.
    """
    after = sampler.samples[len(sampler.samples) // 2 :]
    hours, rss, files, threads = (
        np.array([getattr(s, n) for s in after], float) for n in ("hours", "rss_mb", "files", "threads")
    )
    span = float(hours[-1] - hours[0])
    at, least = floors(hours, rss)
    memory, largest = without_largest_step(least)
    rise, error = slope(at, memory)
    more_files = float(np.polyfit(hours, files, 1)[0]) * span
    million = (after[-1].records - after[0].records) / 1e6
    return {
        "hours": float(sampler.samples[-1].hours),
        "wall s": time.monotonic() - began_s,
        "records": sampler.records,
        "checkpoints": sampler.saves,
        "memory MB": float(rss.mean()),
        "MB/hour": rise,
        "+-": error,
        "kB/million records": rise * span * 1024 / million,
        "rise MB": rise * span,
        "step MB": largest,
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "files": int(files[-1]),
        "most files": int(files.max()),
        "threads": int(threads.max()),
        "checkpoint MB": sampler.checkpoint_mb,
        "most disk MB": sampler.most_mb,
        "flat": bool(
            rise * span <= max(STEP_MB, min(16.0, 3 * error * span))
            and files.max() - files.min() <= 4  # a page or a scrape that is being answered
            and abs(more_files) <= 2
            and sampler.most_mb <= keep * sampler.checkpoint_mb + 0.01
        ),
        "samples": [asdict(s) for s in sampler.samples],
    }
