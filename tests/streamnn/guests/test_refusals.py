"""What a user's own code does wrong is said as such, before anything is learnt: no error of torch's from inside."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402

from streamnn import TorchClassifier  # noqa: E402
from streamnn.errors import SpecError, StateError  # noqa: E402
from streamnn.guests import Guest  # noqa: E402
from streamnn.guests.choosing import choose  # noqa: E402
from streamnn.guests.losses import loss_of  # noqa: E402
from streamnn.guests.making import facts_of  # noqa: E402
from streamnn.guests.scores import with_scores  # noqa: E402
from streamnn.lowered.grouped_network import grouped_network  # noqa: E402

pytestmark = pytest.mark.slow


class Own(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.layer, self.function = nn.Linear(4, 2), function

    def forward(self, x):
        return self.function(self, self.layer(x))


def own(function):
    return lambda inputs, outputs: Own(function)


def raises(*_, **__):
    raise ValueError("of mine")


def raises_in_training(module, scores):
    return raises() if module.training else scores


def frozen(inputs, outputs):
    return nn.Linear(inputs, outputs).requires_grad_(False)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (raises, r"make\(4, 2\) raised ValueError: of mine"),
        (lambda inputs: None, r"make\(4, 2\) raised TypeError"),
        (lambda inputs, outputs: None, "gave a NoneType"),
        (lambda inputs, outputs: nn.Linear(9, outputs), r"fails on rows of shape \(2, 4\): RuntimeError"),
        (own(raises), "fails on rows of shape .*ValueError: of mine"),
        (own(raises_in_training), "fails on rows of shape .*ValueError: of mine"),
        (own(lambda module, scores: {"scores": scores}), r"gave dict for 2 rows: \(2, 2\) is needed"),
        (own(lambda module, scores: scores[:, None]), r"gave \(2, 1, 2\) for 2 rows"),
        (frozen, "no parameter that is learnt"),
    ],
)
def test_a_factory_or_a_module_that_fails(make, why):
    with pytest.raises(SpecError, match=why):
        facts_of(Guest(make), 4, 2, 0, True)


def test_a_module_that_fails_is_found_wherever_it_is_first_called():
    with pytest.raises(SpecError, match="gave dict for 8 rows"):
        with_scores(Guest(own(lambda module, scores: {"scores": scores})), 4, 2, 0)


@pytest.mark.parametrize(
    ("loss", "why"),
    [
        (raises, r'raises\(outputs, target, reduction="none"\), raised ValueError: of mine'),
        (nn.CrossEntropyLoss(), "CrossEntropyLoss.*raised TypeError"),
        (lambda out, y, reduction: out.sum(), r"gave \(\) for 3 rows: a loss a row is needed"),
        (lambda out, y, reduction: 1.0, "gave float for 3 rows"),
    ],
)
def test_a_loss_that_fails(loss, why):
    with pytest.raises(SpecError, match=why):
        loss_of(Guest(frozen, loss=loss), True)(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64))


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", nn.functional.cross_entropy])
def test_losses_of_classes_are_none_of_numbers(loss):
    with pytest.raises(SpecError, match=r"one of classes, and labels are numbers: allowed is mse, l1, huber"):
        loss_of(Guest(frozen, loss=loss), False)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"optimizer_options": [1]}, "optimizer_options is .*: allowed is a mapping"),
        ({"time_first": "yes"}, "time_first is 'yes': allowed is True or False"),
        ({"latent": 2}, "latent is 2: allowed is the name of a submodule"),
        ({"device": 3}, "device is 3: allowed is the name of a device"),
    ],
)
def test_options_of_another_type(options, why):
    with pytest.raises(SpecError, match=why):
        Guest(frozen, **options)


def test_a_module_is_no_factory():
    with pytest.raises(SpecError, match=r"make is Linear\(.*: allowed is a function of \(inputs, outputs\)"):
        Guest(nn.Linear(4, 2))
    assert Guest(nn.Linear).new(4, 2).out_features == 2


def normed(inputs, outputs):
    return nn.Sequential(nn.LayerNorm(inputs), nn.Linear(inputs, outputs))


def test_rows_that_widen_with_classes_are_not_for_compiled_networks_of_one_width():
    """They would read other inputs in the places of those they knew."""
    guest = Guest(normed, rows="history")
    assert "widen with every class" in choose(guest, 4, 2, True).reason
    assert choose(guest, 4, 1, False).plan is not None
    with pytest.raises(SpecError, match="widen with every class, and takes no more inputs"):
        TorchClassifier(grouped_network(4, 2, "learned"), rows="history").learn_one({"a": 1.0}, "yes")


def test_before_the_first_event_there_is_nothing_to_explain():
    with pytest.raises(StateError, match="no network before the first event"):
        TorchClassifier(normed).explain()
