"""A state whose arrays are read-only is looked at where it lies, and copied when something is learnt."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamnn import Classifier, Regressor
from streamnn.errors import StateError
from streamnn.learners import NetworkClassifier
from streamnn.members import EventMember
from streamnn.stage import grown
from streamnn.state import Arrays, from_bytes, to_bytes
from streamnn.types import LEARN, OBSERVE, Chunk


class Counts(EventMember):
    """A member in Python; with `counts` it counts what it is asked, which a look must not do."""

    def __init__(self, room: Any, counts: bool = False) -> None:
        super().__init__("counts", ("counts",), room)
        self.s, self.counts = {"n": np.ones(room.values)}, counts

    def make_room(self, room: Any) -> None:
        self.s["n"] = grown(self.s["n"], room.values, fill=1.0)

    def predict(self, row: np.ndarray, ids: np.ndarray) -> np.ndarray:
        if self.counts:
            self.s["n"][0] += 1
        return self.s["n"] / self.s["n"].sum()

    def learn(self, row: np.ndarray, ids: np.ndarray, target: float, weight: float) -> None:
        self.s["n"][int(target)] += weight


MODELS: dict[str, Callable[[], Any]] = {
    "classifier": lambda: Classifier(classes=[0, 1]),
    "sure": lambda: Classifier(coverage=0.9, p_values=True, reaction="young"),
    "large": lambda: Classifier(preset="large"),
    "member": lambda: Classifier(members=[Counts]),
    "regressor": lambda: Regressor(coverage=0.8, p_values=True),
    "network": NetworkClassifier,
}
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
N = 600
RNG = np.random.default_rng(1)
COLUMNS: dict[str, np.ndarray] = {
    "a": RNG.normal(size=N),
    "b": np.arange(N) % 5.0,
    "s": np.array([f"v{i % 300}" for i in range(N)], object),
    "t": np.array([f"v{i % 7}" for i in range(N)], object),
}
LABELS = [int(v > 0) + int(v > 1) for v in COLUMNS["a"]]
ASKED: dict[str, np.ndarray] = {
    "a": np.linspace(-3, 3, 30),
    "b": np.arange(30) % 6.0,  # one value is new
    "s": np.array([f"v{i * 20}" for i in range(30)], object),  # half of them are new
    "new": np.ones(30),
}
ROWS = [dict(zip(ASKED, row, strict=True)) for row in zip(*ASKED.values(), strict=True)]


def learnt(make: Callable[[], Any]) -> Any:
    """A model that has learnt, and has events that wait."""
    model = make()
    model.learn_many(COLUMNS, LABELS)
    if hasattr(model, "observe"):
        for row in ROWS[:10]:
            model.observe(row)
    return model


def locked(arrays: Arrays) -> Arrays:
    """Copies that numpy lets nobody write to."""
    found = {k: v.copy() for k, v in arrays.items()}
    for v in found.values():
        v.flags.writeable = False
    return found


def state_of(model: Any) -> tuple[Arrays, dict[str, Any]]:
    arrays, meta = model.state_dict()
    return arrays, json.loads(json.dumps(meta))


def answers(model: Any) -> list[Any]:
    """All that can be asked, as text where there are arrays in it."""
    found = [[model.predict_one(row) for row in ROWS]]
    if isinstance(model, NetworkClassifier):
        return [*found, [model.predict_proba_one(row) for row in ROWS]]
    out = model.look(ASKED)
    found += [getattr(out, k).tolist() for k in ("surprise", "entropy")]
    found += [model.predict_many(ASKED), model.pending, model.memory(), model.missing()]
    return [*found, *map(repr, (model.scores(), model.history(), model.networks(), str(model)))]


@pytest.mark.slow
@every_model
def test_it_answers_as_the_model_does_and_its_arrays_stay_as_they_are(make: Callable[[], Any]) -> None:
    model = learnt(make)
    want, (arrays, meta) = answers(model), state_of(model)
    given, before = locked(arrays), model.state_hash()
    looked = make()
    looked.load_state_dict(given, meta)
    assert looked.state_hash() == before
    assert answers(looked) == want
    assert looked.state_hash() == before
    assert all(np.array_equal(given[k], v, equal_nan=v.dtype.kind == "f") for k, v in arrays.items())


@every_model
def test_what_is_large_is_not_copied_before_something_is_learnt(make: Callable[[], Any]) -> None:
    arrays, meta = state_of(learnt(make))
    given, looked = locked(arrays), make()
    looked.load_state_dict(given, meta)
    answers(looked)
    inside = _inside(looked)
    large = [k for k, v in given.items() if v.nbytes > 4096 and k.startswith(("network", "wide"))]
    assert large and all(any(np.shares_memory(given[k], v) for v in inside) for k in large)
    looked.learn_one(ROWS[0], 1)
    assert not any(np.shares_memory(given[k], v) for v in _inside(looked) for k in given)


def _inside(model: Any) -> list[np.ndarray]:
    stages = [model.network, model._inputs] if isinstance(model, NetworkClassifier) else model._pool.stages
    return [v for stage in stages for v in stage.s.values()]


def one(model: Any) -> None:
    model.learn_one(ROWS[0], 1)


def many(model: Any) -> None:
    model.learn_many(COLUMNS, LABELS)


def late(model: Any) -> None:
    model.learn(N + 3, 1)
    model.expire(N + 4)
    model.observe(ROWS[5])


@pytest.mark.parametrize("first", [one, many, late])
@every_model
def test_it_goes_on_bit_for_bit(make: Callable[[], Any], first: Callable[[Any], None]) -> None:
    if first is late and make is NetworkClassifier:
        first = one
    model = learnt(make)
    arrays, meta = state_of(model)
    looked = make()
    looked.load_state_dict(locked(arrays), meta)
    answers(looked)
    other = copy.deepcopy(looked)  # before it has learnt
    for each in (model, looked, other):
        first(each)
        one(each)
    assert looked.state_hash() == model.state_hash() == other.state_hash()


def test_streams_with_times_too() -> None:
    n, model, looked = 200, Classifier(), Classifier()
    for start in (0, n):
        label = np.empty(2 * n, object)
        label[n:] = [0, 1] * (n // 2)
        op, ticket = np.repeat([OBSERVE, LEARN], n).astype(np.int8), np.tile(np.arange(start, start + n), 2)
        time = np.concatenate([np.arange(n), n + 3.0 * np.arange(n)]) + 1000.0 * start
        model.run(Chunk({"a": np.arange(n) % 7.0}, op, ticket, label, None, time))
    arrays, meta = state_of(model)
    looked.load_state_dict(locked(arrays), meta)
    assert answers(looked) == answers(model) and looked.state_hash() == model.state_hash()


def test_a_member_in_python_that_writes_when_it_is_asked_is_told() -> None:
    def make() -> Classifier:
        return Classifier(members=[lambda room: Counts(room, counts=True)])

    model = learnt(make)
    looked = make()
    arrays, meta = state_of(model)
    looked.load_state_dict(locked(arrays), meta)
    with pytest.raises(ValueError, match="read-only"):
        looked.predict_one(ROWS[0])


def test_arrays_of_a_buffer_lie_in_it() -> None:
    data = to_bytes(*learnt(Classifier).state_dict())
    arrays, meta = from_bytes(data)
    views, same = from_bytes(memoryview(data))
    assert meta == same and arrays.keys() == views.keys()
    for k, v in views.items():
        assert (v.dtype, v.shape, v.tobytes()) == (arrays[k].dtype, arrays[k].shape, arrays[k].tobytes())
        assert not v.size or not v.flags.writeable


@pytest.mark.parametrize("cut", [0, 5, 100, -3000])
def test_a_buffer_that_is_damaged_is_refused(cut: int) -> None:
    data = to_bytes(*learnt(Classifier).state_dict())[:cut]
    with pytest.raises(StateError, match="checkpoint: damaged or not a streamnn state"):
        from_bytes(memoryview(data))


ASK = """
import json, mmap, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from test_read_only import MODELS, answers
from streamnn.state import from_bytes
make = MODELS[sys.argv[2]]
with open(sys.argv[3], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
arrays, meta = from_bytes(mapped)
model = make()
model.load_state_dict(arrays, json.loads(meta["meta"]))
answers(model)
print(model.state_hash())
"""


@pytest.mark.slow
@every_model
def test_nothing_writes_to_a_file_that_is_mapped(make: Callable[[], Any], tmp_path: Path) -> None:
    """A write to its pages ends the process, so a process of its own maps it."""
    name = next(k for k, v in MODELS.items() if v is make)
    model = learnt(make)
    arrays, meta = state_of(model)
    path = tmp_path / "state"
    path.write_bytes(to_bytes(arrays, {"meta": json.dumps(meta)}))
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(Path(__file__).parent), name, str(path)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, model.state_hash()), done.stderr
