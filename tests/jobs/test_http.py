"""A job over HTTP: what it says, who may change it, and that looking never harms it."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fake_learner import make_fake
from script import disks, late_spec, outcome, stream
from served import ask, serve

from streamnn.errors import SpecError
from streamnn_connectors import ScriptedSource
from streamnn_jobs.http import JobServer
from streamnn_jobs.http.access import Access
from streamnn_jobs.http.server import MOST_CONNECTIONS
from streamnn_jobs.live import JobMonitor
from streamnn_jobs.live.status import STALLED_S, healthy, ready
from streamnn_jobs.run.control import Control
from streamnn_jobs.run.runner import Job

TOKEN = "a long secret"
ALL = ["", "metrics", "status", "healthz", "readyz", "live"]


def at(batch: int, *calls: tuple[str, str, dict[str, str]], **how: Any) -> list[tuple[int, Any, Any]]:
    """Answers to requests (method, path, headers) made after so many batches."""
    found: list[tuple[int, Any, Any]] = []

    def look(url: str, job: Job) -> None:
        found.extend(ask(url + path, method, headers) for method, path, headers in calls)

    serve({batch: look}, **how)
    return found


def test_status_says_how_the_job_stands(tmp_path: Path) -> None:
    ((code, status, headers),) = at(20, ("GET", "status", {}), directory=str(tmp_path))
    assert code == 200 and headers["Cache-Control"] == "no-store"
    assert status["state"] == "running" and status["outcome"] is None and status["up_s"] == 220.0
    (part,) = status["partitions"]
    assert part["records"] == 140 == part["position"] and part["lag"] == 160
    assert part["records_per_s"] == pytest.approx(7 / 11)
    assert part["pending"] == part["predicted"] - part["learnt"] - part["expired"] - part["unlabelled"]
    assert part["scores"]["accuracy"] > 0 and part["last_alarm"]["position"] < 140


def test_every_path_answers_while_the_job_runs_and_head_has_no_body() -> None:
    found = at(5, *(("GET", path, {}) for path in ALL), *(("HEAD", path, {}) for path in ALL))
    assert [code for code, _, _ in found] == [200] * 12
    for (_, body, full), (_, none, head) in zip(found[:6], found[6:], strict=True):
        assert body and none == ""
        assert head["Content-Type"] == full["Content-Type"] and int(head["Content-Length"]) > 0


def test_what_is_not_there_says_what_is() -> None:
    found = at(
        5, ("GET", "nothing", {}), ("GET", "pause", {}), ("POST", "status", {}), ("GET", "../etc/passwd", {})
    )
    assert [code for code, _, _ in found] == [404, 405, 405, 404]
    assert "/metrics" in found[0][1] and found[1][2]["Allow"] == "POST" and found[2][2]["Allow"] == "GET"


def test_pause_checkpoint_and_resume(tmp_path: Path) -> None:
    seen: list[Any] = []

    def meanwhile(url: str) -> None:
        seen.append(ask(url + "status")[1]["state"])
        seen.append(ask(url + "checkpoint", "POST")[:2])
        seen.append(ask(url + "readyz")[:2])
        seen.append(ask(url + "resume", "POST")[:2])

    def pause(url: str, job: Job) -> None:
        seen.append(ask(url + "pause", "POST")[:2])
        threads.append(threading.Thread(target=meanwhile, args=(url,)))
        threads[0].start()

    threads: list[threading.Thread] = []
    result = serve({4: pause}, directory=str(tmp_path))
    threads[0].join()
    path = str(tmp_path / "checkpoint-000000000028.safetensors")
    assert seen == [
        (200, {"state": "paused"}),
        "paused",
        (200, {"0": path}),
        (200, "paused\n"),
        (200, {"state": "running"}),
    ]
    assert result.events == 300


@pytest.mark.parametrize(
    ("host", "token", "headers", "code"),
    [
        ("127.0.0.1", None, {"Host": "127.0.0.1:1"}, None),
        ("127.0.0.1", None, {"Host": "[::1]:1"}, None),
        ("127.0.0.1", None, {"Host": "127.0.0.1:1", "Origin": "http://127.0.0.1:1"}, None),
        ("127.0.0.1", None, {"Host": "127.0.0.1:1", "Origin": "http://127.0.0.1:2"}, 403),
        ("127.0.0.1", None, {"Host": "127.0.0.1:1", "Origin": "null"}, 403),
        ("127.0.0.1", None, {"Host": "127.0.0.1:1", "Origin": "http://["}, 403),
        ("127.0.0.1", None, {"Host": "[", "Origin": "http://["}, 403),
        ("127.0.0.1", TOKEN, {"Host": "[", "Origin": "//[", "Authorization": f"Bearer {TOKEN}"}, 403),
        ("127.0.0.1", None, {"Host": "rebound.example:1"}, 403),
        ("127.0.0.1", None, {}, 403),
        ("0.0.0.0", None, {"Host": "127.0.0.1:1"}, 403),
        ("0.0.0.0", TOKEN, {"Host": "job:1"}, 401),
        ("0.0.0.0", TOKEN, {"Host": "job:1", "Authorization": f"Bearer {TOKEN}"}, None),
        ("0.0.0.0", TOKEN, {"Host": "job:1", "Authorization": f"bearer {TOKEN}"}, None),
        ("0.0.0.0", TOKEN, {"Host": "job:1", "Authorization": f"Basic {TOKEN}"}, 401),
        ("0.0.0.0", TOKEN, {"Host": "job:1", "Authorization": f"Bearer {TOKEN}x"}, 401),
        ("127.0.0.1", TOKEN, {"Host": "127.0.0.1:1"}, 401),
        ("127.0.0.1", TOKEN, {"Host": "x:1", "Authorization": f"Bearer {TOKEN}"}, None),
    ],
)
def test_who_may_change_a_job(
    host: str, token: str | None, headers: dict[str, str], code: int | None
) -> None:
    refusal = Access(host, token).refusal(headers)
    assert (refusal and refusal[0]) == code


def test_a_token_is_asked_for_and_no_page_offers_buttons_then() -> None:
    good = {"Authorization": f"Bearer {TOKEN}"}
    found = at(
        5, ("POST", "pause", {}), ("POST", "pause", {"Authorization": "Bearer wrong"}), ("GET", "readyz", {}),
        ("POST", "resume", good), ("GET", "", {}), token=TOKEN,
    )  # fmt: skip
    assert [code for code, _, _ in found] == [401, 401, 200, 200, 200]
    assert found[0][2]["WWW-Authenticate"] == "Bearer" and found[2][1] == "running\n"
    assert "<button" not in found[4][1]
    ((_, page, _),) = at(5, ("GET", "", {}))
    assert page.count("<button") == 2


def test_a_short_token_is_refused() -> None:
    with pytest.raises(SpecError, match="fewer than 8 characters"):
        Access("0.0.0.0", "short")


def test_a_taken_port_is_a_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SpecError, match=f"127.0.0.1:{port} can't be listened on: Address already in use"):
            JobServer(f"127.0.0.1:{port}", JobMonitor(), Control())


def test_looking_changes_nothing(tmp_path: Path) -> None:
    alone, watched = disks(), disks()
    plain = Job(late_spec(str(tmp_path / "a")), source=ScriptedSource(stream()), sinks=alone, make=make_fake)
    watch = JobMonitor()
    job = Job(
        late_spec(str(tmp_path / "b")),
        source=ScriptedSource(stream()),
        sinks=watched,
        make=make_fake,
        observers=[watch],
    )
    stop = threading.Event()
    codes: list[int] = []

    def gaze(url: str) -> None:
        while not stop.is_set():
            codes.extend(ask(url + path)[0] for path in ALL)

    with JobServer("127.0.0.1:0", watch, job.control, linger_s=0.0) as server:
        threads = [threading.Thread(target=gaze, args=(server.url,)) for _ in range(3)]
        for t in threads:
            t.start()
        try:
            result = job.run()
            while len(codes) < 60:
                stop.wait(0.01)
        finally:
            stop.set()
            for t in threads:
                t.join()
    assert outcome(result, watched) == outcome(plain.run(), alone)
    assert set(codes) <= {200, 503}  # 503: not ready before and after


def test_rubbish_is_answered_and_harms_nobody() -> None:
    def rubbish(url: str, job: Job) -> None:
        place = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
        for line in (
            b"\r\n\r\n",
            b"GET\r\n\r\n",
            b"\xff\xfe\x00\x01" * 50 + b"\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
            b"POST /pause HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
            b"POST /pause HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
            b"POST /pause HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET //[ HTTP/1.1\r\nConnection: close\r\n\r\n",
            b"GET http://[::1/status HTTP/1.1\r\nConnection: close\r\n\r\n",
            b"POST http://[/pause HTTP/1.1\r\nConnection: close\r\n\r\n",
            b"POST /pause HTTP/1.1\r\nOrigin: http://[\r\nConnection: close\r\n\r\n",
            b"GET /live?partition=%00&have=a:b:c,,,: HTTP/1.1\r\nConnection: close\r\n\r\n",
        ):
            with socket.create_connection(place, timeout=20) as s:
                s.sendall(line)
                s.shutdown(socket.SHUT_WR)
                answers.append(s.recv(1 << 20))
        codes.append(ask(url + "healthz")[0])

    answers: list[bytes] = []
    codes: list[int] = []
    assert serve({3: rubbish}).events == 300
    assert codes == [200] and answers[-1].startswith(b"HTTP/1.1 200")
    assert not any(b"500" in a[:20] for a in answers)
    assert [a.split()[1] for a in answers[-5:-1]] == [b"404", b"400", b"400", b"403"]


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=zz", ";=,", "application/openmetrics-text; version="]
)
def test_metrics_for_who_asks_in_strange_ways(accept: str) -> None:
    ((code, text, headers),) = at(3, ("GET", "metrics", {"Accept": accept}))
    assert code == 200 and "streamnn_ready" in text and headers["Content-Type"]


def test_more_connections_than_slots_are_turned_away_and_it_goes_on() -> None:
    def crowd(url: str, job: Job) -> None:
        place = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
        held = [socket.create_connection(place, timeout=20) for _ in range(MOST_CONNECTIONS)]
        late = socket.create_connection(place, timeout=20)
        closed.append(late.recv(10))
        for s in (*held, late):
            s.close()

    def later(url: str, job: Job) -> None:
        for _ in range(200):  # the slots come back when the threads see that nobody is there
            try:
                codes.append(ask(url + "healthz")[0])
                return
            except OSError:
                continue

    closed: list[bytes] = []
    codes: list[int] = []
    serve({3: crowd, 4: later})
    assert closed == [b""] and codes == [200]


def test_health_is_that_the_loop_turns() -> None:
    from served import Clock

    clock, control = Clock(), Control()
    watch = JobMonitor(clock, Clock())
    assert healthy(watch, control) == (True, "starting") and ready(watch, control) == (False, "starting")
    Job(late_spec(None), source=ScriptedSource(stream()), sinks={}, make=make_fake, observers=[watch]).run()
    assert healthy(watch, control) == (True, "over") and ready(watch, control) == (False, "over")
    watch.outcome = None
    clock.now += STALLED_S + 1
    assert healthy(watch, control) == (False, "no batch for 121 s")
    watch.idle()
    assert healthy(watch, control)[0]
    watch.ended("failed")
    assert healthy(watch, control) == (False, "failed")
