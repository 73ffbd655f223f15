"""The Compose stack on a real engine: it comes up, learns, is scraped, and goes on after kill and down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from compose_stack import ROOT, Stack, command, wait

pytestmark = [pytest.mark.slow, pytest.mark.docker]

HEALTHY_S, MORE_S = 600.0, 300.0  # on a machine that does much else


@pytest.fixture
def stack() -> Iterator[Stack]:
    words = command()
    if words is None:
        pytest.skip("needs a Docker engine and Compose")
    stack = Stack(words, speed=3600)
    try:
        stack.compose("build")
        stack.up()
        yield stack
    finally:
        stack.down("-v", "--remove-orphans")


def learnt(stack: Stack) -> int:
    return int(stack.status().get("learnt", 0))


def test_the_stack_learns_is_scraped_and_goes_on(stack: Stack) -> None:
    for service in ("kafka", "prometheus", "job"):
        wait(lambda service=service: stack.healthy(service), HEALTHY_S, service)  # type: ignore[misc]
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

    # a crash: the engine starts it again, and it goes on behind its last commit
    before, restarts = stack.status(), stack.container("job")["RestartCount"]
    stack.kill("job")
    wait(lambda: stack.container("job")["RestartCount"] > restarts, MORE_S, "started again")
    wait(lambda: stack.status().get("position", 0) > before["position"], MORE_S, "goes on after the kill")
    assert learnt(stack) >= before["learnt"]

    # down and up: the volumes know all of it
    before = stack.status()
    stack.down()
    stack.up()
    wait(
        lambda: stack.status().get("position", 0) > before["position"], HEALTHY_S, "goes on after down and up"
    )
    assert learnt(stack) >= before["learnt"]

    # each event was predicted once, in order, but the one that could not be
    predicted, events = stack.predictions()
    assert predicted[-1] > before["position"]
    assert predicted == events
