"""Which road a guest takes, and what is said of it."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from streamnn import Classifier  # noqa: E402
from streamnn.errors import SpecError  # noqa: E402
from streamnn.guests import Guest  # noqa: E402
from streamnn.guests.choosing import choose, guest_member  # noqa: E402
from streamnn.guests.explain import explain  # noqa: E402
from streamnn.guests.optimisers import NotLowered, optimiser_of  # noqa: E402
from streamnn.guests.scores import with_scores  # noqa: E402
from streamnn.lowered.optimisers import Optimiser  # noqa: E402
from streamnn.nn import LearnedGrouping, LinearSpline  # noqa: E402

pytestmark = pytest.mark.slow


def mlp(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, outputs))


def softmaxed(inputs, outputs):
    return nn.Sequential(*mlp(inputs, outputs), nn.Softmax(-1))


def normed(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 8), nn.BatchNorm1d(8), nn.Linear(8, outputs))


def unlearnt_norm(inputs, outputs):
    return nn.Sequential(nn.LayerNorm(inputs, elementwise_affine=False), nn.Linear(inputs, outputs))


def random(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 8), nn.RReLU(), nn.Linear(8, outputs))


def own_loss(out, y, reduction="none"):
    return F.cross_entropy(out, y, reduction=reduction) * 2


def chosen(guest):
    return choose(guest, 4, 3, True)


@pytest.mark.parametrize(
    "loss", ["auto", "cross_entropy", "mse", "l1", "binary_cross_entropy", F.cross_entropy, F.huber_loss]
)
def test_an_mlp_is_lowered(loss):
    choice = chosen(Guest(mlp, loss=loss))
    assert not choice.reason and choice.plan.words == ("Linear(4 -> 8)", "relu", "Linear(8 -> 3)")
    assert choice.optimiser == Optimiser.named("adam", 0.01, {}) and choice.disagreement < 1e-5


@pytest.mark.parametrize(
    ("guest", "why"),
    [
        (Guest(random), "layer '1' is a RReLU"),
        (Guest(mlp, loss=own_loss), "its loss is a function"),
        (Guest(mlp, optimizer=torch.optim.Adagrad), "the optimiser is a Adagrad"),
        (Guest(mlp, optimizer_options={"amsgrad": True}), "amsgrad=True"),
        (Guest(mlp, road="eager"), "road='eager' was asked for"),
        (Guest(normed, batch=8), "layer '1' is a BatchNorm1d"),
    ],
)
def test_others_are_not_and_it_is_said_why(guest, why):
    choice = chosen(guest)
    assert why in choice.reason and choice.plan is None


def test_a_road_that_is_asked_for_and_impossible_is_an_error():
    with pytest.raises(SpecError, match=r"road is 'lowered': layer '1' is a RReLU"):
        chosen(Guest(random, road="lowered"))
    with pytest.raises(SpecError, match="BatchNorm1d needs the statistics of a batch"):
        chosen(Guest(normed))


def test_what_reads_its_inputs_together_takes_no_more_columns():
    assert "not read as before" in chosen(Guest(unlearnt_norm)).rule.columns
    assert not chosen(Guest(mlp)).rule.columns


def test_factories_of_members_can_be_pickled():
    factory = pickle.loads(pickle.dumps(guest_member(Guest(mlp), "mine")))
    assert callable(factory)


def test_probabilities_become_scores_on_torchs_roads_too():
    guest = Guest(softmaxed, road="eager")
    module = with_scores(guest, 4, 3, 0).make(4, 3)
    x = torch.randn(5, 4)
    assert torch.allclose(module(x).softmax(-1), nn.Sequential(*module)(x), atol=1e-6)
    for same in (Guest(mlp), Guest(softmaxed, loss=own_loss)):
        assert with_scores(same, 4, 3, 0) is same


def test_roads_learn_alike():
    """The same weights, rules and losses: predictions of the two roads after some hundred events."""
    rng = np.random.default_rng(0)
    rows = [{"a": float(a), "b": float(b)} for a, b in rng.normal(size=(300, 2))]
    said = {}
    for road in ("lowered", "eager"):
        guest = Guest(softmaxed, optimizer="sgd", lr=0.1, road=road)
        model = Classifier(members=[guest_member(guest, "mine")])
        for row in rows:
            model.learn_one(row, "yes" if row["a"] * row["b"] > 0 else "no")
        state = model.state_dict()[0]
        said[road] = {k: v for k, v in state.items() if k.startswith("mine/param/")}
        assert sorted(said[road]) == [f"mine/param/{k}.{v}" for k in "02" for v in ("bias", "weight")]
    for leaf, weights in said["eager"].items():
        assert np.allclose(said["lowered"][leaf], weights, atol=1e-4), leaf


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda p: torch.optim.SGD(p, 0.1), Optimiser("sgd", 0.1)),
        (lambda p: torch.optim.SGD(p, 0.1, 0.9, nesterov=True), Optimiser("sgd", 0.1, 0.9, nesterov=True)),
        (lambda p: torch.optim.Adam(p, 0.1, (0.8, 0.9)), Optimiser("adam", 0.1, betas=(0.8, 0.9))),
        (lambda p: torch.optim.AdamW(p, 0.1), Optimiser("adamw", 0.1, weight_decay=0.01)),
        (
            lambda p: torch.optim.Adam(p, 0.1, weight_decay=0.2, decoupled_weight_decay=True),
            Optimiser("adamw", 0.1, weight_decay=0.2),
        ),
        (lambda p: torch.optim.RMSprop(p, 0.1, momentum=0.5), Optimiser("rmsprop", 0.1, momentum=0.5)),
    ],
)
def test_optimisers(make, rule):
    assert optimiser_of(make([torch.zeros(2, requires_grad=True)])) == rule


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda p: torch.optim.SGD([{"params": p[:1]}, {"params": p[1:], "lr": 1.0}], 0.1), "2 groups"),
        (lambda p: torch.optim.SGD(p[:1], 0.1), "some of the module's parameters"),
        (lambda p: torch.optim.RMSprop(p, centered=True), "centered=True"),
        (lambda p: torch.optim.SGD(p, 0.1, maximize=True), "maximize=True"),
        (lambda p: torch.optim.LBFGS(p), "a LBFGS"),
    ],
)
def test_optimisers_that_are_not_known(make, why):
    parameters = [torch.zeros(2, requires_grad=True) for _ in range(2)]
    with pytest.raises(NotLowered, match=why):
        optimiser_of(make(parameters), parameters)


def test_explain_says_what_becomes_of_a_guest():
    said = str(explain(softmaxed, 4, 3))
    for words in ("lowered: ", "1  Linear(4 -> 8)", "0.weight  8 x 4", "parameters: 67", "adam, lr 0.01"):
        assert words in said
    said = str(explain(Guest(unlearnt_norm, road="traced"), 4, 3))
    for words in ("traced: ", "road='traced' was asked for; not replayed by one kernel: it has prims::var"):
        assert words in said
    assert "not replayed" not in str(explain(Guest(softmaxed, road="traced"), 4, 3))
    said = str(explain(Guest(random, loss=own_loss), 4, 3))
    for words in ("eager: ", "not lowered: its loss is a function", "not traced: ", "loss: own_loss"):
        assert words in said


_WITHOUT = """
import sys
sys.modules["torch"] = None  # as if it were not installed
from streamnn.errors import MissingPackage
from streamnn.guests import Guest
from streamnn.guests.choosing import choose
from streamnn.lowered import PlanBuilder
from streamnn.lowered.dense import linear
import numpy as np
def plan(d, c):
    b = PlanBuilder((d,))
    return b.finish(linear(b, b.input, "out", np.zeros((c, d)), np.zeros(c)), latent=b.input)
def module(d, c):
    from torch import nn
print(choose(Guest(plan), 3, 2, True).plan.words)
try:
    choose(Guest(module), 3, 2, True)
except MissingPackage as e:
    print(e)
"""


def test_without_torch_plans_run_and_modules_name_the_install_line():
    lines = subprocess.run([sys.executable, "-c", _WITHOUT], capture_output=True, text=True, check=True)
    first, second = lines.stdout.splitlines()
    assert first == "('Linear(3 -> 2)',)" and "pip install 'streamnn[torch]'" in second


def test_a_limit_of_the_slope_takes_no_layer_off_the_compiled_road():
    class Windowed(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.core = nn.LSTM(inputs, 4, batch_first=True)
            self.groups, self.spline, self.out = (
                LearnedGrouping(4, 4, 2),
                LinearSpline(4),
                nn.Linear(4, outputs),
            )

        def forward(self, x):
            return self.out(self.spline(self.groups(self.core(x)[0][:, -1])))

    limited = Guest(Windowed, window=3, slope=1.0)
    assert choose(limited, 2, 2, True).reason == ""
    said = str(explain(limited, 2, 2))
    assert said.startswith("lowered") and "LSTM(2 -> 4, window 3)" in said and "Spline(4, 21 knots)" in said
