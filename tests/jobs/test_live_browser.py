"""The live page in a real browser, during a run: every picture is filled and moves, nothing comes from elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from served import Clock, ask
from test_report_browser import CHROMIUM, PROBE, WATCH, check_filled

from streamnn_jobs.http import JobServer
from streamnn_jobs.live import JobMonitor
from streamnn_jobs.run.observer import Observer
from streamnn_jobs.run.runner import Job
from streamnn_jobs.spec.load import make_spec

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
]
LOOKS = 4

# Counts the page's looks at the job; after some it compares each picture with how it was, then measures all.
COUNT = """
<script>
  let looks = 0, hosts = new Set();
  const real = window.fetch;
  window.fetch = async (...what) => {
    hosts.add(new URL(what[0], location.href).host);
    const reply = await real(...what);
    looks += 1;
    return reply;
  };
  const drawn = () => Object.fromEntries([...document.querySelectorAll('[data-plot]')].map(
    (p, i) => [p.dataset.plot + '/' + i, [...p.querySelectorAll('[data-series]')].map(e => e.outerHTML).join(' ')]));
  let before = null;
  window.addEventListener('load', () => { before = drawn(); });
  window.moved = () => {
    const now = drawn();
    return Object.keys(now).map(k => [k.split('/')[0], before[k] !== now[k]]);
  };
</script>
"""
LATER = """
<script>
  const timer = setInterval(() => {
    if (looks < %d) return;
    clearInterval(timer);
    setTimeout(() => {
      const note = document.createElement('pre');
      note.id = 'moved';
      note.textContent = JSON.stringify({moved: moved(), hosts: [...hosts], here: location.host,
        state: document.body.dataset.state, bar: document.querySelector('.bar').textContent});
      document.body.append(note);
      (() => { %s })();
    }, 500);
  }, 100);
</script>
"""


@pytest.fixture(autouse=True)
def quick_slopes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looser bounds, and as often as they are asked for: what is tested is the page."""
    monkeypatch.setattr("streamnn.network.certificate._BALANCE_ROUNDS", 1)
    monkeypatch.setattr("streamnn_jobs.live.slope_thread.CERTIFICATE_SHARE", 100.0)


class Gate(Observer):
    """Holds the job after every few batches until it is let go on."""

    def __init__(self, clock: Clock, batches: int):
        self._clock, self._every, self._done = clock, batches, 0
        self._go, self._held = threading.Semaphore(0), threading.Semaphore(0)
        self.open = False

    def stepped(self, *told: Any) -> None:
        self._clock.now += 4.0
        self._done += 1
        if not self.open and self._done % self._every == 0:
            self._held.release()
            self._go.acquire()

    def ended(self, outcome: str) -> None:
        self.open = True
        self._held.release()

    def on(self) -> None:
        """Let the job learn a few batches, and wait for it."""
        if not self.open:
            self._go.release()
            assert self._held.acquire(timeout=60)

    def begin(self) -> None:
        assert self._held.acquire(timeout=120)

    def finish(self) -> None:
        self.open = True
        self._go.release()


@contextmanager
def fronted(dataset: str, probed: bool, lost_after: int | None = None) -> Iterator[str]:
    """A job that learns on with every look of the page; the page is given a probe where that is asked for."""
    clock = Clock()
    watch = JobMonitor(clock, Clock(1.7e9))
    gate = Gate(clock, 4)
    spec = make_spec({"source": {"dataset": dataset}, "run": {"batch_records": 128, "until_records": 16_000}})
    job = Job(spec, observers=[watch, gate])
    thread = threading.Thread(target=job.run)
    looks = [0]

    class Front(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/live"):
                looks[0] += 1
                if lost_after is not None and looks[0] > lost_after:
                    self.send_error(502)
                    return
                gate.on()
                watch.slopes.join()
            code, body, headers = ask(server.url.rstrip("/") + self.path)
            kind, policy = headers["Content-Type"], headers["Content-Security-Policy"]
            if kind == "application/json":
                body = json.dumps(body)
            elif probed and self.path == "/":
                inner = PROBE.replace("<script>", "").replace("</script>", "")
                body = body.replace("<head>", "<head>" + WATCH + COUNT, 1)
                body = body.replace("</body>", LATER % (LOOKS, inner) + "</body>")
                policy = None
            self.send_response(code)
            self.send_header("Content-Type", kind)
            if policy:
                self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None: ...

    front = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    front.daemon_threads = True
    with JobServer("127.0.0.1:0", watch, job.control, "a <live> page", linger_s=0.0) as server:
        thread.start()
        threading.Thread(target=front.serve_forever, daemon=True).start()
        try:
            gate.begin()
            for _ in range(3):
                ask(server.url + "live")  # asked for, so slopes are there at the page's first look
                gate.on()
                watch.slopes.join()
            yield f"http://127.0.0.1:{front.server_address[1]}/"
        finally:
            job.stop()
            gate.finish()
            thread.join()
            front.shutdown()
            front.server_close()


def browse(url: str, folder: Path, width: int = 1200, dark: bool = False) -> str:
    """The document after some seconds of the browser's own time."""
    assert CHROMIUM
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={folder / 'profile'}", f"--window-size={width},2000"]
    command += ["--virtual-time-budget=16000", "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout


def note(dom: str, key: str) -> Any:
    found = re.search(rf'<pre id="{key}">(.*?)</pre>', dom, re.S)
    assert found, f"the page's scripts did not come to {key}"
    words = found.group(1)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&amp;", "&")):
        words = words.replace(entity, character)
    return json.loads(words)


@pytest.mark.parametrize("width", [1200, 500])
def test_every_picture_is_filled_and_moves(width: int, tmp_path: Path) -> None:
    with fronted("flights", probed=True) as url:
        dom = browse(url, tmp_path, width)
    found = note(dom, "probe")
    networks = sum(p.startswith("activations-") for p in found["plots"])
    assert networks >= 4
    flow = ["throughput", "lag", "pending", "dead"]
    found["resources"] = 0  # the page's looks at its own job; where they went is checked below
    drawn = {k: v for k, v in found["plots"].items() if k not in flow}
    want = ["accuracy", "loss", "regret", "weights", "surprise", "entropy", "slopes"]
    check_flow(found, flow)
    found["plots"] = drawn
    found["tip"] = found["tip"] + " labels learnt the pool"  # the first picture here is one of the flow
    check_filled(found, want + [f"activations-{i}" for i in range(networks)])
    looks = note(dom, "moved")
    assert looks["hosts"] == [looks["here"]] and looks["state"] == "running"
    still = {plot for plot, moved in looks["moved"] if not moved} - {"dead"}  # no record of flights is bad
    # a unit that nobody listens to may keep its function; its network's others do not
    moving = {plot for plot, moved in looks["moved"] if moved}
    assert still - moving == set() and set(want) <= moving and {"throughput", "lag", "pending"} <= moving


def check_flow(found: dict[str, Any], names: list[str]) -> None:
    assert [p for p in found["plots"] if p in names] == names
    for name in names:
        (plot,) = found["plots"][name]
        assert plot["width"] > 150 and plot["shapes"], name
        assert all(s["width"] > 5 and s["paint"] != "none none" for s in plot["shapes"]), name


def test_the_page_as_served_runs_its_own_script_under_its_policy(tmp_path: Path) -> None:
    with fronted("flights", probed=False) as url:
        _, first, headers = ask(url)
        dom = browse(url, tmp_path)
    assert "connect-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe-eval" not in headers["Content-Security-Policy"]
    begun, later = (int(re.search(r"record ([\d,]+)<", t)[1].replace(",", "")) for t in (first, dom))  # type: ignore[index]
    assert later >= begun + 4 * 128 * 3
    assert "a &lt;live&gt; page" in first and 'data-state="running"' in dom


def test_a_job_that_is_gone_is_said_to_be_and_its_last_pictures_stay(tmp_path: Path) -> None:
    with fronted("flights", probed=False, lost_after=2) as url:
        dom = browse(url, tmp_path)
    assert 'data-state="lost"' in dom and dom.count("data-series=") > 20
