"""CPU a job spends on metrics and the live page, at full rate"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from _table import keep, show

from streamnn_connectors import MemorySource
from streamnn_jobs.data.flights import SHIPPED
from streamnn_jobs.http import JobServer
from streamnn_jobs.live import JobMonitor
from streamnn_jobs.run.runner import Job
from streamnn_jobs.spec.load import make_spec

# What looks on, in a process of its own: a page that takes what has changed every two seconds, as the real one does,
# and Prometheus. Seconds here are those of the job's CPU: at full rate on a machine of its own they are those of a
# clock, on a shared machine the job would else be looked at more often for the same work.
VIEWER_SCRIPT = """
import json, os, select, sys, urllib.request
url, job, page_s, scrape_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
def spent():
    fields = open(f"/proc/{job}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
keys, looks, scrapes, at = {}, 0, 0, spent()
next_page, next_scrape = at, at
try:
    while not select.select([sys.stdin], [], [], .02)[0]:
        now = spent()
        if page_s and now >= next_page:
            have = ",".join(f"{k}:{v}" for k, v in keys.items())
            with urllib.request.urlopen(f"{url}live?have={have}") as reply:
                for name, part in json.load(reply)["parts"].items():
                    keys[name] = part["key"]
            looks, next_page = looks + 1, now + page_s
        if scrape_s and now >= next_scrape:
            urllib.request.urlopen(f"{url}metrics").read()
            scrapes, next_scrape = scrapes + 1, now + scrape_s
except OSError:
    pass
print(looks, scrapes)
"""
WAYS = {
    "off": None,
    "served, nobody looks": (0.0, 0.0),
    "scraped every 5 s": (0.0, 5.0),
    "page open, scraped every 5 s": (2.0, 5.0),
}


def rows(times: int) -> pa.Table:
    """The shipped flights, over and over; labels come 500 events late."""
    table = pq.read_table(SHIPPED).drop_columns(["t_event_min", "t_label_min", "arr_delay", "dep_delay"])
    return pa.concat_tables([table.replace_schema_metadata(None)] * times)


_MORE = ("looks", "scrapes", "views_s", "served_s")


class Timed(JobMonitor):
    """Counts the CPU that it takes of the job's thread."""

    spent_s = 0.0

    def stepped(self, *told: Any) -> None:
        begun_s = time.thread_time()
        super().stepped(*told)
        self.spent_s += time.thread_time() - begun_s


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run(table: pa.Table, way: tuple[float, float] | None) -> dict[str, float]:
    """CPU and wall seconds of one run, the job's process alone."""
    spec = make_spec(
        {
            "source": {"path": "flights.parquet"},
            "label": {"column": "y", "delay_events": 500, "missing": [-1]},
            "learner": {"task": "classification"},
        }
    )
    watch = Timed(time.process_time)
    job = Job(spec, source=MemorySource(table), sinks={}, observers=[] if way is None else [watch])
    if way is None:
        result = job.run()
        return {"cpu_s": result.cpu_s, "wall_s": result.wall_s} | dict.fromkeys(_MORE, 0.0)
    with JobServer("127.0.0.1:0", watch, job.control, linger_s=0.0) as server:
        others = [sys.executable, "-c", VIEWER_SCRIPT, server.url, str(os.getpid()), *map(str, way)]
        looker = _start(others) if any(way) else None
        process_s, thread_s = time.process_time(), time.thread_time()
        result = job.run()
        # the other threads are the server's
        served_s = time.process_time() - process_s - (time.thread_time() - thread_s)
    looks, scrapes = 0, 0
    if looker is not None:
        out, _ = looker.communicate(timeout=60)
        looks, scrapes = map(int, out.split())
    figures = (looks, scrapes, watch.spent_s, served_s)
    return {"cpu_s": result.cpu_s, "wall_s": result.wall_s} | dict(zip(_MORE, figures, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of all ways, one after another")
    parser.add_argument("--times", type=int, default=10, help="how often the 80,789 flights are repeated")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    if "OPENBLAS_NUM_THREADS" not in os.environ:  # as the command line has it; numpy reads it when imported
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"OPENBLAS_NUM_THREADS": "1"})
    table = rows(args.times)
    run(table.slice(0, 20_000), (2.0, 5.0))  # kernels, templates
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    for i in range(args.rounds):
        # forwards and backwards, so that a machine that warms up favours nobody
        for name in list(WAYS) if i % 2 == 0 else list(WAYS)[::-1]:
            found[name].append(run(table, WAYS[name]))
    shown = []
    for name, runs in found.items():
        ratios = [r["cpu_s"] / b["cpu_s"] for r, b in zip(runs, found["off"], strict=True)]
        mid = {k: statistics.median(r[k] for r in runs) for k in runs[0]}
        direct = [
            100 * (r["views_s"] + r["served_s"]) / (r["cpu_s"] - r["views_s"] - r["served_s"]) for r in runs
        ]
        shown.append(
            {
                "way": name,
                "CPU s": mid["cpu_s"],
                "wall s": mid["wall_s"],
                "looks": mid["looks"],
                "scrapes": mid["scrapes"],
                "views, CPU ms": 1000 * mid["views_s"],
                "server, CPU ms": 1000 * mid["served_s"],
                "cost %": statistics.median(direct),
                "highest %": max(direct),
                "by ratio %": 100 * (statistics.median(ratios) - 1),
                "half spread %": 50 * (max(ratios) - min(ratios)),
            }
        )
    show(f"{table.num_rows:,} flights, {args.rounds} rounds; CPU of the job's process", shown)
    keep(args.json, {"rows": table.num_rows, "runs": found, "table": shown})


if __name__ == "__main__":
    main()
