"""One model and several threads: every answer is to its question, and what is learnt is as if nobody had asked."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from guest_helpers import Straight, plan
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from streamnn import Classifier, Regressor, TorchAutoencoder, TorchClassifier, TorchRegressor
from streamnn.errors import MissingPackage, SpecError
from streamnn.learners import NetworkClassifier, guest_options
from streamnn.members import EventMember
from streamnn.types import OBSERVE, Chunk

MODELS: dict[str, Callable[[], Any]] = {
    "classifier": lambda: Classifier(alarms=False),
    "classifier-threads": lambda: Classifier(threads=2),
    "regressor": lambda: Regressor(coverage=0.9),
    "network": NetworkClassifier,
}
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


@pytest.fixture(autouse=True)
def _switch_often() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def event(i: int) -> tuple[dict[str, Any], int]:
    """A stream with new columns, values of categories, and classes every now and then."""
    x = {"a": (i * 37 % 101) / 50.0 - 1.0, "b": float(i % 3), "s": f"v{i // 8}", f"c{i // 40}": float(i % 5)}
    return x, i % 2 + (i // 60) * (i % 7 == 0)


def learn(model: Any, start: int, stop: int) -> None:
    for i in range(start, stop):
        model.learn_one(*event(i))


def beside(work: Callable[[], None], *others: Callable[[], None]) -> None:
    """Do `work` while other threads do what they do, again and again; what one raises is raised here."""
    over, failed = threading.Event(), list[BaseException]()

    def again(other: Callable[[], None]) -> None:
        try:
            while not over.is_set():
                other()
        except BaseException as e:
            failed.append(e)

    threads = [threading.Thread(target=again, args=(other,)) for other in others]
    for t in threads:
        t.start()
    try:
        work()
    finally:
        over.set()
        for t in threads:
            t.join()
    if failed:
        raise failed[0]


ROWS = st.fixed_dictionaries(
    {"a": st.floats(-5, 5)},
    optional={"b": st.floats(-5, 5), "s": st.sampled_from(["v0", "v3", "never"]), "new": st.floats(-1, 1)},
)


@every_model
@settings(max_examples=5, deadline=None, phases=[Phase.generate])  # to shrink a race says nothing
@given(rows=st.lists(ROWS, min_size=4, max_size=4))
def test_answers_belong_to_their_questions(make: Callable[[], Any], rows: list[dict[str, Any]]) -> None:
    model = make()
    learn(model, 0, 130)
    want, wrong = [model.predict_one(row) for row in rows], list[Any]()
    proba = getattr(model, "predict_proba_one", None)
    if proba is not None:
        want = [(w, proba(row)) for w, row in zip(want, rows, strict=True)]
    before = model.state_hash()

    def ask(k: int) -> None:
        for _ in range(150):
            got = model.predict_one(rows[k])
            wrong.append((got if proba is None else (got, proba(rows[k]))) != want[k])

    beside(lambda: ask(0), *(lambda k=k: ask(k) for k in (1, 2, 3)))  # type: ignore[misc]
    assert not any(wrong) and model.state_hash() == before


@every_model
def test_learning_is_as_if_nobody_had_asked_and_what_is_copied_was_once_so(make: Callable[[], Any]) -> None:
    n, alone, model = 150, make(), make()
    was = {}
    for i in range(n):  # every state there is between two events
        learn(alone, i, i + 1)
        was[_seen(alone)] = alone.state_hash()
    learn(model, 0, 1)
    copies = [
        lambda: copy.deepcopy(model),
        lambda: copy.copy(model),
        lambda: pickle.loads(pickle.dumps(model)),
        lambda: _loaded(make, model),
    ]

    def take() -> None:
        for one in copies:
            found = one()
            assert found.state_hash() == was[_seen(found)]

    def ask() -> None:
        model.predict_one({"a": 0.5, "s": "v1"})
        repr(model), str(model)
        if isinstance(model, NetworkClassifier):
            return
        assert len(model.look({"a": np.zeros(3), "s": np.array(["v1", "v2", "x"], object)}).surprise) == 3
        assert len(model.predict_many({"a": np.zeros(3)})) == 3
        for call in (model.scores, model.history, model.regrets, model.missing, model.memory, model.snapshot):
            call()

    beside(lambda: learn(model, 1, n), take, ask)
    assert model.state_hash() == alone.state_hash()


def _seen(model: Any) -> str:
    # the moments of its columns: a network by itself counts no events
    return str(model.state_dict()[0].get("inputs/count", np.zeros(0)).tolist())


def _loaded(make: Callable[[], Any], model: Any) -> Any:
    other = make()
    other.load_state_dict(*model.state_dict())
    return other


def test_several_threads_may_learn_and_no_event_is_lost() -> None:
    model = Classifier(alarms=False)
    learn(model, 0, 1)

    def late(model: Classifier, i: int) -> None:
        _, ticket = model.observe(event(i)[0])
        model.learn(ticket, event(i)[1])

    def some(k: int) -> Callable[[], None]:
        def work() -> None:
            for i in range(k, 240, 4):
                late(model, i) if i % 3 else model.learn_one(*event(i))
            model.learn_many({"a": np.arange(10.0)}, [0, 1] * 5)

        return work

    threads = [threading.Thread(target=some(k)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert (model.events, model.pending, model.scores()["labelled"]) == (281, 0, 281)


class Spy:
    """In place of the turn: whether it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    def acquire(self, *args: Any, **options: Any) -> bool:
        self.taken += 1
        return True

    def release(self) -> None: ...


def raises_for_want_of_a_module(model: Any) -> None:
    with pytest.raises((SpecError, MissingPackage)):
        model.load_module(None)


def of(model: Any, x: Any, y: Any) -> tuple[Any, ...]:
    """What a model learns: a detector of anomalies takes no labels."""
    return (x,) if isinstance(model, TorchAutoencoder) else (x, y)


X, COLUMNS = {"a": 1.0}, {"a": np.ones(2)}
CALLS: dict[str, Callable[[Any], Any]] = {
    "alarm_status": lambda m: m.alarm_status(),
    "clone": lambda m: m.clone(include_attributes=True),
    "explain": lambda m: m.explain(),
    "encoded": lambda m: m.encoded(COLUMNS),
    "expire": lambda m: m.expire(2),
    "history": lambda m: m.history(),
    "learn": lambda m: m.learn(2, 1),
    "learn_many": lambda m: m.learn_many(*of(m, COLUMNS, [0, 1])),
    "learn_one": lambda m: m.learn_one(*of(m, X, 1)),
    "load_state_dict": lambda m: m.load_state_dict(*m.clone().state_dict()),
    "load_module": lambda m: raises_for_want_of_a_module(m),
    "look": lambda m: m.look(COLUMNS),
    "memory": lambda m: m.memory(),
    "missing": lambda m: m.missing(),
    "networks": lambda m: m.networks(),
    "observe": lambda m: m.observe(X),
    "predict_many": lambda m: m.predict_many(COLUMNS),
    "predict_one": lambda m: m.predict_one(X),
    "predict_proba_many": lambda m: m.predict_proba_many(COLUMNS),
    "predict_proba_one": lambda m: m.predict_proba_one(X),
    "regrets": lambda m: m.regrets(),
    "run": lambda m: m.run(
        Chunk(COLUMNS, np.full(2, OBSERVE, np.int8), np.arange(3, 5), np.empty(2, object))
    ),
    "score_many": lambda m: m.score_many(COLUMNS),
    "score_one": lambda m: m.score_one(X),
    "scores": lambda m: m.scores(),
    "snapshot": lambda m: m.snapshot(),
    "state_dict": lambda m: m.state_dict(),
    "state_hash": lambda m: m.state_hash(),
    "__getstate__": lambda m: m.__getstate__(),
    "__str__": str,
}
OF_MODULES = (TorchClassifier, TorchRegressor)
KINDS: tuple[type[Any], ...] = (Classifier, Regressor, NetworkClassifier, TorchAutoencoder, *OF_MODULES)
PUBLIC = [
    (kind, name)
    for kind in KINDS
    for name in [*dir(kind), "__getstate__"]
    if inspect.isroutine(getattr(kind, name)) and (name[0] != "_" or name in ("__str__", "__getstate__"))
    if getattr(kind, name) is not getattr(object, name, None)
]


@pytest.mark.parametrize(("kind", "name"), PUBLIC, ids=[f"{kind.__name__}.{name}" for kind, name in PUBLIC])
def test_every_public_method_waits_for_its_turn(kind: type[Any], name: str, monkeypatch) -> None:
    """A new one fails here until `CALLS` says how it is called."""
    monkeypatch.setattr(guest_options, "_member", Straight)
    if kind is TorchAutoencoder:
        model: Any = kind(lambda inputs: plan(inputs, inputs))
    else:
        model = kind(plan) if kind in OF_MODULES else kind()
    if name != "load_state_dict":
        model.learn_many(*of(model, {"a": np.arange(2.0)}, [0, 1]))
        if hasattr(model, "observe"):
            model.observe(X)
    model._turn = spy = Spy()
    CALLS[name](model)
    assert spy.taken


def test_properties_read_one_value_and_do_not_wait() -> None:
    """One that reads more must be a method, or take the turn itself; then it is named here."""
    found = {
        name
        for kind in KINDS
        for name in dir(kind)
        if isinstance(getattr(kind, name), property) and name[0] != "_"
    }
    log = {"columns", "columns_refused", "events", "next_ticket", "pending"}
    assert found == {*log, "alarms", "classes", "module", "network"}  # the module takes its turn


def test_a_method_of_a_derived_class_waits_too_and_keeps_its_signature() -> None:
    class Mine(Classifier):
        def learn_twice(self, x: dict[str, Any], /, y: Any, *more: Any, w: float = 1.0, **rest: Any) -> Any:
            """Twice."""
            return y, more, w, rest

    model = Mine()
    model._turn = spy = Spy()  # type: ignore[assignment]
    assert model.learn_twice(X, 1, 2, w=3.0, z=4) == (1, (2,), 3.0, {"z": 4})
    assert spy.taken == 1 and Mine.learn_twice.__doc__ == "Twice."
    assert list(inspect.signature(Mine.learn_twice).parameters) == ["self", "x", "y", "more", "w", "rest"]


class Waits(EventMember):
    """A member that waits where it learns, until it is let go on."""

    inside, go_on = threading.Event(), threading.Event()

    def __init__(self, room: Any) -> None:
        super().__init__("waits", ("waits",), room)
        self.s = {"n": np.ones(room.values)}

    def predict(self, row: np.ndarray, ids: np.ndarray) -> np.ndarray:
        return self.s["n"] / self.s["n"].sum()

    def learn(self, row: np.ndarray, ids: np.ndarray, target: float, weight: float) -> None:
        self.inside.set()
        self.go_on.wait()


def test_who_asks_waits_for_who_learns_and_another_model_does_not() -> None:
    Waits.inside.clear(), Waits.go_on.clear()
    model, other, order = Classifier(members=[Waits]), Classifier(), list[str]()
    learn(other, 0, 1)
    learning = threading.Thread(target=lambda: (learn(model, 0, 1), order.append("learnt")))
    learning.start()
    Waits.inside.wait()
    asking = threading.Thread(target=lambda: (model.predict_one(X), order.append("answered")))
    asking.start()
    learn(other, 1, 20)
    other.predict_one(X)
    assert order == [] and model.events == 0
    Waits.go_on.set()
    learning.join(), asking.join()
    assert sorted(order) == ["answered", "learnt"] and model.events == 1


def test_who_waits_is_let_in_before_who_was_in_comes_back() -> None:
    model, done = Classifier(alarms=False), threading.Event()
    learn(model, 0, 100)
    columns, y = {"a": np.arange(300.0), "b": np.arange(300.0)}, [0, 1] * 150
    turns = 0
    asking = threading.Thread(target=lambda: ([model.predict_one(X) for _ in range(20)], done.set()))
    asking.start()
    while not done.is_set():
        model.learn_many(columns, y)
        turns += 1
    asking.join()
    assert turns < 60


def run(code: str) -> str:
    """What a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_forked_child_has_worker_threads_of_its_own() -> None:
    said = run("""
import os, signal, numpy as np
from streamnn import Classifier
model = Classifier(threads=2, alarms=False)
columns = {"a": np.sin(np.arange(1000.0))}
model.learn_many(columns, [0, 1] * 500)
read, write = os.pipe()
if os.fork() == 0:
    signal.alarm(60)
    model.learn_many(columns, [0, 1] * 500)
    os.write(write, model.state_hash().encode())
    os._exit(0)
os.wait()
model.learn_many(columns, [0, 1] * 500)
print(os.read(read, 100).decode() == model.state_hash())
""")
    assert said == "True"


def test_a_fork_amid_learning_gives_the_child_a_whole_model() -> None:
    said = run("""
import os, signal, threading, numpy as np
from streamnn import Classifier
def make(): return Classifier(threads=2, alarms=False)
columns, y = {"a": np.sin(np.arange(500.0)), "b": np.arange(500.0) % 7}, [0, 1] * 250
alone, was = make(), {}
for i in range(41):
    was[alone.events] = alone.state_hash()
    alone.learn_many(columns, y)
model, over = make(), threading.Event()
model.learn_many(columns, y)
def learn():
    for _ in range(39):
        if not over.is_set(): model.learn_many(columns, y)
other = threading.Thread(target=learn); other.start()
ends = []
for _ in range(5):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        whole = model.state_hash() == was[model.events]
        model.predict_one({"a": 1.0}); model.learn_many(columns, y)
        os._exit(0 if whole else 3)
    ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
over.set(); other.join()
print(ends)
""")
    assert said == "[0, 0, 0, 0, 0]"


def test_a_model_that_is_not_left_in_time_is_refused_in_the_child() -> None:
    said = run("""
import os, signal, sys, threading
from streamnn import Classifier
from streamnn.errors import StateError
from streamnn.learners import turns
inside, go_on = threading.Event(), threading.Event()
class Slow(Classifier):
    def stay(self): inside.set(); go_on.wait()
turns.FORK_PATIENCE_S = 0.05
model, free = Slow(), Classifier()
other = threading.Thread(target=model.stay); other.start(); inside.wait()
child = os.fork()
if child == 0:
    signal.alarm(60)
    free.learn_one({"a": 1.0}, 1)
    try: model.predict_one({"a": 1.0})
    except StateError as e: os._exit("forked while another thread" not in str(e))
    os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
go_on.set(); other.join(); model.learn_one({"a": 1.0}, 1); print(model.events)
""")
    assert said.split() == ["0", "1"]


@pytest.mark.slow
def test_four_threads_and_new_columns_for_twenty_seconds() -> None:
    """One learns, three ask; models one after the other, as it is growing that was dangerous."""
    n, make = 600, lambda: Classifier(threads=2)
    alone = make()
    learn(alone, 0, n)
    want, until, rounds = alone.state_hash(), time.monotonic() + 20.0, 0
    while time.monotonic() < until:
        model = make()
        learn(model, 0, 1)

        def ask(model: Classifier = model) -> None:
            for k in range(20):
                assert model.predict_one({"a": 1.0, f"c{k}": 1.0}) is not None

        def look(model: Classifier = model) -> None:
            assert len(model.predict_many({"a": np.zeros(200), "s": np.array(["v1"] * 200, object)})) == 200
            model.scores(), model.networks()

        beside(lambda model=model: learn(model, 1, n), ask, ask, look)  # type: ignore[misc]
        assert model.state_hash() == want
        rounds += 1
    assert rounds
