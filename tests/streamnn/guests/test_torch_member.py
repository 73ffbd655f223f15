"""Torch modules in a pool: cut anywhere, stopped anywhere, looked at any time, on both roads."""

from __future__ import annotations

import copy
import pickle
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from streamnn import Classifier, Regressor  # noqa: E402
from streamnn.errors import SpecError, StateError  # noqa: E402
from streamnn.guests.guest import Guest  # noqa: E402
from streamnn.guests.torch_member import TorchMember  # noqa: E402
from streamnn.guests.warm_start import module_of, take_module  # noqa: E402
from streamnn.nn import LearnedShuffle  # noqa: E402
from streamnn.permutations.schedule import Schedule  # noqa: E402
from streamnn.types import LEARN, OBSERVE, Chunk  # noqa: E402

pytestmark = pytest.mark.slow

N = 60


def mlp(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs))


def dropout(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, outputs))


def batch_norm(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, outputs))


class Recurrent(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTM(inputs, 8, batch_first=True), nn.Linear(8, outputs)

    def forward(self, x):
        return self.head(self.cell(x)[0][:, -1])


class Convolution(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.read, self.head = nn.Conv1d(inputs, 6, 3, padding=1), nn.Linear(6, outputs)

    def forward(self, x):
        return self.head(F.gelu(self.read(x.transpose(1, 2))).mean(2))


GUESTS = {
    "eager": Guest(mlp, road="eager"),
    "traced": Guest(mlp, road="traced"),
    "sgd 8": Guest(mlp, "sgd", 0.05, {"momentum": 0.9, "dampening": 0.1}, batch=8, road="eager"),
    "traced 8": Guest(mlp, "rmsprop", 0.003, batch=8, road="traced"),
    "dropout": Guest(dropout),
    "batch norm": Guest(batch_norm, "adamw", batch=4),
    "recurrent": Guest(Recurrent, window=4, rows="context"),
    "convolution": Guest(Convolution, window=5, road="traced"),
    "history": Guest(mlp, rows="history", road="traced"),
    "own": Guest(
        mlp,
        lambda ps: torch.optim.NAdam(ps, 0.01),
        loss=lambda out, y, reduction: F.cross_entropy(out, y)[None],
    ),
}
every_guest = pytest.mark.parametrize("guest", GUESTS.values(), ids=GUESTS)


def model(guest: Guest, kind=Classifier):
    return kind(members=[partial(TorchMember, guest, "mine", False)])


def member(learner) -> TorchMember:
    return next(m for m in learner._pool.members if isinstance(m, TorchMember))


def events(numbers: bool = False):
    """Columns, a third of which come later, words and classes that come later; NaN among them."""
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, N))
    late = np.where(np.arange(N) < 25, np.nan, c)
    word = np.array([None if i < 9 else "uvwxyz"[int(i * 7 % 6) if i > 30 else 0] for i in range(N)], object)
    y = (a + b > 0).astype(int) + (np.arange(N) > 40) * (c > 0.5)
    columns = {"a": a, "b": np.where(b > 1.5, np.nan, b), "late": late, "word": word}
    return columns, (a + 2 * b if numbers else np.array([("no", "yes", "more")[k] for k in y], object))


def log(numbers: bool = False):
    """Operations whose labels come up to nine events late."""
    columns, y = events(numbers)
    ops: list[tuple[int, int]] = []
    due: dict[int, list[int]] = {}
    for t in range(N):
        ops.append((OBSERVE, t))
        due.setdefault(t + (t * 5) % 10, []).append(t)
        ops += [(LEARN, d) for d in due.pop(t, [])]
    return columns, y, ops


def play(learner, stops, numbers: bool = False, begin: int = 0, end: int = 10**9):
    """Run the log from operation `begin` on, cut where asked; the predictions."""
    columns, y, ops = log(numbers)
    ops = ops[begin:end]
    said = []
    for a, b in zip([0, *stops], [*stops, len(ops)], strict=True):
        part = ops[a:b]
        seen = [t for op, t in part if op == OBSERVE]
        label = np.empty(len(part), object)
        label[:] = [y[t] if op == LEARN else None for op, t in part]
        chunk = Chunk(
            {k: v[seen] for k, v in columns.items()},
            np.array([op for op, _ in part], np.int8),
            np.array([t for _, t in part]),
            label,
        )
        out = learner.run(chunk)
        said.append(out.mean if out.proba is None else out.proba)
    return said


def predicted(learner) -> bytes:
    return member(learner).s["param/" + next(iter(member(learner).facts.rule.axes))].tobytes()


@every_guest
def test_cut_and_resumed_anywhere(guest: Guest) -> None:
    whole = model(guest)
    play(whole, [])
    assert whole.scores()["labelled"] > 40
    size = len(log()[2])
    single = model(guest)
    play(single, list(range(1, size)))
    assert single.state_hash() == whole.state_hash()
    stopped = model(guest)
    play(stopped, [7, 50], end=71)  # inside a micro-batch
    again = model(guest)
    again.load_state_dict(*stopped.state_dict())
    assert again.state_hash() == stopped.state_hash()
    copied = copy.deepcopy(stopped)
    for other in (again, copied):
        play(other, [3], begin=71)
        assert other.state_hash() == whole.state_hash()


@every_guest
def test_a_look_changes_nothing(guest: Guest) -> None:
    learner = model(guest)
    play(learner, [])
    before = learner.state_hash()
    columns, _ = events()
    many = learner.look({k: v[:9] for k, v in columns.items()}).proba
    new = {"a": 1.0, "new": 3.0, "word": "never seen"}
    learner.predict_proba_one(new)
    assert learner.state_hash() == before
    for i in range(9):
        one = learner.look({k: v[i : i + 1] for k, v in columns.items()}).proba
        assert one.tobytes() == many[i : i + 1].tobytes()


def test_it_goes_where_its_columns_and_classes_go() -> None:
    learner = model(GUESTS["history"])
    play(learner, [])
    mine = member(learner)
    assert mine.road == "traced" and mine.reason == ""
    assert mine.s["param/2.bias"].shape == (3,)
    assert mine.s["table"].shape == (128, mine.inputs) and np.abs(mine.s["table"]).max() > 0


def test_a_column_is_taken_in_when_it_differs_from_zero() -> None:
    learner = model(GUESTS["eager"])
    play(learner, [], end=40)
    assert member(learner).inputs == 2  # of 'a', 'b' and, in this chunk, 'word'
    play(learner, [], begin=40)
    assert member(learner).inputs > 2


def test_both_roads_are_one() -> None:
    eager, traced = model(GUESTS["eager"]), model(GUESTS["traced"])
    for learner in (eager, traced):
        play(learner, [])
    assert (member(eager).road, member(traced).road) == ("eager", "traced")
    assert set(member(eager).s) - set(member(traced).s) == {"eager"}
    for name, v in member(traced).s.items():
        np.testing.assert_allclose(member(eager).s[name], v, atol=1e-5)


def test_numbers_are_learnt_too() -> None:
    learner = model(Guest(mlp), Regressor)
    play(learner, [], numbers=True)
    single = model(Guest(mlp), Regressor)
    play(single, list(range(1, len(log()[2]))), numbers=True)
    assert single.state_hash() == learner.state_hash()
    assert member(learner).road == "traced"


def test_threads_are_left_as_they_were() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seen = []

        class Counting(nn.Linear):
            def forward(self, x):
                seen.append(torch.get_num_threads())
                return super().forward(x)

        play(model(Guest(Counting, road="eager")), [], end=20)
        assert set(seen) == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_torchs_own_random_numbers_are_left_alone() -> None:
    torch.manual_seed(5)
    want = torch.rand(3)
    torch.manual_seed(5)
    play(model(GUESTS["dropout"]), [], end=40)
    assert torch.equal(torch.rand(3), want)
    assert "random" in member_after(GUESTS["dropout"]).s
    assert "random" not in member_after(GUESTS["eager"]).s


def member_after(guest: Guest, end: int = 10) -> TorchMember:
    learner = model(guest)
    play(learner, [], end=end)
    return member(learner)


def test_a_pickle_holds_arrays() -> None:
    mine = member_after(Guest(mlp))
    again = pickle.loads(pickle.dumps(mine))
    assert again._engine is None and again.s["param/0.weight"].tobytes() == mine.s["param/0.weight"].tobytes()
    assert again.engine.predict(again._batch)[0].tobytes() == mine.engine.predict(mine._batch)[0].tobytes()


def test_a_loss_that_is_not_finite_makes_no_step() -> None:
    def loss(out, y, reduction):
        each = F.cross_entropy(out, y, reduction="none")
        return each * torch.where(y == 1, float("inf"), 1.0)

    mine = member_after(Guest(mlp, loss=loss, road="eager"), end=60)
    learnt, steps, _, skipped = mine.s["count"][:4].tolist()
    assert steps > 0 and skipped > 0 and steps + skipped == learnt
    assert all(np.isfinite(v).all() for k, v in mine.s.items() if k.startswith("param"))


def test_another_optimiser_is_refused() -> None:
    learner = model(Guest(mlp, "adam"))
    play(learner, [], end=30)
    for other in (Guest(mlp, "adam", optimizer_options={"foreach": True}), Guest(mlp, "adamw")):
        with pytest.raises(StateError, match="the optimiser is 'Adam"):
            model(other).load_state_dict(*learner.state_dict())


KEPT = nn.Linear(2, 2)


class OverInputs(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm, self.head = nn.LayerNorm(inputs), nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.head(self.norm(x))


class Centred(nn.Linear):
    def forward(self, x):
        return super().forward(x - x.mean(1, keepdim=True))


@pytest.mark.parametrize(
    ("make", "why"), [(OverInputs, "'norm.weight' has a unit"), (Centred, "not read as before")]
)
def test_what_depends_on_the_width_takes_no_columns(make, why: str) -> None:
    mine = member_after(Guest(make), end=60)
    assert not mine.grows and why in mine.facts.rule.columns


class Branching(nn.Linear):
    def forward(self, x):
        return super().forward(x) if x.detach().numpy().sum() > 0 else super().forward(-x)


def test_what_depends_on_values_is_not_traced() -> None:
    mine = member_after(Guest(Branching))
    assert mine.road == "eager" and mine.reason
    with pytest.raises(SpecError, match="road is 'traced'"):
        member_after(Guest(Branching, road="traced"))


@pytest.mark.parametrize(
    ("guest", "why"),
    [
        (Guest(batch_norm), "needs the statistics of a batch"),
        (Guest(lambda d, c: None), "gave a NoneType"),
        (Guest(lambda d, c: KEPT), "must make all layers anew"),
        (Guest(lambda d, c: nn.Linear(d, 5)), r"gave \(2, 5\)"),
        (Guest(lambda d, c: nn.Linear(d, c).double()), "float32 is needed"),
        (Guest(lambda d, c: nn.Linear(d, c), latent="body"), "the submodules are"),
        (Guest(mlp, optimizer_options={"lift": 1}), "optimizer_options"),
        (Guest(mlp, lambda ps: torch.optim.LBFGS(ps)), "no step by gradients alone"),
        (Guest(mlp, device="cuda:9"), "device is 'cuda:9'"),
        (Guest(mlp, device="abacus"), "device is 'abacus'"),
    ],
)
def test_what_can_be_no_guest_is_told_why(guest: Guest, why: str) -> None:
    learner = Classifier(members=[partial(TorchMember, guest, "mine", True)])
    with pytest.raises(SpecError, match=why):
        learner.learn_one({"a": 1.0, "b": 2.0}, "yes")


class Shuffled(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        schedule = Schedule(hold=2, ramp=4, every=2)
        self.read, self.shuffle = nn.Linear(inputs, 8), LearnedShuffle(8, schedule)
        self.mix, self.head = nn.Conv1d(8, 8, 1, groups=2), nn.Linear(8, outputs)

    def forward(self, x):
        return self.head(F.relu(self.mix(self.shuffle(self.read(x)[..., None])))[..., 0])


@pytest.mark.parametrize("batch", [1, 3])
def test_a_shuffle_is_told_of_every_label(batch: int) -> None:
    guest = Guest(Shuffled, batch=batch)
    whole, single = model(guest), model(guest)
    play(whole, [])
    play(single, list(range(1, len(log()[2]))))
    assert single.state_hash() == whole.state_hash()
    mine = member(whole)
    assert mine.road == "eager" and "LearnedShuffle" in mine.reason
    fresh = member_after(guest, 1)
    assert mine.s["buffer/shuffle.slow"].tobytes() != fresh.s["buffer/shuffle.slow"].tobytes()


def test_layers_stay_within_a_slope() -> None:
    mine = member_after(Guest(mlp, lr=0.1, slope=0.5, road="traced"), end=60)
    for name in ("0.weight", "2.weight"):
        assert np.linalg.norm(mine.s[f"param/{name}"], 2) <= 0.5


@pytest.mark.parametrize(("road", "near"), [("eager", 0.0), ("traced", 1e-6)])
def test_weights_go_out_and_back(road: str, near: float) -> None:
    guest = Guest(mlp, road=road)
    mine = member_after(guest, end=60)
    module = module_of(guest, mine, mine.seed)
    rows = np.random.default_rng(0).normal(size=(1, mine.inputs)).astype(np.float32)
    with torch.no_grad():
        want = module(torch.from_numpy(rows)).softmax(1).numpy()
        np.testing.assert_allclose(mine.engine.predict(rows)[0], want, rtol=near)
        for p in module.parameters():
            p.mul_(0.5)
        want = module(torch.from_numpy(rows)).softmax(1).numpy()
    take_module(mine, module)
    np.testing.assert_allclose(mine.engine.predict(rows)[0], want, rtol=near)
    before = mine.s["param/0.weight"].tobytes()
    with pytest.raises(StateError, match="has shape"):
        take_module(mine, mlp(mine.inputs, 9))
    assert mine.s["param/0.weight"].tobytes() == before
