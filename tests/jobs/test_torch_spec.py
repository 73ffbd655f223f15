"""Networks of one's own in a spec: what is allowed, what is said, and how they reach the learner; without torch."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cli_run import good
from script import SINKS, disks, late_spec, outcome, run, stream

from streamnn.errors import SpecError
from streamnn_connectors import CRASH, MemorySink, ScriptedSource
from streamnn_jobs.cli.app import main
from streamnn_jobs.run.learner import make_learner
from streamnn_jobs.run.runner import Job
from streamnn_jobs.spec.fingerprint import learning_fields, spec_hash
from streamnn_jobs.spec.load import make_spec

BASE: dict[str, Any] = {"source": {"path": "a.csv"}, "label": {"column": "y"}}
NETS = """
def mlp(inputs, outputs):
    raise AssertionError("it is named here, and never called")

def loss(outputs, target, reduction="none"):
    raise AssertionError("it is named here, and never called")
"""


def spec(**learner: Any) -> Any:
    return make_spec({**BASE, "learner": learner}, where="")


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the user's in the current folder."""
    (tmp_path / "own_nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_nets", raising=False)


@pytest.mark.parametrize(
    ("learner", "why"),
    [
        ({"kind": "tree"}, "learner.kind: is 'tree'.*pool, or torch"),
        ({"kind": "torch"}, "learner: make: is missing; kind = torch needs a package.module:function"),
        ({"make": "a:b"}, r"learner: make: goes with kind = torch; .*\[learner.guests\]"),
        ({"kind": "torch", "make": "a:b", "guests": {"c": "a:b"}}, "guests: go with kind = pool"),
        ({"guests": {"mine": {"lr": 0.1}}}, "guests.mine.make: is missing"),
        ({"guests": {"mine": 5}}, "learner.guests.mine: is 5"),
    ],
)
def test_what_does_not_fit_is_said(learner: dict[str, Any], why: str) -> None:
    with pytest.raises(SpecError, match=why):
        spec(**learner)


@pytest.mark.parametrize(
    ("learner", "why"),
    [
        ({"kind": "torch", "make": "own_nets:mpl"}, r"learner.make: .*did you mean mlp\?"),
        (
            {"kind": "torch", "make": "own_nets:mlp", "lrr": 1},
            r"learner.lrr: is not known; did you mean lr\?",
        ),
        ({"kind": "torch", "make": "own_nets:mlp", "preset": "large"}, "learner.preset: is not known"),
        ({"kind": "torch", "make": "own_nets:mlp", "batch": 0}, "option batch is 0"),
        ({"kind": "torch", "make": "own_nets:mlp", "loss": "own_nets:los"}, r"learner.loss: .*mean loss\?"),
        ({"kind": "torch", "make": "own_nets:mlp", "loss": "cross"}, "option loss is 'cross'"),
        ({"guests": {"mine": "own_nets:mpl"}}, r"learner.guests.mine.make: .*did you mean mlp\?"),
        ({"guests": {"mine": {"make": "own_nets:mlp", "windw": 8}}}, "guests.mine.windw: .*mean window?"),
        ({"guests": {"mine": {"make": "own_nets:mlp", "window": -1}}}, "learner.guests.mine: .*window is -1"),
    ],
)
@pytest.mark.usefixtures("nets")
def test_what_the_learner_does_not_take_is_said(learner: dict[str, Any], why: str) -> None:
    with pytest.raises(SpecError, match=why):
        make_learner(spec(**learner), "classification")


@pytest.mark.usefixtures("nets")
def test_options_and_functions_reach_the_learner() -> None:
    found: Any = make_learner(
        spec(kind="torch", make="own_nets:mlp", lr=0.5, loss="own_nets:loss", window=3, seed=7), "regression"
    )
    own = sys.modules["own_nets"]
    assert type(found).__name__ == "TorchRegressor"
    assert (found.make, found.loss, found.lr, found.window, found.seed) == (own.mlp, own.loss, 0.5, 3, 7)
    pool: Any = make_learner(
        spec(guests={"a": "own_nets:mlp", "b": {"make": "own_nets:mlp", "lr": 0.5}}), "classification"
    )
    assert type(pool).__name__ == "Classifier" and list(pool.guests) == ["a", "b"]
    assert pool.guests["b"].lr == 0.5 and pool.guests["a"].make is own.mlp


def test_what_is_learnt_depends_on_the_function_and_older_checkpoints_still_fit() -> None:
    fields = learning_fields(spec())
    assert not {"learner.kind", "learner.make", "learner.guests"} & set(fields)
    one, other = (spec(kind="torch", make=f"own_nets:{name}") for name in ("mlp", "lstm"))
    assert learning_fields(one)["learner.make"] == "own_nets:mlp"
    assert spec_hash(one) != spec_hash(other)
    assert spec_hash(spec(guests={"a": "n:f"})) != spec_hash(spec(guests={"a": "n:g"})) != spec_hash(spec())


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of a torch network one of plain Python."""
    sys.path.append(str(Path(__file__).parents[1] / "streamnn"))
    try:
        from guest_helpers import Straight
    finally:
        sys.path.pop()
    module = ModuleType("streamnn.guests.choosing")
    module.guest_member = lambda guest, name, watched=False: partial(  # type: ignore[attr-defined]
        Straight, guest, name, watched
    )
    monkeypatch.setitem(sys.modules, "streamnn.guests.choosing", module)


@pytest.mark.usefixtures("nets", "stub")
def test_the_command_line_takes_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = good(tmp_path / "a.jsonl")
    args = ["replay", source, "--label", "y", "--torch", "own_nets:mlp", "--set", "learner.lr=0.1"]
    assert main([*args, "--report", "r.html", "--checkpoint", "state", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["labelled"] == 300 and figures["lipschitz_bound"] == {}
    page = Path("r.html").read_text()
    assert "No certified bound here" in page
    assert main(["predict", source, "--checkpoint", "state", "--output", "p.jsonl"]) == 0
    assert len(Path("p.jsonl").read_text().splitlines()) == 300
    assert main([*args[:-4], "--report", "none", "--checkpoint", "state"]) == 2
    assert "learner.kind is" in capsys.readouterr().err
    assert main(["replay", source, "--label", "y", "--torch", "own_nets.mlp"]) == 2
    assert "learner.make: is 'own_nets.mlp'; write it as package.module:function" in capsys.readouterr().err


@pytest.mark.usefixtures("nets", "stub")
def test_a_guest_has_a_place_in_the_ledger() -> None:
    sinks = {name: MemorySink() for name in SINKS}
    spec = late_spec(None, learner={"guests": {"mine": "own_nets:mlp"}})
    result = Job(spec, source=ScriptedSource(stream()), sinks=sinks).run()
    assert "mine" in result.worker.learner.history()["experts"]


@pytest.mark.usefixtures("nets", "stub")
@pytest.mark.parametrize("batch", [1, 64])
def test_batches_and_crashes_change_nothing(batch: int, tmp_path: Path) -> None:
    options: dict[str, Any] = {"make": None, "learner": {"kind": "torch", "make": "own_nets:mlp"}}
    found, again = disks(), disks()
    whole, _ = run(stream(), tmp_path / "a", found, every_events=1000, **options)
    items = stream()
    items.insert(151, CRASH)
    result, crashes = run(
        items, tmp_path / "b", again, every_events=50, **{**options, "batch_records": batch}
    )
    assert crashes == 1 and outcome(result, again) == outcome(whole, found)
