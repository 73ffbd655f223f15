"""Torch modules as learners, on every road: the conformance suite, the invariants, and torch's own numbers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from machine_helpers import printed
from test_invariants import Log

from streamnn import TorchClassifier, TorchRegressor
from streamnn.checks import CHECKS, MACHINES, check_learner, check_scan
from streamnn.checks._data import CLASSES, NUMBERS
from streamnn.errors import StateError

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")
pytestmark = pytest.mark.slow
nn = torch.nn


def mlp(inputs: int, outputs: int) -> Any:
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs))


def dropped(inputs: int, outputs: int) -> Any:
    return nn.Sequential(nn.Linear(inputs, 24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, outputs))


class Recurrent(nn.Module):  # type: ignore[misc]
    """An LSTM over a window, its last hidden values to the outputs."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(inputs, 16, batch_first=True), nn.Linear(16, outputs)

    def forward(self, x: Any) -> Any:
        return self.out(self.lstm(x)[0][:, -1])


LEARNERS = {
    "mlp-adam": (partial(TorchClassifier, mlp), ("lowered", "eager")),
    "mlp-sgd-8": (partial(TorchClassifier, mlp, "sgd", 0.1, batch=8), ("lowered", "eager")),
    "dropout": (partial(TorchClassifier, dropped), ("lowered", "eager")),
    "lstm": (partial(TorchClassifier, Recurrent, window=8), ("lowered", "eager", "traced")),
    "regressor": (partial(TorchRegressor, mlp), ("lowered", "eager")),
}
ROADS = [(name, road) for name, (_, roads) in LEARNERS.items() for road in roads]


def make(name: str, road: str) -> Any:
    return LEARNERS[name][0](road=road)


@pytest.mark.parametrize(("name", "road"), ROADS)
def test_they_keep_what_a_learner_keeps(name: str, road: str) -> None:
    task = NUMBERS if name == "regressor" else CLASSES
    ran = check_learner(partial(make, name, road), task)
    assert ran == [n for n, c in CHECKS.items() if task in c.tasks]


@pytest.mark.parametrize(("name", "road"), ROADS)
@pytest.mark.parametrize("rows", ["x", "history"])
def test_they_keep_the_invariants(name: str, road: str, rows: str) -> None:
    log = Log(120, name == "regressor", 4, 20)
    learner, _ = LEARNERS[name]
    check_scan(partial(learner, road=road, rows=rows), log.run, len(log), log.look)


@pytest.mark.parametrize(("name", "road"), ROADS)
def test_they_take_the_road_that_is_asked_for_and_say_so(name: str, road: str) -> None:
    model = make(name, road)
    model.learn_many({"a": np.arange(4.0), "b": np.arange(4.0) % 3}, [0, 1, 0, 1])
    said = model.explain()
    assert said.road == road and str(said).startswith(road)
    assert dict(said.parameters) == {k: tuple(p.shape) for k, p in _module(name, 2).named_parameters()}


def _module(name: str, inputs: int) -> Any:
    factory = LEARNERS[name][0].args[0]
    return factory(inputs, 1 if name == "regressor" else 2)


@pytest.mark.parametrize("name", [n for n in LEARNERS if n != "dropout"])  # of which each road draws its own
def test_a_lowered_one_says_what_torch_says(name: str) -> None:
    log = Log(400, name == "regressor", 5, 10)
    said = {}
    for road in ("lowered", "eager"):
        model = make(name, road)
        _, said[road], *_ = log.run(model, 0, len(log))
    scale = 1.0 if name != "regressor" else float(np.std(log.labels.astype(float)))
    assert np.abs(said["lowered"] - said["eager"]).max() <= 1e-4 * scale


@pytest.mark.parametrize("road", ["eager", "traced", "lowered"])
def test_a_state_goes_on_by_the_road_that_learnt_it(road: str) -> None:
    learnt, later = make("mlp-adam", road), make("mlp-adam", "auto")
    x, y = {"a": np.arange(40.0) % 7, "b": np.arange(40.0) % 3}, [i % 2 for i in range(40)]
    learnt.learn_many(x, y)
    later.load_state_dict(*learnt.state_dict())
    assert (later.explain().road == "lowered") == (road == "lowered")
    for model in (learnt, later):
        model.learn_many(x, y)
    assert later.state_hash() == learnt.state_hash()


_RUN = """
import sys
sys.path.insert(0, {folder!r})
from test_invariants import Log
from test_torch_learners import LEARNERS, make
for name in LEARNERS:
    log = Log(300, name == "regressor", 2, 20)
    model = make(name, "lowered")
    log.run(model, 0, len(log))
    print(model.state_hash())
"""


def hashes(**env: str) -> list[str]:
    return printed(_RUN.format(folder=str(Path(__file__).parent)), **env)


@pytest.fixture(scope="module")
def native() -> list[str]:
    found = hashes()
    assert len(set(found)) == len(LEARNERS)
    return found


@pytest.mark.parametrize(
    "machine", ["generic", "libm and BLAS without FMA"]
)  # the widest and the narrowest lanes
def test_lowered_ones_have_the_same_bits_on_another_machine(machine: str, native: list[str]) -> None:
    assert hashes(**MACHINES[machine]) == native


@pytest.mark.parametrize("road", ["lowered", "eager"])
def test_weights_go_out_into_a_module_and_back(road: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 2))
    columns, y = {"a": x[:, 0], "b": x[:, 1]}, (x[:, 0] > 0).astype(int).tolist()
    model = TorchClassifier(mlp, road=road)
    with pytest.raises(StateError, match="before the first event"):
        model.load_module(mlp(2, 2))
    model.learn_many(columns, y)
    net, rows = (
        model.module,
        torch.tensor(model.encoded(columns)[0][:, slice(*model._pool.layout.span("x", "x"))]),
    )
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(50):  # offline epochs
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(rows), torch.tensor(y)).backward()
        optimiser.step()
    before = model.predict_proba_many(columns)
    model.load_module(net)
    after = model.predict_proba_many(columns)
    with torch.no_grad():
        np.testing.assert_allclose(after, torch.softmax(net(rows), 1).numpy(), atol=1e-5)
    truth = np.arange(80), y
    assert np.log(after[truth]).mean() > np.log(before[truth]).mean() + 0.05
    model.learn_one({"a": 1.0, "b": 0.0}, 1)  # and on
    with pytest.raises(StateError, match=r"leaf 'param/0\.weight' has shape"):
        model.load_module(mlp(3, 2))
