"""After an alarm a young network starts anew, at the same event however the log is cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from streamnn.errors import SpecError, StateError
from streamnn.learners import Classifier, Regressor
from streamnn.pool.reaction import PACE, RESTARTED
from streamnn.types import LEARN, OBSERVE, Chunk

N, CHANGE = 4 * PACE + 900, 3 * PACE


def _stream(classify: bool) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, 2))
    x[CHANGE:] += 6.0  # nobody can miss it
    y = (x[:, 0] > x[:, 1]).astype(int) if classify else x[:, 0] + 0.1 * x[:, 1]
    return {"a": x[:, 0], "b": x[:, 1]}, y


def _model(classify: bool) -> Classifier | Regressor:
    return Classifier([0, 1], reaction="young") if classify else Regressor(reaction="young")


def _run(model: Classifier | Regressor, classify: bool, cuts: Sequence[int], late: int = 0) -> None:
    columns, y = _stream(classify)
    op, at = [OBSERVE] * late, list(range(late))
    for i in range(late, N + late):
        op, at = ([*op, OBSERVE], [*at, i]) if i < N else (op, at)
        op, at = [*op, LEARN], [*at, i - late]
    ops, ticket = np.array(op, np.int8), np.array(at)
    seen = 0
    for a, b in zip([0, *cuts], [*cuts, len(ops)], strict=True):
        n = int((ops[a:b] == OBSERVE).sum())
        label = np.empty(b - a, object)
        label[:] = [y[t] if o == LEARN else None for o, t in zip(ops[a:b], ticket[a:b], strict=True)]
        model.run(Chunk({k: v[seen : seen + n] for k, v in columns.items()}, ops[a:b], ticket[a:b], label))
        seen += n


@pytest.mark.parametrize("classify", [True, False])
@pytest.mark.parametrize("late", [0, 40])
def test_cuts_of_the_log_do_not_matter(classify: bool, late: int) -> None:
    whole, cut = _model(classify), _model(classify)
    _run(whole, classify, [], late)
    _run(cut, classify, [1, 700, 2 * CHANGE - 1, 2 * CHANGE + 301, 2 * CHANGE + 302, 2 * N - 500], late)
    assert whole._pool.reaction is not None and whole._pool.reaction.count >= 1
    assert whole.state_hash() == cut.state_hash()


@pytest.mark.parametrize("classify", [True, False])
def test_single_events_are_the_same_as_chunks(classify: bool) -> None:
    columns, y = _stream(classify)
    one, many = _model(classify), _model(classify)
    for i in range(N):
        x = {k: float(v[i]) for k, v in columns.items()}
        one.predict_one(x)
        one.learn_one(x, y[i].item())
    many.learn_many(columns, y.tolist())
    assert one._pool.reaction is not None and one._pool.reaction.count >= 1
    assert one.state_hash() == many.state_hash()


def test_a_state_saved_between_alarm_and_reaction_goes_on() -> None:
    columns, y = _stream(True)
    whole, first = _model(True), _model(True)
    whole.learn_many(columns, y.tolist())
    at = CHANGE + 200
    first.learn_many({k: v[:at] for k, v in columns.items()}, y[:at].tolist())
    assert first._pool.reaction is not None and first._pool.reaction.s["alarmed"][0] == 1
    second = _model(True)
    second.load_state_dict(*first.state_dict())
    second.learn_many({k: v[at:] for k, v in columns.items()}, y[at:].tolist())
    assert second.state_hash() == whole.state_hash()
    with pytest.raises(StateError, match="reaction"):
        Classifier([0, 1]).load_state_dict(*first.state_dict())


def test_only_the_young_network_starts_anew_and_the_ledger_shows_it() -> None:
    columns, y = _stream(True)
    model = _model(True)
    end = CHANGE + PACE  # right after the reaction
    model.learn_many({k: v[: end - 1] for k, v in columns.items()}, y[: end - 1].tolist())
    nets = {n.spec.name: n for n in model._pool.networks}
    learnt = {k: int(n.s["learnt"][0]) for k, n in nets.items()}
    assert learnt[RESTARTED] > PACE
    model.observe({k: float(v[end - 1]) for k, v in columns.items()})
    assert int(nets[RESTARTED].s["learnt"][0]) == 0
    assert {k: int(n.s["learnt"][0]) for k, n in nets.items() if k != RESTARTED} == {
        k: v for k, v in learnt.items() if k != RESTARTED
    }
    assert RESTARTED in model._pool.ledger.losses


def test_without_it_there_is_no_such_network() -> None:
    model = Classifier([0, 1])
    model.learn_one({"a": 1.0}, 0)
    assert model._pool.reaction is None and RESTARTED not in model._pool.ledger.losses
    with pytest.raises(SpecError, match="allowed is off or young"):
        Classifier([0, 1], reaction="panic")
