"""What torch and the compiled kernels must agree on beside the layers: latents, sample weights, category values."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from streamnn import Classifier, TorchClassifier  # noqa: E402
from streamnn.guests.choosing import guest_member  # noqa: E402
from streamnn.guests.guest import Guest  # noqa: E402
from streamnn.guests.warm_start import module_of  # noqa: E402
from streamnn.nn import LearnedGrouping, LearnedShuffle  # noqa: E402
from streamnn.types import OBSERVE  # noqa: E402

pytestmark = pytest.mark.slow

WINDOW, EVENTS = 5, 40


class Convolutions(nn.Module):
    """Over time; what `second` reads are maps, channels first."""

    def __init__(self, inputs: int, outputs: int, channels: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(inputs, channels, 3, padding=1), nn.Conv1d(channels, 4, 3)
        self.head = nn.Linear(4 * (WINDOW - 2), outputs)

    def watched(self, x):
        return F.relu(self.first(x.transpose(1, 2)))

    def means(self, x):
        return self.watched(x).mean(2)

    def forward(self, x):
        return self.head(F.relu(self.second(self.watched(x))).flatten(1))


class Positions(nn.Module):
    """The same layers at every position of a window: what `head` reads has the features last."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(inputs, 8), nn.Linear(8, outputs)

    def means(self, x):
        return torch.tanh(self.body(x)).mean(1)

    def forward(self, x):
        return self.head(torch.tanh(self.body(x))).mean(1)


LATENTS = {
    "maps": (lambda d, c: Convolutions(d, c, 6), "second", 6),
    "wide maps": (lambda d, c: Convolutions(d, c, 128), "second", 64),
    "positions": (Positions, "", 8),
}


@pytest.mark.parametrize("road", ["lowered", "eager"])
@pytest.mark.parametrize("name", LATENTS)
def test_latents_are_means_over_positions(name: str, road: str, monkeypatch) -> None:
    make, latent, units = LATENTS[name]
    guest = Guest(make, lr=0.0, window=WINDOW, latent=latent, road=road)  # nothing is learnt
    model = Classifier(members=[guest_member(guest, "mine", True)])
    model.learn_one({"a": 0.0, "b": 0.0}, 0)
    mine = next(m for m in model._pool.members if m.name == "mine")
    rows, latents, step = [], [], mine.step

    def noted(segment, layout, store) -> None:
        step(segment, layout, store)
        start, stop = layout.span(*mine.reads)
        seen = segment.op == OBSERVE
        rows.append(store["row"][segment.slot[seen], start:stop])
        latents.append(segment.latent[:, : mine.units].copy())
        assert np.array_equal(segment.slot[::2], segment.slot[1::2])
        assert np.array_equal(latents[-1][::2], latents[-1][1::2])  # of LEARN as of OBSERVE

    monkeypatch.setattr(mine, "step", noted)
    x = np.random.default_rng(0).standard_normal((EVENTS, 2))
    model.learn_many({"a": x[:, 0], "b": x[:, 1]}, (x[:, 0] > 0).astype(int).tolist())
    module = module_of(guest, mine, 0)
    row = torch.from_numpy(np.concatenate(rows))
    windows = torch.stack([row[i : i + WINDOW] for i in range(EVENTS - WINDOW + 1)])
    with torch.no_grad():
        want = module.means(windows)
    want = want.reshape(len(want), units, -1).mean(2).numpy()  # of more than 64 channels, means of neighbours
    got = np.concatenate(latents)[::2][WINDOW - 1 :]
    assert mine.units == units and want.std() > 0.01
    np.testing.assert_allclose(got, want, atol=1e-6)


def mlp(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs))


@pytest.mark.parametrize("batch", [1, 3])
def test_weights_and_category_values_are_learnt_alike(batch: int) -> None:
    rng = np.random.default_rng(0)
    n = 300
    x, word, heavy = rng.standard_normal((n, 2)), rng.integers(0, 5, n), rng.integers(0, 2, n) * 4.0
    y = (x[:, 0] + (word > 2) > 0.5).astype(int).tolist()
    columns = {"a": x[:, 0], "b": x[:, 1], "word": np.array(list("uvwxy"), object)[word]}

    def learnt(road: str, weights):
        model = TorchClassifier(mlp, batch=batch, road=road)
        model.learn_many(columns, y, weights)
        return model.predict_proba_many(columns), model._pool.members[0].s["table"]

    (said, table), (torchs, torchs_table) = learnt("lowered", heavy), learnt("eager", heavy)
    used = np.abs(torchs_table).max(1) > 0
    assert used.sum() == 5 and not np.abs(table[len(torchs_table) :]).any()
    np.testing.assert_allclose(said, torchs, atol=1e-4)
    np.testing.assert_allclose(table[: len(torchs_table)], torchs_table, atol=1e-4)
    assert np.abs(learnt("lowered", None)[0] - said).max() > 0.01


def ordered(inputs: int, outputs: int) -> nn.Module:
    first = nn.Sequential(nn.Linear(inputs, 8), LearnedShuffle(8), LearnedGrouping(8, 8, 2))
    return nn.Sequential(*first, nn.Tanh(), nn.Linear(8, outputs))


@pytest.mark.parametrize("slope", [0.0, 0.6])
def test_orders_are_learnt_alike_from_the_loss(slope: float) -> None:
    states = []
    for road in ("lowered", "eager"):
        model = TorchClassifier(ordered, "sgd", lr=0.1, slope=slope, road=road)
        x = np.random.default_rng(1).standard_normal((300, 2))  # nine steps of the shares
        model.learn_many({"a": x[:, 0], "b": x[:, 1]}, (x[:, 0] * x[:, 1] > 0).astype(int).tolist())
        states.append(model.state_dict()[0])
    compiled, torchs = states
    parts = [torchs[f"guest/buffer/{part}.slow"] for part in (1, 2)]
    np.testing.assert_allclose(compiled["guest/slow"], np.concatenate(parts), atol=2e-5)
    assert all(np.abs(torchs[f"guest/buffer/{part}.slow_g"]).max() > 1e-3 for part in (1, 2))
    for leaf, w in torchs.items():
        if leaf.startswith("guest/param/"):
            np.testing.assert_allclose(compiled[leaf], w, atol=2e-5, err_msg=leaf)
