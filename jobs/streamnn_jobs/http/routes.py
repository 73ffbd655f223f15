"""What each path of a job answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, urlsplit

from prometheus_client.exposition import choose_encoder

from ..live.job_monitor import JobMonitor
from ..live.page import LivePage
from ..live.status import healthy, job_status, ready, state
from ..metrics import make_registry
from ..run.control import Control
from ..run.summary import plain
from .access import Access

SAVE_TIMEOUT_S = 30.0
"""Seconds that a request for a checkpoint waits for it to be written."""
Headers = Mapping[str, str] | Message


@dataclass(slots=True)
class Answer:
    """An HTTP answer: status, body, type and further headers."""

    code: int
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


class Routes:
    """Answers requests out of the latest views; the job does not notice.

    Parameters
    ----------
    monitor : JobMonitor
    control : Control
    page : LivePage
    access : Access
    """

    def __init__(self, monitor: JobMonitor, control: Control, page: LivePage, access: Access):
        self._monitor, self._control, self._page, self._access = monitor, control, page, access
        self._registry = make_registry(monitor, control)
        self.looked_s = float("-inf")
        self._get: dict[str, Callable[[Mapping[str, str], Headers], Answer]] = {
            "/": self._live,
            "/live": self._parts,
            "/metrics": self._metrics,
            "/status": lambda query, headers: _json(200, job_status(monitor, control)),
            "/healthz": lambda query, headers: _word(*healthy(monitor, control)),
            "/readyz": lambda query, headers: _word(*ready(monitor, control)),
        }
        self._post: dict[str, Callable[[], Answer]] = {
            "/pause": self._pause,
            "/resume": self._resume,
            "/checkpoint": self._checkpoint,
        }

    def answer(self, method: str, target: str, headers: Headers) -> Answer:
        """The answer to a request; `headers` finds names in any case."""
        try:
            url = urlsplit(target)
        except ValueError:
            return Answer(400, b"no such thing as that URL\n")
        wanted = "POST" if url.path in self._post else "GET"
        if url.path not in self._get and url.path not in self._post:
            known = " ".join((*self._get, *self._post))
            return Answer(404, f"no such path; there are {known}\n".encode())
        if method != wanted and not (method == "HEAD" and wanted == "GET"):
            return Answer(405, f"{url.path} takes {wanted}\n".encode(), headers={"Allow": wanted})
        if wanted == "GET":
            query = {k: v[-1] for k, v in parse_qs(url.query).items()}
            return self._get[url.path](query, headers)
        refused = self._access.refusal(headers)
        if refused is not None:
            more = {"WWW-Authenticate": "Bearer"} if refused[0] == 401 else {}
            return Answer(refused[0], f"{refused[1]}\n".encode(), headers=more)
        if self._monitor.outcome is not None:
            return _json(409, {"error": "the job is over"})
        return self._post[url.path]()

    def _live(self, query: Mapping[str, str], headers: Headers) -> Answer:
        self._monitor.ask()
        text, policy = self._page.page(query.get("partition"))
        more = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
        return Answer(200, text.encode(), "text/html; charset=utf-8", more)

    def _parts(self, query: Mapping[str, str], headers: Headers) -> Answer:
        self._monitor.ask()
        self.looked_s = time.monotonic()
        return _json(200, self._page.parts(query.get("partition"), query.get("have", "")))

    def _metrics(self, query: Mapping[str, str], headers: Headers) -> Answer:
        try:
            encode, kind = choose_encoder(headers.get("Accept") or "")
        except (ValueError, TypeError):  # no header of a scraper: it gets what it would without one
            encode, kind = choose_encoder("")
        return Answer(200, encode(self._registry), kind)

    def _pause(self) -> Answer:
        self._control.pause()
        return _json(200, {"state": state(self._monitor, self._control)})

    def _resume(self) -> Answer:
        self._control.resume()
        return _json(200, {"state": state(self._monitor, self._control)})

    def _checkpoint(self) -> Answer:
        if not self._control.save(SAVE_TIMEOUT_S):
            return _json(504, {"error": f"not done within {SAVE_TIMEOUT_S:.0f} s; the job will still do it"})
        return _json(
            200, {p.view.partition: p.checkpoint and p.checkpoint[0] for p in self._monitor.open_partitions()}
        )


def _json(code: int, data: Any) -> Answer:
    return Answer(code, json.dumps(plain(data), allow_nan=False).encode() + b"\n", "application/json")


def _word(good: bool, word: str) -> Answer:
    return Answer(200 if good else 503, f"{word}\n".encode())
