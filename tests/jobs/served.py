"""A small job that is served over HTTP while it runs, and asked between its batches."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from fake_learner import make_fake
from script import late_spec, stream

from streamnn_connectors import ScriptedSource
from streamnn_jobs.http import JobServer
from streamnn_jobs.live import JobMonitor
from streamnn_jobs.run.observer import Observer
from streamnn_jobs.run.result import Result
from streamnn_jobs.run.runner import Job


class Clock:
    """Cranked by hand."""

    def __init__(self, now: float = 1000.0):
        self.now = now

    def __call__(self) -> float:
        return self.now


class Cranked(Observer):
    """Moves the clock before each batch is told of, and does something after some of them."""

    def __init__(self, clock: Clock, step_s: float, then: dict[int, Callable[[], None]]):
        self._clock, self._step_s, self._then = clock, step_s, then
        self.batches = 0

    def stepped(self, *told: Any) -> None:
        self._clock.now += self._step_s
        self.batches += 1


class Asking(Observer):
    """Comes last: the views are made."""

    def __init__(self, cranked: Cranked, then: dict[int, Callable[[], None]]):
        self._cranked, self._then = cranked, then
        self.failed: BaseException | None = None

    def stepped(self, *told: Any) -> None:
        try:
            self._then.get(self._cranked.batches, lambda: None)()
        except BaseException as e:
            self.failed = e
            raise


def serve(
    then: dict[int, Callable[[str, Job], None]],
    directory: str | None = None,
    address: str = "127.0.0.1:0",
    step_s: float = 11.0,
    token: str | None = None,
    items: list[Any] | None = None,
    edge: dict[str, Any] | None = None,
) -> Result:
    """Run 300 records in batches of 7; after batch n, ``then[n]`` is called with the URL and the job."""
    clock = Clock()
    watch = JobMonitor(clock, Clock(1.7e9))
    calls: dict[int, Callable[[], None]] = {}
    cranked = Cranked(clock, step_s, calls)
    asking = Asking(cranked, calls)
    job = Job(
        late_spec(directory, every_events=10_000, edge=edge),
        source=ScriptedSource(stream() if items is None else items),
        sinks={},
        make=make_fake,
        observers=[cranked, watch, asking],
    )
    with JobServer(address, watch, job.control, "a <test>", token, linger_s=0.0) as server:
        for n, call in then.items():
            calls[n] = lambda call=call: call(server.url, job)  # type: ignore[misc]
        result = job.run()
    if asking.failed is not None:
        raise asking.failed
    return result


def ask(
    url: str, method: str = "GET", headers: dict[str, str] | None = None, timeout_s: float = 20.0
) -> tuple[int, Any, Any]:
    """Status, body (JSON is decoded) and headers of an answer."""
    request = urllib.request.Request(url, method=method, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout_s) as reply:
            code, body, found = reply.status, reply.read(), reply.headers
    except urllib.error.HTTPError as e:
        with e:
            code, body, found = e.code, e.read(), e.headers
    text = body.decode()
    return code, json.loads(text) if text and found["Content-Type"] == "application/json" else text, found
