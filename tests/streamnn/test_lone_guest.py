"""A network of one's own as a learner and as a member of the pool, without torch: a fake in plain Python is the guest."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from guest_helpers import Straight
from machine_helpers import printed
from test_invariants import Log

from streamnn import Classifier, Regressor, TorchClassifier, TorchRegressor
from streamnn.checks import CHECKS, check_learner, check_scan
from streamnn.errors import SpecError, StateError
from streamnn.guests.guest import Guest
from streamnn.learners import guest_options
from streamnn.pool.reaction import PACE


def net(inputs, outputs):
    """A factory that nothing calls."""


@pytest.fixture(autouse=True)
def _fake(monkeypatch) -> None:
    monkeypatch.setattr(guest_options, "_member", Straight)


LONE = {
    "classes": lambda **o: TorchClassifier(net, lr=0.05, **o),
    "numbers": lambda **o: TorchRegressor(net, lr=0.05, **o),
}
IN_A_POOL = {
    "classes": lambda: Classifier(guests={"mine": net}),
    "numbers": lambda: Regressor(guests={"mine": Guest(net, rows="history")}),
}


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("task", LONE)
def test_it_keeps_what_a_learner_keeps(task: str, name: str) -> None:
    assert check_learner(LONE[task], task, [name]) == ([name] if task in CHECKS[name].tasks else [])


@pytest.mark.parametrize("rows", ["x", "context", "history"])
@pytest.mark.parametrize("task", LONE)
def test_it_keeps_the_invariants(task: str, rows: str) -> None:
    log = Log(120, task == "numbers", 0, 20)
    check_scan(lambda: LONE[task](rows=rows), log.run, len(log), log.look)


@pytest.mark.parametrize("task", LONE)
def test_where_it_cannot_grow_the_columns_of_the_first_event_are_all(task: str) -> None:
    log = Log(120, task == "numbers", 1, 5)
    closed = lambda: LONE[task](road="eager")  # noqa: E731 - what the fake takes for a module that cannot grow
    check_scan(closed, log.run, len(log), log.look)
    model = closed()
    log.run(model, 0, len(log))
    assert model.columns == ["a", "b", "c"]  # the first event's text is missing
    others = [v for name in ("late", "text") for v in log.columns[name].tolist()]
    assert model.columns_refused == sum(v is not None and v == v for v in others)


@pytest.mark.parametrize("task", IN_A_POOL)
def test_a_pool_with_a_guest_keeps_the_invariants(task: str) -> None:
    log = Log(100, task == "numbers", 2, 20)
    check_scan(IN_A_POOL[task], log.run, len(log), log.look)


def rows_and_labels(n: int, numbers: bool) -> tuple[list[dict], list]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 3))
    rows = [{"a": float(u), "b": float(v), "s": "uvw"[i % 3]} for i, (u, v, _) in enumerate(x)]
    value = x[:, 0] + 0.5 * x[:, 1] + 0.1 * x[:, 2]
    return rows, [float(v) if numbers else "ny"[int(v > 0)] for v in value]


@pytest.mark.parametrize("task", LONE)
def test_its_answer_is_the_guests(task: str) -> None:
    rows, labels = rows_and_labels(200, task == "numbers")
    model = LONE[task]()
    for x, y in zip(rows, labels, strict=True):
        model.learn_one(x, y)
    pool, guest = model._pool, model._pool.members[0]
    out = model.look({k: [x[k] for x in rows[:7]] for k in rows[0]})
    span = pool.layout.span("x", "x")
    slots = pool.pending._free[-7:]  # a look leaves its rows there
    for i, slot in enumerate(slots.tolist()):
        said = guest._said(guest._row(pool.pending.a, slot, span))
        if task == "classes":
            np.testing.assert_array_equal(out.proba[i], said)
            assert out.surprise[i] != 0.0
        else:
            location, scale, _ = pool.pending.a["scale"][slot]
            assert out.mean[i] == out.median[i] == pytest.approx(location + scale * float(said[0]), rel=1e-6)


def test_scores_stand_beside_controls_and_losses_are_what_a_pool_calls_them() -> None:
    rows, labels = rows_and_labels(1500, False)
    model, pool = LONE["classes"](), Classifier(guests={"guest": Guest(net, lr=0.05)})
    for m in (model, pool):
        m.learn_many({k: [x[k] for x in rows] for k in rows[0]}, labels)
    assert model.history()["experts"] == ["guest", "logistic", "majority", "frequency", "no-change"]
    alone, among = model._pool.ledger.losses, pool._pool.ledger.losses
    for expert in alone:  # the same losses by the same rule, whatever makes the answer
        assert alone[expert] == pytest.approx(among[expert], rel=1e-9)
    said = model.scores()
    assert said["accuracy"] > 0.9 and said["log_loss"] * 1500 == pytest.approx(alone["guest"], rel=0.01)
    assert said["regret_bound"] == float("inf")
    assert pool.scores()["regret_bound"] < 10.0


def test_labels_and_interval_options_work_for_it() -> None:
    rows, labels = rows_and_labels(400, True)
    model = TorchRegressor(net, lr=0.05, coverage=0.9, p_values=True)
    columns = {k: [x[k] for x in rows] for k in rows[0]}
    model.learn_many(columns, labels)
    out = model.look(columns)
    held = np.mean((out.low <= np.array(labels)) & (np.array(labels) <= out.high))
    assert 0.8 < held < 0.98 and ((out.p_value >= 0) & (out.p_value <= 1)).all()


def test_names_are_rows_of_text_and_of_declared_columns_alone() -> None:
    model = TorchClassifier(net, categories=["code"])
    for i in range(60):
        model.learn_one({"few": i % 4, "code": i % 3, "text": "ab"[i % 2]}, i % 2)
    assert (model.encoded({"few": [1], "code": [1], "text": ["a"]})[1] >= 0).sum() == 3
    slot = model._pool.pending._free[-1]
    names = model._pool.pending.a["names"][slot]
    inputs = model._pool.inputs
    of_text = {int(r) for c in (0, 2) for r in inputs.s["value_row"][c, : inputs.s["distinct"][c]]}
    assert model.columns == ["code", "few", "text"]
    assert set(names[names >= 0].tolist()) <= of_text and (names >= 0).sum() == 2


def test_nobody_else_is_given_names() -> None:
    model = Classifier()
    model.learn_one({"a": "x"}, 1)
    assert "names" not in model._pool.pending.a


@pytest.mark.parametrize("task", LONE)
def test_single_events_give_the_bits_of_chunks(task: str) -> None:
    rows, labels = rows_and_labels(200, task == "numbers")
    rows = [{**x, "late": x["a"]} if i > 90 else x for i, x in enumerate(rows)]
    one, long = LONE[task](), LONE[task]()
    long._single = lambda: None
    for i, (x, y) in enumerate(zip(rows, labels, strict=True)):
        assert one.predict_one(x) == long.predict_one(x), i
        one.learn_one(x, y, 1.0 + i % 2)
        long.learn_one(x, y, 1.0 + i % 2)
    assert one.state_hash() == long.state_hash() and one._one is not None


def test_the_settings_are_part_of_a_state_and_the_road_is_not() -> None:
    rows, labels = rows_and_labels(40, False)
    model = LONE["classes"]()
    for x, y in zip(rows, labels, strict=True):
        model.learn_one(x, y)
    state = model.state_dict()
    other = TorchClassifier(lambda i, o: None, lr=0.05, road="lowered")
    other.load_state_dict(*state)
    assert other.state_hash() == model.state_hash()
    with pytest.raises(StateError, match=r"lr is 0.1 here and 0.05 in the state"):
        TorchClassifier(net, lr=0.1).load_state_dict(*state)
    with pytest.raises(StateError, match="guests"):
        Classifier().load_state_dict(*Classifier(guests={"mine": net}).state_dict())


def test_it_is_written_and_cloned_as_it_was_made() -> None:
    model = TorchClassifier(net, lr=0.1, classes=["a"], seed=3)
    assert repr(model) == "TorchClassifier(make=net, lr=0.1, classes=['a'], seed=3)"
    assert (
        repr(model.clone({"batch": 8})) == "TorchClassifier(make=net, lr=0.1, batch=8, classes=['a'], seed=3)"
    )
    assert (model.make, model.lr, model.window, model.optimizer_options) == (net, 0.1, 0, None)
    assert repr(Classifier(guests={"mine": net})) == "Classifier(guests={'mine': net})"
    every = [*inspect.signature(TorchRegressor).parameters]
    assert [p for p in every if not hasattr(TorchRegressor, p)] == ["alarms"] or all(
        hasattr(TorchRegressor(net), p) for p in every
    )


@pytest.mark.parametrize("guests", [["net"], {"": net}, {3: net}, net])
def test_what_are_no_guests_is_refused(guests: object) -> None:
    with pytest.raises(SpecError, match=r"guests is .*: allowed is a mapping"):
        Classifier(guests=guests)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [{"batch": 0}, {"rows": "y"}, {"road": "sea"}, {"lr": -1.0}, {"optimizer": "lion"}]
)
def test_wrong_settings_are_refused_when_it_is_made(wrong: dict) -> None:
    with pytest.raises(SpecError, match="guest option"):
        TorchClassifier(net, **wrong)


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(SpecError, match="named 'wide'"):
        Classifier(guests={"wide": net}).learn_one({"a": 1.0}, 0)
    with pytest.raises(SpecError, match="young"):
        TorchClassifier(net, reaction="young")


@pytest.mark.parametrize("task", LONE)
def test_at_an_alarm_it_is_told_to_reopen(task: str) -> None:
    n = 3 * PACE + 300
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 2))
    x[2 * PACE :] += 6.0  # nobody can miss it
    labels = (x[:, 0] > x[:, 1]).astype(int).tolist() if task == "classes" else x[:, 0].tolist()
    columns = {"a": x[:, 0], "b": x[:, 1]}
    many, one = LONE[task](reaction="reopen"), LONE[task](reaction="reopen")
    many.learn_many(columns, labels)
    for i in range(n):
        one.learn_one({"a": float(x[i, 0]), "b": float(x[i, 1])}, labels[i])
    assert many._pool.members[0].s["reopened"][0] >= 1
    assert many.state_hash() == one.state_hash()


class Lost(Straight):
    """Learns the opposite of every label."""

    def step(self, segment, layout, store) -> None:
        super().step(segment._replace(target=1.0 - segment.target), layout, store)


def test_a_bad_guest_costs_a_pool_little(monkeypatch) -> None:
    rows, labels = rows_and_labels(2000, False)
    columns = {k: [x[k] for x in rows] for k in rows[0]}

    def lost(model: Classifier) -> float:
        model.learn_many(columns, labels)
        return float(model.scores()["log_loss"])

    without = lost(Classifier())
    monkeypatch.setattr(guest_options, "_member", Lost)
    bad = Classifier(guests={"mine": net})
    assert lost(bad) < without + 0.003
    losses = bad._pool.ledger.losses
    assert losses["mine"] > 5.0 * losses["logistic"]


def test_without_torch_it_can_be_made_and_says_what_is_missing_at_the_first_event() -> None:
    said = printed("""
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, NoTorch())
from streamnn import TorchClassifier
from streamnn.errors import MissingPackage
def make(inputs, outputs):
    from torch import nn
    return nn.Linear(inputs, outputs)
model = TorchClassifier(make)
try:
    model.learn_one({"a": 1.0}, 1)
except MissingPackage as e:
    print(type(e).__name__, "streamnn[torch]" in str(e))
""")
    assert said == ["MissingPackage", "True"]
