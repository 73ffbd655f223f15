"""The stack of docker-compose.yml on an engine, for tests."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SERVICES = ("kafka", "topics", "feeder", "job", "prometheus")
"""All but Grafana, which needs nothing of the job that Prometheus does not show."""
_EACH_ONCE = """
import json
from streamnn_connectors.kafka import KafkaSettings, Place, read_messages
def read(topic):
    return list(read_messages(KafkaSettings(bootstrap_servers="kafka:9092"), [Place(topic, 0)]))
predicted = [json.loads(m.value)["position"] for m in read("flights-predictions")]
good = [m.offset for m in read("flights-events") if m.value != b"{oops"]
print(json.dumps({"predicted": predicted, "events": good[:len(predicted)]}))
"""
_SPOIL = """
from kafka import KafkaProducer
KafkaProducer(bootstrap_servers="kafka:9092").send("flights-events", b"{oops", partition=0).get(60)
"""


def command() -> list[str] | None:
    """How Compose is called here; None where there is no engine or no Compose."""
    for words in (["docker-compose"], ["docker", "compose"]):
        if shutil.which(words[0]) and not subprocess.run([*words, "version"], capture_output=True).returncode:
            running = subprocess.run(["docker", "version"], capture_output=True).returncode == 0
            return words if running else None
    return None


class Stack:
    """A project of its own, on free ports.

    Parameters
    ----------
    words : list of str
        How Compose is called.
    speed : int
        Seconds of the stream a second.
    """

    def __init__(self, words: list[str], speed: int):
        with socket.socket() as a, socket.socket() as b:
            a.bind(("127.0.0.1", 0))
            b.bind(("127.0.0.1", 0))
            self.job, self.prometheus = (f"http://127.0.0.1:{s.getsockname()[1]}/" for s in (a, b))
        self.started_s = 0.0
        self._words = [*words, "-p", f"streamnn{os.getpid()}"]
        self._env = os.environ | {
            "STREAMNN_SPEED": str(speed),
            "STREAMNN_PORT": re.findall(r":(\d+)/", self.job)[0],
            "PROMETHEUS_PORT": re.findall(r":(\d+)/", self.prometheus)[0],
            "STREAMNN_TOKEN": "a token of the test",
        }

    def compose(self, *args: str) -> str:
        """Standard output of one of its commands."""
        done = subprocess.run(
            [*self._words, *args], cwd=ROOT, env=self._env, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, (args, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout

    def up(self) -> None:
        """Start all but Grafana; `started_s` is when."""
        self.started_s = time.monotonic()
        self.compose("up", "-d", *SERVICES)

    def container(self, service: str) -> dict[str, Any]:
        """What the engine says of a service's container."""
        (name,) = self.compose("ps", "-q", service).split()
        done = subprocess.run(["docker", "inspect", name], capture_output=True, text=True, check=True)
        (found,) = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    def healthy(self, service: str) -> bool:
        """Whether its health check says so."""
        return bool(self.container(service)["State"].get("Health", {}).get("Status") == "healthy")

    def kill(self, service: str) -> None:
        """SIGKILL from the host, so that to the engine it is a crash."""
        pid = self.container(service)["State"]["Pid"]
        code = f"import os; os.kill({pid}, 9)"
        words = ["docker", "run", "--rm", "--pid=host", "--user=0", "--entrypoint=python", "streamnn:0.1.0"]
        subprocess.run([*words, "-c", code], check=True, capture_output=True, timeout=120)

    def status(self) -> dict[str, Any]:
        """The only partition, as the job shows it; empty when it does not."""
        try:
            with urllib.request.urlopen(self.job + "status", timeout=10) as answer:
                partitions = json.load(answer)["partitions"]
        except (OSError, urllib.error.URLError):
            return {}
        return dict(partitions[0]) if partitions else {}

    def query(self, expr: str) -> list[Any]:
        """What Prometheus has for an expression now."""
        url = self.prometheus + "api/v1/query?" + urllib.parse.urlencode({"query": expr})
        with urllib.request.urlopen(url, timeout=30) as answer:
            return list(json.load(answer)["data"]["result"])

    def spoil(self) -> None:
        """Send one record that is no JSON."""
        self._python(_SPOIL)

    def predictions(self) -> tuple[list[int], list[int]]:
        """Offsets that were predicted, and as many of the events that could be."""
        found = json.loads(self._python(_EACH_ONCE).splitlines()[-1])
        return found["predicted"], found["events"]

    def _python(self, code: str) -> str:
        return self.compose("exec", "-T", "job", "python", "-c", code)

    def down(self, *args: str) -> None:
        """Stop everything; volumes stay, unless it is asked otherwise."""
        self.compose("down", *args)


def wait(until: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Ask once a second, until there is an answer."""
    deadline = time.monotonic() + timeout_s
    while not (found := until()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
        time.sleep(1)
    return found
