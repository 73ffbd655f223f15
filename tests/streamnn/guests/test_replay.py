"""One kernel replays what torch computes, and what it does not know is left to torch."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from streamnn import TorchClassifier  # noqa: E402
from streamnn.guests.tape import NotKnown, Tape  # noqa: E402
from streamnn.guests.tape_kernel import replay  # noqa: E402
from streamnn.guests.tape_ops import DECOMPOSED, translated  # noqa: E402


def replayed(f, *args):
    """What the kernel makes of a function of tensors."""
    tape = Tape()
    places = [tape.fresh(a.shape) for a in args]
    out = translated(make_fx(f, decomposition_table=DECOMPOSED)(*args), tape, places)
    x = tape.array()
    for place, a in zip(places, args, strict=True):
        place.of(x)[...] = a.numpy()
    replay(tape.taken(), x)
    return [v.of(x) for v in out]


def strided(x):
    return [
        x.transpose(1, 2)[:, ::2, 1:].reshape(2, -1),
        x[0].t().contiguous(),
        x.permute(2, 0, 1).sum((0, 2)),
    ]


def joined(x):
    a, b, c = x.split([1, 2, 1], 2)
    return [torch.cat([c, b], 2) * 2, torch.stack([a, c], 1).squeeze(3), x.unbind(1)[2] - x[:, -1]]


def folded(x):
    return [x.mean(), x.sum(1, keepdim=True), x.amax(2), x.amin((0, 1)), x.mean((0, 2)).sum()]


def bent(x):
    ways = (
        torch.relu,
        torch.sigmoid,
        torch.tanh,
        torch.exp,
        torch.erf,
        torch.sign,
        F.softplus,
        F.silu,
        F.gelu,
    )
    return [f(x) for f in ways] + [F.leaky_relu(x, 0.1), F.elu(x), x.clamp(-0.5, 0.5), x**2, x.abs() ** 0.5]


def chosen(x):
    return [torch.where(x > 0, x, -x), (x != 0).float() * x, torch.maximum(x, x.mean()), x / (x.abs() + 1)]


def products(x):
    return [x @ x.transpose(1, 2), x[0] @ x[1].t(), x[:, :1].transpose(1, 2) @ x[:, :1], F.linear(x, x[0])]


def soft(x):
    return [x.softmax(1), x.log_softmax(-1), F.cross_entropy(x[0], torch.tensor([1, 0, 3]), reduction="none")]


@pytest.mark.parametrize("f", [strided, joined, folded, bent, chosen, products, soft])
def test_operations_are_torchs(f) -> None:
    x = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(3))
    for got, want in zip(replayed(f, x), f(x), strict=True):
        np.testing.assert_allclose(got, want.numpy(), rtol=2e-5, atol=2e-6)


def test_what_is_no_number_stays_none() -> None:
    x = torch.tensor([[float("nan"), 1.0]])
    f = lambda x: [torch.sigmoid(x), torch.tanh(x), torch.exp(x), torch.relu(x), F.softplus(x)]  # noqa: E731
    assert all(np.isnan(got[0, 0]) and not np.isnan(got[0, 1]) for got in replayed(f, x))
    soft = lambda x: [x.softmax(1), x.log_softmax(1)]  # noqa: E731
    assert all(np.isnan(got).all() for got in replayed(soft, x))


def test_what_has_no_kernel_is_named() -> None:
    with pytest.raises(NotKnown, match="prims::sum"):
        replayed(lambda x: [x.cumsum(1)], torch.ones(2, 3))
    with pytest.raises(NotKnown, match="mul"):
        replayed(lambda x: [(x + 1).mul_(2)], torch.ones(2, 3))


class Recurrent(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTM(inputs, 6, batch_first=True), nn.Linear(6, outputs)

    def forward(self, x):
        return self.head(self.cell(x)[0][:, -1])


def learner(optimizer: str, road: str = "traced"):
    return TorchClassifier(Recurrent, optimizer=optimizer, lr=0.01, window=3, road=road, classes=[0, 1])


def rows(n: int) -> list[dict[str, float]]:
    return [
        {f"c{j}": float(v) for j, v in enumerate(r)} for r in np.random.default_rng(1).normal(size=(n, 4))
    ]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_a_state_goes_on_with_the_same_bits_and_on_the_eager_road(optimizer: str) -> None:
    whole, half, eager = learner(optimizer), learner(optimizer), learner(optimizer, "eager")
    stream = [(x, int(x["c0"] > x["c1"])) for x in rows(120)]
    for x, y in stream:
        whole.predict_one(x)  # changes nothing
        whole.learn_one(x, y)
    assert whole._member.engine._replay is not None
    for x, y in stream[:60]:
        half.learn_one(x, y)
    again = learner(optimizer)
    again.load_state_dict(*half.state_dict())
    eager.load_state_dict(*half.state_dict())
    for x, y in stream[60:]:
        again.learn_one(x, y)
        eager.learn_one(x, y)
    (want, _), (got, _), (near, _) = (m.state_dict() for m in (whole, again, eager))
    learnt = [name for name in want if name.startswith(("guest/param", "guest/moment", "guest/step"))]
    assert learnt
    for name in learnt:
        assert got[name].tobytes() == want[name].tobytes(), name
        np.testing.assert_allclose(near[name], want[name], atol=1e-5)
