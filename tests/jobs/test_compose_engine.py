"""The Compose stack on a real engine: it comes up, learns, is scraped, and goes on after kills and down."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from compose_stack import ROOT, Stack, command, wait

pytestmark = [pytest.mark.slow, pytest.mark.docker]

HEALTHY_S, MORE_S = 180.0, 240.0  # three minutes are promised, on two cores


@pytest.fixture
def stack() -> Iterator[Stack]:
    words = command()
    if words is None:
        pytest.skip(
            "needs a Docker engine that DOCKER_HOST names and Compose: apt-get install docker.io docker-compose"
        )
    stack = Stack(words, speed=18_000)
    try:
        stack.compose("build")
        stack.up()
        yield stack
    finally:
        stack.down("-v", "--remove-orphans")


def learnt(stack: Stack) -> int:
    return int(stack.status().get("learnt", 0))


def goes_on(stack: Stack, before: dict[str, Any], when: str) -> None:
    """More is read and more is learnt than before."""
    for name in ("position", "learnt"):
        wait(lambda name=name: stack.status().get(name, 0) > before[name], MORE_S, f"{name} {when}")  # type: ignore[misc]


def test_the_stack_learns_is_scraped_and_goes_on(stack: Stack) -> None:
    for service in ("kafka", "prometheus", "job"):
        wait(lambda service=service: stack.healthy(service), HEALTHY_S, service)  # type: ignore[misc]
    wait(lambda: learnt(stack) > 0, HEALTHY_S, "the first flight is learnt")
    assert time.monotonic() - stack.started_s < HEALTHY_S
    wait(lambda: learnt(stack) > 500, MORE_S, "flights are learnt")

    # a record that can't be used is set aside, and the stack has everything that the dashboard asks for
    stack.spoil()
    board = json.loads((ROOT / "compose/grafana/dashboards/streamnn.json").read_text())
    asked = {
        n
        for p in board["panels"]
        for t in p["targets"]
        for n in re.findall(r"\b(?:streamnn|process)_\w+", t["expr"])
    }
    for name in sorted(asked):
        wait(lambda name=name: stack.query(name), MORE_S, name)  # type: ignore[misc]
    wait(lambda: stack.query("sum(streamnn_dead_letters_total) == 1"), MORE_S, "the dead letter")
    for panel in board["panels"]:
        for target in panel["targets"]:
            expr = target["expr"].replace("$partition", ".*").replace("$__rate_interval", "1m")
            if "regret_bound" not in expr:  # infinite, with late labels
                assert stack.query(expr), (panel["title"], expr)

    # crashes: the engine starts it again, and the job goes on behind its last commit
    for service in ("job", "kafka"):
        before, restarts = stack.status(), stack.container(service)["RestartCount"]
        stack.kill(service)
        wait(
            lambda service=service, restarts=restarts: stack.container(service)["RestartCount"] > restarts,  # type: ignore[misc]
            MORE_S,
            f"{service} is started again",
        )
        goes_on(stack, before, f"after {service} was killed")
    assert stack.container("job")["RestartCount"] == 1  # it waited for the broker

    # down and up: the volumes know all of it
    before = stack.status()
    stack.down()
    stack.up()
    goes_on(stack, before, "after down and up")

    # each event was predicted once, in order, but the one that could not be
    predicted, events = stack.predictions()
    assert predicted[-1] > before["position"]
    assert predicted == events
