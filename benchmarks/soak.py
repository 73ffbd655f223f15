"""Memory, file descriptors and disk of a job that runs on: at full rate, a simulated month of checkpoints, two logs joined by key"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _soak import Endless, Nowhere, Sampler, figures, low_limits
from _soak_joined import soak
from _table import keep, show

from streamnn_jobs.http import JobServer
from streamnn_jobs.live import JobMonitor
from streamnn_jobs.run.observer import Observer
from streamnn_jobs.run.runner import Job
from streamnn_jobs.spec.load import make_spec

KEEP = 2
A_MINUTE = 10
# An open page and Prometheus, in a process of their own.
VIEWER_SCRIPT = """
import json, select, sys, urllib.request
url, keys, n = sys.argv[1], {}, 0
try:
    while not select.select([sys.stdin], [], [], 2)[0]:
        have = ",".join(f"{k}:{v}" for k, v in keys.items())
        with urllib.request.urlopen(f"{url}live?have={have}") as reply:
            keys |= {name: part["key"] for name, part in json.load(reply)["parts"].items()}
        if n % 3 == 0:
            urllib.request.urlopen(f"{url}metrics").read()
        n += 1
except OSError:
    pass
"""


class Clock(Observer):
    """Goes on by a step each batch."""

    def __init__(self, step_s: float):
        self.now_s, self._step_s = 0.0, step_s

    def __call__(self) -> float:
        return self.now_s

    def stepped(self, *told: Any) -> None:
        self.now_s += self._step_s


class Until(Observer):
    """Ends the job so long after its first batch, when all is compiled."""

    def __init__(self, clock: Callable[[], float], seconds: float):
        self._clock, self._seconds = clock, seconds
        self._end_s = math.inf
        self.job: Job | None = None

    def stepped(self, *told: Any) -> None:
        self._end_s = min(self._end_s, self._clock() + self._seconds)
        if self.job is not None and self._clock() >= self._end_s:
            self.job.stop()


def phase(name: str, seconds: float, every_s: float, step_s: float) -> dict[str, Any]:
    """One job: ``rate`` by the clock of this machine, ``month`` by its own."""
    simulated = name == "month"
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, low_limits():
        spec = make_spec(
            {
                "source": {"topic": "never read", "event_time": "t_event_min", "time_unit": "min"},
                "label": {"column": "y", "time": "t_label_min", "missing": [-1], "expire_after": "2 days"},
                "learner": {"task": "classification"},
                "checkpoint": {"directory": folder, "keep": KEEP, "every_s": step_s if simulated else 10.0},
                "run": {"batch_records": round(A_MINUTE * step_s / 60) if simulated else 2048},
            }
        )
        clock = Clock(step_s) if simulated else time.monotonic
        ahead = [clock] if isinstance(clock, Clock) else []
        watch = JobMonitor()
        sampler = Sampler(clock, every_s, Path(folder))
        until = Until(clock, seconds)
        sinks = {n: Nowhere() for n in ("predictions", "dead_letters", "alarms")}
        job = Job(
            spec,
            source=Endless(A_MINUTE),
            sinks=sinks,
            observers=[*ahead, watch, sampler, until],
            clock=clock,
        )
        until.job = job
        with JobServer("127.0.0.1:0", watch, job.control, linger_s=0.0) as server:
            looker = subprocess.Popen(
                [sys.executable, "-c", VIEWER_SCRIPT, server.url], stdin=subprocess.PIPE
            )
            try:
                job.run()
            finally:
                looker.communicate(timeout=60)
        found = figures(sampler, KEEP, began_s)
    return found | {"dead letters": sinks["dead_letters"].records}


def joined(seconds: float, every_s: float) -> dict[str, Any]:
    """Labels on a log of their own, at full rate."""
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, low_limits():
        sampler = Sampler(time.monotonic, every_s, Path(folder))
        worker = soak(sampler, Path(folder), time.monotonic, seconds)
        found = figures(sampler, KEEP, began_s)
    return found | {"dead letters": worker.counters.dead}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="at full rate, of the clock")
    parser.add_argument("--days", type=float, default=30.0, help="simulated")
    parser.add_argument(
        "--step", type=float, default=5.0, help="simulated minutes, a batch and a checkpoint each"
    )
    parser.add_argument("--joined", type=float, default=10.0, help="minutes at full rate, two logs")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--phase", choices=["rate", "month", "joined"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.phase == "joined":
        print(json.dumps(joined(args.joined * 60, args.joined / 2)))
        return
    if args.phase:
        seconds = args.minutes * 60 if args.phase == "rate" else args.days * 86400
        print(json.dumps(phase(args.phase, seconds, seconds / 120, args.step * 60)))
        return
    found = {}
    for name, amount in (("rate", args.minutes), ("month", args.days), ("joined", args.joined)):
        if amount > 0:
            # each in a process of its own, with one thread of numpy, as the command line has it
            command = [sys.executable, __file__, "--phase", name, "--step", str(args.step)]
            command += [
                "--minutes",
                str(args.minutes),
                "--days",
                str(args.days),
                "--joined",
                str(args.joined),
            ]
            done = subprocess.run(
                command,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found[name] = json.loads(done.stdout.splitlines()[-1])
    show(
        "after warm-up; hours of the phase's own clock",
        [{"phase": n} | {k: v for k, v in f.items() if k != "samples"} for n, f in found.items()],
    )
    keep(args.json, found)
    if not all(f["flat"] for f in found.values()):
        sys.exit("not flat: memory, file descriptors or disk grew")


if __name__ == "__main__":
    main()
