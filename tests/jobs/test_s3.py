"""Checkpoints on a real S3 server: fights for the lease, kills, zombies, and a server that is not there."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from cli_run import Run
from fake_learner import make_fake
from s3_helpers import SECRET, environment, serving
from s3_job import s3_spec
from script import late_spec, stream

from streamnn.errors import StateError
from streamnn_connectors import ScriptedSource
from streamnn_jobs.run.checkpoint import CheckpointStore
from streamnn_jobs.run.result import Result
from streamnn_jobs.run.runner import Job
from streamnn_jobs.stores.bucket import Conflict, StoreError
from streamnn_jobs.stores.lease import LeaseLost
from streamnn_jobs.stores.objects import ObjectStore
from streamnn_jobs.stores.obstore_bucket import ObstoreBucket

pytest.importorskip("obstore", reason="needs obstore: pip install 'streamnn[s3]'")
pytest.importorskip("moto.moto_server.werkzeug_app", reason="needs moto[s3], flask and flask-cors")

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
ARRAYS = {"a": np.arange(1000.0)}
URLS = iter(f"s3://bucket/jobs/{i}" for i in range(10**6))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as endpoint:
        yield endpoint


@pytest.fixture
def url(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place of its own on the server, which the environment leads to."""
    environment(monkeypatch, server)
    return next(URLS)


def job(url: str, until: int | None = None, **more: float) -> Result:
    return Job(s3_spec(url, until, **more), source=ScriptedSource(stream()), sinks={}, make=make_fake).run()


def store(url: str, lease_s: float = 2.0) -> CheckpointStore:
    return CheckpointStore(ObjectStore(ObstoreBucket(url, 2.0), lease_s=lease_s))


@pytest.fixture(scope="module")
def end(tmp_path_factory: pytest.TempPathFactory) -> str:
    """State of a job that keeps its checkpoints in a folder."""
    spec = late_spec(str(tmp_path_factory.mktemp("c")))
    return (
        Job(spec, source=ScriptedSource(stream()), sinks={}, make=make_fake).run().worker.learner.state_hash()
    )


def test_a_put_heeds_its_condition(url: str) -> None:
    bucket = ObstoreBucket(url, 2.0)
    with pytest.raises(FileNotFoundError):
        bucket.get("a")
    first = bucket.put("a", b"1", None)
    with pytest.raises(Conflict):
        bucket.put("a", b"2", None)
    second = bucket.put("a", b"2", first)
    with pytest.raises(Conflict):
        bucket.put("a", b"3", first)
    with pytest.raises(Conflict):
        bucket.put("none", b"3", first)
    assert bucket.get("a") == (b"2", second)
    bucket.put("b/c", b"", None)
    assert bucket.sizes() == {"a": 1} and bucket.folders() == ["b"]
    bucket.delete("a")
    bucket.delete("a")
    assert bucket.sizes() == {}


@pytest.mark.parametrize("replace", [False, True])
def test_of_six_puts_at_once_one_comes_through(url: str, replace: bool) -> None:
    bucket = ObstoreBucket(url, 5.0)
    for i in range(30):
        tag = bucket.put(f"{i}", b"", None) if replace else None
        start, won = threading.Barrier(6), []

        def put(k: int, name: str = f"{i}", tag=tag, start=start, won=won) -> None:  # type: ignore[no-untyped-def]
            start.wait()
            try:
                bucket.put(name, b"%d" % k, tag)
                won.append(b"%d" % k)
            except Conflict:
                pass

        threads = [threading.Thread(target=put, args=(k,)) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [bucket.get(f"{i}")[0]] == won


def test_a_job_goes_on_to_the_state_of_a_local_one(url: str, end: str) -> None:
    assert job(url, 140).checkpoint == f"{url}/checkpoint-000000000140.1-8.safetensors"
    second = job(url)
    assert second.resumed_at == 140 and second.worker.learner.state_hash() == end
    assert len(store(url).files()) == 2


def test_a_state_of_many_megabytes(url: str) -> None:
    arrays = {"a": np.random.default_rng(1).normal(size=2_000_000)}
    checkpoints = store(url)
    with checkpoints.store.own():
        checkpoints.save(1, arrays, {})
    found = store(url).load()
    assert found is not None and found[0]["a"].tobytes() == arrays["a"].tobytes()


def test_predict_status_and_inspect(url: str, run: Run, tmp_path: Path) -> None:
    above, url = url, f"{url}/events-0"  # as of a Kafka job
    rows = "\n".join(f"{i % 2},{'ab'[i % 2]}" for i in range(200))
    (tmp_path / "r.csv").write_text(f"x,y\n{rows}\n")
    code, _, err = run("replay", "r.csv", "--label", "y", "--checkpoint", url)
    assert code == 0, err
    code, out, err = run("checkpoint", "inspect", url)
    assert code == 0 and f"{url}/checkpoint-000000000200.1-" in out
    code, out, _ = run("status", url)
    assert code == 0 and "position 200" in out
    code, out, _ = run("status", above)
    assert code == 0 and "position 200" in out
    code, out, err = run("predict", "r.csv", "--checkpoint", url)
    assert code == 0, err
    code, _, err = run("predict", "r.csv", "--checkpoint", above)
    assert code == 4 and "has no checkpoint" in err and "events-0" in err


CHILDREN: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    yield
    while CHILDREN:
        child = CHILDREN.pop()
        child.kill()
        child.communicate()


def start(url: str, pause_s: float = 0.02) -> subprocess.Popen[str]:
    """A job in a process of its own."""
    child = subprocess.Popen(
        [sys.executable, HERE / "s3_job.py", url, str(pause_s)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    CHILDREN.append(child)
    return child


def until(child: subprocess.Popen[str], records: int) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if not line.strip().isdigit() or int(line) >= records:  # or it has ended
            return
    raise AssertionError(child.stderr.read() if child.stderr else "")


def end_of(child: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err


@pytest.mark.parametrize("records", [7, 63, 150, 280])
def test_killed_it_goes_on_to_the_same_state(url: str, end: str, records: int) -> None:
    child = start(url)
    until(child, records)
    child.kill()
    assert end_of(child)[0] == -signal.SIGKILL
    begun_s = time.monotonic()
    assert job(url).worker.learner.state_hash() == end
    assert time.monotonic() - begun_s >= 2.0  # nobody can tell a dead owner from a slow one any sooner


def test_killed_again_and_again_by_the_clock(url: str, end: str) -> None:
    """Also in the middle of a put: what counts is a whole checkpoint, always."""
    rng = np.random.default_rng(7)
    for _ in range(6):
        child = start(url, 0.0)
        until(child, 7)
        time.sleep(float(rng.uniform(0, 0.4)))
        child.kill()
        end_of(child)
        found = store(url).load()
        assert found is not None
    assert job(url).worker.learner.state_hash() == end


def test_a_second_job_is_refused_while_the_first_lives(url: str, end: str) -> None:
    child = start(url, 0.1)
    until(child, 30)
    with pytest.raises(StateError, match="another job is writing its checkpoints here"):
        job(url)
    code, out, err = end_of(child)
    assert code == 0 and out.split()[-1] == end, err


def test_six_that_start_at_once_are_one(url: str) -> None:
    """Whoever gets the lease, one does; the others say so."""
    begin, all_said, refused, owned = threading.Barrier(6), threading.Event(), [], []

    def fight() -> None:
        checkpoints = store(url, lease_s=6.0)
        begin.wait()
        try:
            with checkpoints.store.own():
                owned.append(checkpoints.save(1, ARRAYS, {}).name)
                assert all_said.wait(60)
        except StateError as e:
            refused.append(str(e))
            if len(refused) == 5:
                all_said.set()

    threads = [threading.Thread(target=fight) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(owned) == 1 and len(refused) == 5
    assert all("another job is writing" in text for text in refused)
    assert [saved.name for saved in store(url).files()] == owned


def test_a_zombie_ends_and_harms_nothing(url: str, end: str) -> None:
    child = start(url)
    until(child, 80)
    child.send_signal(signal.SIGSTOP)
    heir = job(url, 200)
    assert heir.resumed_at is not None and heir.resumed_at >= 63
    held = [saved.name for saved in store(url).files()]
    child.send_signal(signal.SIGCONT)
    code, _, err = end_of(child)
    assert code == 4 and "this job stood still for longer than its lease of 2 s" in err
    assert [saved.name for saved in store(url).files()] == held
    assert job(url).worker.learner.state_hash() == end


def test_two_that_take_over_from_each_other(url: str) -> None:
    """As a partition of Kafka goes back and forth: the last to take it over writes, and nothing is lost."""
    a, b = store(url), store(url)
    for position in range(10, 200, 10):
        mine, other = (a, b) if position % 20 else (b, a)
        mine.store.take_over()
        found = mine.load()
        assert (0 if found is None else found[1]["position"]) == position - 10
        mine.save(position, ARRAYS, {"position": position})
        if position > 10:
            with pytest.raises(LeaseLost):
                other.save(1000, ARRAYS, {})
    mine.store.release()


# not there


@pytest.fixture
def silent() -> Iterator[str]:
    """A port that accepts and never answers."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(50)
        yield f"http://127.0.0.1:{s.getsockname()[1]}"


def closed() -> str:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{s.getsockname()[1]}"


def says(url: str, why: str, timeout_s: float = 1.0) -> None:
    """A job ends with these words, within twice its time-out."""
    begun_s = time.monotonic()
    with pytest.raises(StoreError, match=why) as e:
        job(url, timeout_s=timeout_s)
    assert time.monotonic() - begun_s < 2 * timeout_s + 1
    assert SECRET not in str(e.value) and "AKIDEXAMPLE" not in str(e.value) and "\n" not in str(e.value)


def test_a_closed_port(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, closed())
    says(next(URLS), r"s3://bucket/jobs/\d+/owner.json: can't be read: no connection")


def test_a_port_that_never_answers(monkeypatch: pytest.MonkeyPatch, silent: str) -> None:
    environment(monkeypatch, silent)
    says(next(URLS), "no answer within the time-out")


def test_a_host_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, "http://nobody.invalid")
    says(next(URLS), "its host name is not known|no connection")


def test_a_bucket_that_is_not_there(url: str) -> None:
    says("s3://nobucket/x", "there is no such bucket")


def test_no_credentials(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", closed())  # no machine of a cloud
    says(url, "the environment has no credentials")


@pytest.mark.parametrize(
    ("status", "code", "why"),
    [
        (403, "AccessDenied", "can't be read: 403 Forbidden, AccessDenied"),
        (403, "SignatureDoesNotMatch", "403 Forbidden, SignatureDoesNotMatch"),
        (503, "SlowDown", "503 Service Unavailable, SlowDown"),
    ],
)
def test_a_server_that_refuses(status: int, code: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = f"<Error><Code>{code}</Code><AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment(monkeypatch, f"http://127.0.0.1:{server.server_port}")
        says(next(URLS), why)
        server.shutdown()
    assert len(asked) == (4 if status == 503 else 1)  # tried again where that may help


def test_the_command_line_ends_with_code_4(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, closed())
    (tmp_path / "r.csv").write_text("x,y\n1,a\n2,b\n")
    args = ("replay", "r.csv", "--label", "y")
    code, _, err = run(*args, "--checkpoint", next(URLS))
    assert code == 4 and "can't be read: no connection" in err and SECRET not in err


class Proxy:
    """Passes connections on to a server, until it stops passing anything."""

    def __init__(self, to: str) -> None:
        self._to = int(to.rpartition(":")[2])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.open = threading.Event()
        self.open.set()
        self.cut_at: bytes | None = None
        """Of what holds these bytes half is passed, and nothing after it."""
        self.cut = threading.Event()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            two = socket.create_connection(("127.0.0.1", self._to))
            self._sockets += [one, two]
            for a, b in ((one, two), (two, one)):
                threading.Thread(target=self._pass, args=(a, b), daemon=True).start()

    def _pass(self, a: socket.socket, b: socket.socket) -> None:
        try:
            while data := a.recv(65536):
                self.open.wait()
                if self.cut_at is not None and self.cut_at in data:
                    b.sendall(data[: len(data) // 2])
                    self.cut.set()
                    return
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self) -> None:
        self.open.set()
        self._listener.close()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # a thread may be reading
            each.close()


@pytest.fixture
def proxy(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    passing = Proxy(server)
    environment(monkeypatch, passing.endpoint)
    yield passing
    passing.close()


def test_a_server_that_falls_silent_in_mid_run(
    proxy: Proxy, server: str, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    url = next(URLS)
    child = start(url)
    until(child, 80)
    proxy.open.clear()
    begun_s = time.monotonic()
    code, _, err = end_of(child)
    assert code == 4 and "no answer within the time-out" in err and SECRET not in err
    assert time.monotonic() - begun_s < 10  # 2 s of time-out, twice, and the rest of the batches before
    environment(monkeypatch, server)
    assert job(url).worker.learner.state_hash() == end


def test_killed_in_the_middle_of_a_put(
    proxy: Proxy, server: str, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    url = next(URLS)
    proxy.cut_at = b"PUT /bucket/" + url.removeprefix("s3://bucket/").encode() + b"/checkpoint-000000000105"
    child = start(url)
    assert proxy.cut.wait(30)
    child.kill()
    end_of(child)
    proxy.close()
    environment(monkeypatch, server)
    found = store(url).files()
    assert [saved.position for saved in found] == [84, 63]
    assert not any("000000000105" in name for name in ObstoreBucket(url, 2.0).sizes())
    assert job(url).worker.learner.state_hash() == end


def test_a_short_silence_is_waited_out(proxy: Proxy, end: str) -> None:
    child = start(next(URLS))
    until(child, 80)
    proxy.open.clear()
    time.sleep(1.0)
    proxy.open.set()
    code, out, err = end_of(child)
    assert code == 0 and out.split()[-1] == end, err
