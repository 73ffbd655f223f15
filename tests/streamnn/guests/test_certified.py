"""Guests among a learner's certified networks, and within the slope that they were given."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from functools import partial  # noqa: E402

from torch import nn  # noqa: E402

from streamnn import Classifier  # noqa: E402
from streamnn.guests.choosing import guest_member  # noqa: E402
from streamnn.guests.guest import Guest  # noqa: E402
from streamnn.guests.torch_member import TorchMember  # noqa: E402
from streamnn.nn import LinearSpline  # noqa: E402

pytestmark = pytest.mark.slow


def small(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, outputs))


class Recurrent(nn.Module):
    def __init__(self, inputs: int, outputs: int, kind: type[nn.RNNBase] = nn.GRU) -> None:
        super().__init__()
        self.core, self.out = kind(inputs, 4), nn.Linear(4, outputs)

    def forward(self, x):
        return self.out(self.core(x)[0][-1])


def taught(guest: Guest, n: int = 200) -> Classifier:
    model = Classifier(members=[partial(TorchMember, guest, "mine", False)])
    rng = np.random.default_rng(1)
    for a, b in rng.normal(size=(n, 2)):
        model.learn_one({"a": a, "b": b}, int(a * b > 0))
    return model


@pytest.mark.parametrize("road", ["eager", "auto"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_guest_stays_within_its_slope_and_is_listed(road, optimizer):
    found = taught(Guest(small, optimizer, lr=0.05, slope=0.8, road=road)).networks()
    (mine,) = [n for n in found if n["name"] == "mine"]
    assert 0.0 < mine["attacked"] <= mine["certified"] <= 0.8**2
    assert mine["unbounded"] == [] and "to outputs of shape (2,)" in mine["of"]
    free = taught(Guest(small, optimizer, lr=0.05, road=road)).networks()[-1]
    assert free["certified"] > 0.8**2  # without a limit it is steeper


def test_looking_changes_no_bit_and_a_snapshot_stays_as_it_was():
    model = taught(Guest(small, road="eager"))
    before, snapshot = model.state_hash(), model.snapshot()
    first = snapshot.slopes()[-1]
    model.learn_one({"a": 1.0, "b": 1.0}, 0)
    assert snapshot.slopes()[-1] == first != model.networks()[-1]
    alone = taught(Guest(small, road="eager"))
    assert alone.state_hash() == before


class Maps(nn.Module):
    """Rows as maps, so that there are convolutions to hold."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv1d(1, 4, 3, padding=1), nn.Conv1d(4, 4, 1, groups=2)
        self.out = nn.Linear(4 * inputs, outputs)

    def forward(self, x):
        return self.out(torch.relu(self.b(torch.relu(self.a(x.unsqueeze(1))))).flatten(1))


def bent(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 8), LinearSpline(8), nn.Linear(8, outputs))


HELD = {
    "dense": (small, 0, 0.6**2),
    "maps": (Maps, 0, 0.6**3),
    "splines": (bent, 0, 0.6**3),
    "lstm": (partial(Recurrent, kind=nn.LSTM), 3, np.inf),
    "gru": (Recurrent, 3, np.inf),
    "rnn": (partial(Recurrent, kind=nn.RNN), 3, 0.6**2 * (1 + 0.6 + 0.6**2)),
}


@pytest.mark.parametrize("name", HELD)
def test_compiled_and_eager_steps_are_held_alike(name):
    make, window, most = HELD[name]
    states, listed = [], []
    for road in ("eager", "lowered"):
        guest = Guest(make, "sgd", lr=0.1, slope=0.6, road=road, window=window, time_first=True)
        model = Classifier(members=[guest_member(guest, "mine", False)])
        rng = np.random.default_rng(1)
        for a, b in rng.normal(size=(300, 2)):
            model.learn_one({"a": a, "b": b}, int(a * b > 0))
        arrays = model.state_dict()[0]
        states.append({k: v for k, v in arrays.items() if k.startswith("mine/param")})
        listed.append(model.networks()[-1])
    eager, lowered = states
    assert eager.keys() == lowered.keys() and len(eager) >= 4
    for leaf, w in eager.items():
        np.testing.assert_allclose(lowered[leaf], w, atol=2e-4, err_msg=leaf)
    assert listed[0]["name"] == listed[1]["name"] == "mine"
    assert listed[1]["certified"] == pytest.approx(listed[0]["certified"], rel=1e-3)
    assert listed[1]["attacked"] <= listed[1]["certified"] <= most


def test_windows_time_first_and_what_has_no_bound():
    recurrent = taught(Guest(Recurrent, window=4, time_first=True, road="eager"), 60).networks()[-1]
    assert 0.0 < recurrent["attacked"] <= recurrent["certified"] < np.inf
    without = taught(Guest(lambda i, o: nn.Sequential(nn.Linear(i, o), nn.Hardshrink(0.1)), road="eager"), 60)
    listed = without.networks()[-1]
    assert listed["certified"] == np.inf and "Hardshrink" in listed["unbounded"][0]
