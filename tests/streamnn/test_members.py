"""Members of one's own: an online naive Bayes in plain Python, and a compiled one, in a pool."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from streamnn import Classifier, Regressor
from streamnn.checks import CHECKS, check_learner
from streamnn.errors import SpecError, StateError
from streamnn.learners import recipes
from streamnn.members import EventMember, Leaves, Member, Room, kernel
from streamnn.stage import grown
from streamnn.types import EXPIRE, LEARN


class NaiveBayes(EventMember):
    """Gaussian naive Bayes over the standardised columns, by running sums."""

    def __init__(self, room: Room) -> None:
        super().__init__("bayes", ("bayes",), room)
        shape = room.values, room.layout.width(self.reads)
        self.s = {"n": np.zeros(room.values), "sum": np.zeros(shape), "squares": np.zeros(shape)}

    def make_room(self, room: Room) -> None:
        columns, width = room.piece(self.reads)
        self.s["n"] = grown(self.s["n"], room.values)
        for k in ("sum", "squares"):
            wider = np.zeros((room.values, width))
            wider[: len(self.s[k]), columns] = self.s[k]
            self.s[k] = wider

    def predict(self, row: np.ndarray, ids: np.ndarray) -> np.ndarray:
        n = self.s["n"][:, None] + 1.0
        mean = self.s["sum"] / n
        variance = (self.s["squares"] + 1.0) / n - mean**2
        each = -0.5 * np.log(variance) - 0.5 * (row - mean) ** 2 / variance
        # a missing value says nothing, and neither does a column that is not there yet
        scores = np.log(n[:, 0] / n.sum()) + each[:, row != 0].sum(1)
        p = np.exp(scores - scores.max())
        return p / p.sum()

    def learn(self, row: np.ndarray, ids: np.ndarray, target: float, weight: float) -> None:
        c = int(target)
        self.s["n"][c] += weight
        self.s["sum"][c] += weight * row
        self.s["squares"][c] += weight * row.astype(float) ** 2


@kernel
def _count(op, slot, y, place, counts, p):
    for e in range(len(op)):
        if op[e] == LEARN:
            counts[y[e]] += 1.0
        elif op[e] != EXPIRE:
            for c in range(len(counts)):
                p[slot[e], place, c] = counts[c] / counts.sum()


class Counts(Member):
    """How often each class was, compiled."""

    compiled = True

    def __init__(self, room: Room) -> None:
        super().__init__("counts", ("counts",), room)
        self.s = {"n": np.ones(room.values)}

    def make_room(self, room: Room) -> None:
        self.s["n"] = grown(self.s["n"], room.values, fill=1.0)

    def step(self, segment, layout, store) -> None:
        _count(segment.op, segment.slot, segment.y, self.place, self.s["n"], store["p"])


class Repeats(EventMember):
    """The last target known, of a regressor; in running units."""

    def __init__(self, room: Room) -> None:
        super().__init__("repeats", ("repeats",), room)
        self.s = {"last": np.zeros(1)}

    def predict(self, row: np.ndarray, ids: np.ndarray) -> np.ndarray:
        return self.s["last"]

    def learn(self, row: np.ndarray, ids: np.ndarray, target: float, weight: float) -> None:
        self.s["last"][0] = target


class Broken(EventMember):
    """Says nothing that makes sense."""

    def __init__(self, room: Room) -> None:
        super().__init__("broken", ("broken",), room)

    def predict(self, row: np.ndarray, ids: np.ndarray) -> np.ndarray:
        return np.full(2, np.nan)

    def learn(self, row: np.ndarray, ids: np.ndarray, target: float, weight: float) -> None:
        pass


def stream(n: int, seed: int = 0) -> tuple[dict[str, np.ndarray], list[str]]:
    """Two classes, each a normal distribution of its own over three columns."""
    rng = np.random.default_rng(seed)
    c = rng.integers(0, 2, n)
    x = rng.standard_normal((n, 3)) * np.where(c, 2.0, 1.0)[:, None] + c[:, None] * [0.5, -0.5, 0.0]
    return {f"x{i}": v for i, v in enumerate(x.T)}, ["low" if v else "high" for v in c]


MEMBERS = {"plain Python": [NaiveBayes], "compiled": [Counts], "both": [Counts, NaiveBayes]}


@pytest.mark.parametrize("members", MEMBERS)
def test_a_pool_with_a_member_from_outside_keeps_what_a_pool_keeps(members: str) -> None:
    def make() -> Classifier:
        return Classifier(members=MEMBERS[members])

    of_state = [name for name in CHECKS if "bits" in name or "look" in name or "saved" in name]
    assert len(check_learner(make, only=of_state)) >= 4


def test_the_ledger_names_it_and_a_good_one_is_used() -> None:
    columns, y = stream(3000)
    model = Classifier(members=[NaiveBayes])
    model.learn_many(columns, y)
    assert "bayes" in model.history()["experts"]
    losses = model._pool.ledger.losses
    assert losses["bayes"] < losses["logistic"]  # it knows the law of this stream
    assert model.scores()["best_expert"] in ("bayes", "stack-newton-0.0001", "stack-newton-0.001")


def test_what_is_said_of_it_is_what_it_says_by_itself() -> None:
    columns, y = stream(60)
    model = Classifier(members=[NaiveBayes])
    model.learn_many(columns, y)
    pool = model._pool
    row = np.zeros(pool.layout.width(("x", "x")), np.float32)
    slot = pool.pending._free[-1]  # a look leaves its row there
    model.look({k: v[:1] for k, v in columns.items()})
    start, stop = pool.layout.span("x", "x")
    row = pool.pending.a["row"][slot, start:stop]
    mine = next(m for m in pool.members if isinstance(m, NaiveBayes))
    np.testing.assert_allclose(
        pool.pending.a["p"][slot, mine.place], mine.predict(row, np.zeros(0, np.int32)), rtol=1e-6
    )


def test_one_that_is_broken_costs_next_to_nothing() -> None:
    columns, y = stream(2000)
    with_it, without = Classifier(members=[Broken]), Classifier()
    for model in (with_it, without):
        model.learn_many(columns, y)
    assert with_it.scores()["log_loss"] < without.scores()["log_loss"] + 0.01


def test_numbers_are_forecast_in_running_units() -> None:
    model = Regressor(members=[Repeats])
    for i in range(300):
        model.learn_one({"a": float(i % 7)}, 100.0 + (i // 50))
    pool = model._pool
    slot = pool.pending._free[-1]  # a look leaves its row there
    model.look({"a": np.zeros(1)})
    mine = next(m for m in pool.members if isinstance(m, Repeats))
    location, scale, _ = pool.pending.a["scale"][slot]
    assert location + scale * pool.pending.a["p"][slot, mine.place, 0] == pytest.approx(105.0, abs=0.05)


def test_it_is_saved_with_the_pool_and_asked_for_when_loaded() -> None:
    columns, y = stream(200)
    model = Classifier(members=[NaiveBayes])
    model.learn_many(columns, y)
    fresh = Classifier(members=[NaiveBayes])
    fresh.load_state_dict(*model.state_dict())
    assert fresh.state_hash() == model.state_hash() == copy.deepcopy(model).state_hash()
    assert pickle.loads(pickle.dumps(model)).state_hash() == model.state_hash()
    with pytest.raises(StateError, match="members"):
        Classifier().load_state_dict(*model.state_dict())
    written = repr(Classifier(["a"], seed=2, members=[NaiveBayes]))
    assert written == "Classifier(classes=['a'], seed=2, members=[NaiveBayes])"
    assert repr(eval(written)) == written


@pytest.mark.parametrize("members", [NaiveBayes, ["NaiveBayes"], [3]])
def test_what_makes_no_member_is_refused(members: object) -> None:
    with pytest.raises(SpecError, match=r"members is .*: allowed is a list"):
        Classifier(members=members)  # type: ignore[arg-type]


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(SpecError, match="two members of a pool are named 'bayes'"):
        Classifier(members=[NaiveBayes, NaiveBayes]).learn_one({"a": 1.0}, 0)


@pytest.mark.parametrize(
    ("name", "expert", "leaf"),
    [("mixer", "own", "own"), ("alarms", "own", "own"), ("own", "stack-0.01", "own"), ("own", "own", "row")],
)
def test_names_of_other_parts_are_refused(name: str, expert: str, leaf: str) -> None:
    class Own(NaiveBayes):
        def __init__(self, room: Room) -> None:
            super().__init__(room)
            self.name, self.names = name, (expert,)

        def leaves(self, room: Room) -> Leaves:
            return {leaf: (np.float32, ())}

    with pytest.raises(SpecError, match="names must differ"):
        Classifier(members=[Own]).learn_one({"a": 1.0}, 0)


def test_what_is_no_member_is_refused_at_the_first_event() -> None:
    class Lost(NaiveBayes):
        reads = ("x", "rest")

    with pytest.raises(SpecError, match=r"makes a int, no Member"):
        Classifier(members=[lambda room: 3]).learn_one({"a": 1.0}, 0)  # type: ignore[list-item, return-value]
    with pytest.raises(SpecError, match="no block 'rest': its blocks are known, "):
        Classifier(members=[Lost]).learn_one({"a": 1.0}, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0, 1e30, 3.0])
@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_what_is_no_prediction_costs_little(make: type[Classifier] | type[Regressor], value: float) -> None:
    class Odd(EventMember):
        def __init__(self, room: Room) -> None:
            super().__init__("odd", ("odd",), room)

        def predict(self, row: np.ndarray, ids: np.ndarray) -> np.ndarray:
            return np.array([value])

        def learn(self, row: np.ndarray, ids: np.ndarray, target: float, weight: float) -> None:
            pass

    model, alone = make(members=[Odd]), make()
    for i in range(200):
        for m in (model, alone):
            m.learn_one({"a": float(i % 3)}, i % 3 // 2)
    key = "log_loss" if make is Classifier else "mae"
    assert 0.0 < model.scores()[key] < alone.scores()[key] + 0.05


def test_a_pool_can_be_printed_and_written_down() -> None:
    model = Classifier(seed=2, classes=["a", "b"], members=[Counts])
    assert repr(Classifier(seed=2)) == "Classifier(seed=2)" and repr(Regressor()) == "Regressor()"
    assert "no event yet" in str(model)
    model.learn_one({"a": 1.0}, "a")
    before = model.state_hash()
    said = str(model)
    assert model.state_hash() == before
    for part in ("streamnn/network/kernel.py: scan", "test_members.py: _count", "wide/logistic", "counts"):
        assert part in said
    assert (
        eval(repr(Classifier(coverage=0.9, classes=[1]))).state_hash()
        == Classifier([1], coverage=0.9).state_hash()
    )


@pytest.mark.parametrize(("dropped", "lacks"), [(1, "logistic"), (2, "neighbours-512"), (3, "majority")])
def test_a_recipe_that_lacks_a_prediction_is_refused(monkeypatch, dropped: int, lacks: str) -> None:
    kept = [m for i, m in enumerate(recipes.CLASSIFIER_MEMBERS) if i != dropped]
    monkeypatch.setattr(recipes, "CLASSIFIER_MEMBERS", kept)
    with pytest.raises(SpecError, match=f"the recipe of this pool lacks a member that predicts '{lacks}'"):
        Classifier().learn_one({"a": 1.0}, "x")


def test_a_recipe_without_a_watched_network_is_refused(monkeypatch) -> None:
    monkeypatch.setitem(recipes.WATCHED, False, "net-none")
    monkeypatch.setitem(
        recipes.PRESETS[False], "default", recipes.networks(False, recipes.REGRESSOR_NETWORKS)
    )
    with pytest.raises(SpecError, match="lacks a network that is watched"):
        Regressor().learn_one({"a": 1.0}, 1.0)
