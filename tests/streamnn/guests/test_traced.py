"""Recorded passes do what torch does, step by step, for a thousand steps."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from streamnn.guests.eager import Eager  # noqa: E402
from streamnn.guests.graphs import simplify  # noqa: E402
from streamnn.guests.guest import Guest  # noqa: E402
from streamnn.guests.making import facts_of, made, trained  # noqa: E402
from streamnn.guests.torch_optimiser import zero_moments  # noqa: E402
from streamnn.guests.traced import NotTraced, Traced  # noqa: E402

pytestmark = pytest.mark.slow

TOLERANCE = 1e-5
"""Largest difference of a probability over a thousand steps."""
STEPS = 1000
INPUTS = 5


class Recurrent(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.cell, self.head = nn.GRU(inputs, 6, batch_first=True), nn.Linear(6, outputs)

    def forward(self, x):
        return self.head(self.cell(x)[0][:, -1])


class Attention(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.read, self.head = nn.Linear(inputs, 8), nn.Linear(8, outputs)

    def forward(self, x):
        h = self.read(x)
        return self.head(F.scaled_dot_product_attention(h, h, h).mean(1))


class Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.read, self.inner, self.head = nn.Linear(inputs, 8), nn.Linear(8, 8), nn.Linear(8, outputs)

    def forward(self, x):
        h = self.read(x)
        return self.head(h + torch.tanh(self.inner(h)) ** 2)


def sequence(*kinds):
    return lambda inputs, outputs: nn.Sequential(
        nn.Linear(inputs, 8), *(kind() for kind in kinds), nn.Linear(8, outputs)
    )


MODULES = {
    "relu, adam": Guest(sequence(nn.ReLU)),
    "layer norm, adamw": Guest(sequence(lambda: nn.LayerNorm(8), nn.GELU), "adamw"),
    "softplus, sgd": Guest(sequence(nn.Softplus), "sgd", 0.005, {"momentum": 0.9}),
    "residual, rmsprop": Guest(Residual, "rmsprop", 0.003, batch=4),
    "gru": Guest(Recurrent, window=4),
    "attention": Guest(Attention, window=4),
    "convolution": Guest(
        lambda d, c: nn.Sequential(
            nn.Conv1d(4, 6, 3, padding=1), nn.GroupNorm(2, 6), nn.SiLU(), nn.Flatten(), nn.Linear(6 * d, c)
        ),
        window=4,
    ),
}


def engine(kind, guest: Guest, units: int = 8) -> Eager:
    module, facts = made(guest, INPUTS, 3, 1), facts_of(guest, INPUTS, 3, 1, True)
    arrays = {f"param/{k}": p.detach().numpy().copy() for k, p in module.named_parameters()}
    moments, keys, _ = zero_moments(guest, trained(module))
    return kind(guest, module, facts, arrays | moments, keys, False, True, INPUTS, units, guest.batch)


@pytest.mark.parametrize("guest", MODULES.values(), ids=MODULES)
def test_a_thousand_steps_are_torchs(guest: Guest) -> None:
    rng = np.random.default_rng(0)
    eager, traced = engine(Eager, guest), engine(Traced, guest)
    shape = (guest.batch, guest.window, INPUTS) if guest.window else (guest.batch, INPUTS)
    worst = 0.0
    for i in range(STEPS):
        x = rng.normal(size=shape).astype(np.float32)
        y = (x.reshape(guest.batch, -1)[:, 0] > 0.3).astype(np.int64) + (
            x.reshape(guest.batch, -1)[:, -1] > 1
        )
        w = rng.uniform(0.5, 2.0, guest.batch).astype(np.float32)
        (p, z), (q, u) = eager.predict(x), traced.predict(x)
        worst = max(worst, float(np.abs(p - q).max()))
        np.testing.assert_allclose(u, z, atol=1e-3)
        (z, g), (u, h) = (e.learn(x, y, w, i % 3 == 0) for e in (eager, traced))
        assert g is not None and h is not None and g.shape == h.shape == (shape if i % 3 == 0 else (0,))
        np.testing.assert_allclose(h, g, atol=1e-3)
    assert worst <= TOLERANCE, worst


def test_a_parameter_without_part_in_the_loss_has_no_gradient() -> None:
    class Idle(nn.Linear):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__(inputs, outputs)
            self.idle = nn.Linear(2, 2)
            self.still = nn.Parameter(torch.ones(2), requires_grad=False)

    traced = engine(Traced, Guest(Idle, optimizer_options={"weight_decay": 0.5}), 0)
    before = traced.module.idle.weight.detach().clone()
    traced.learn(np.ones((1, INPUTS), np.float32), np.zeros(1, np.int64), np.ones(1, np.float32), False)
    assert torch.equal(traced.module.idle.weight, before)


def test_what_was_recorded_for_other_rows_is_found_out() -> None:
    class Signed(nn.Linear):
        def forward(self, x):
            sign = 1.0 if float(x.detach().numpy()[0, 0]) > 0 else -1.0
            return super().forward(x) * sign

    with pytest.raises(NotTraced, match="depends on values"):
        engine(Traced, Guest(Signed), 0)


def left_of(f, *args) -> list[str]:
    """The operations of a simplified graph, which must still give the same."""
    module = make_fx(f)(*args)
    simplify(module.graph)
    module.recompile()
    for got, want in zip(module(*args), f(*args), strict=True):
        assert torch.equal(got, want)
    return [str(n.target).split(".")[1] for n in module.graph.nodes if n.op == "call_function"]


def test_operations_that_give_what_they_get_are_left_out() -> None:
    row, rows = torch.randn(1, 4), torch.randn(3, 4)

    def ways(x):
        one = torch.ones_like(x).expand(x.shape).div(1)
        return x.t().t().detach() + 1, x.sum(0, keepdim=True) * 2, one * x

    assert left_of(ways, row) == ["add", "mul"]
    assert "sum" in left_of(ways, rows)
    assert left_of(lambda x: (torch.ones_like(x).div(2) * x,), row) == ["ones_like", "div", "mul"]


def test_a_graph_that_changes_tensors_in_place_keeps_its_copies() -> None:
    def doubled(x):
        x = x + 0
        before = x.sum(0, keepdim=True)
        x.mul_(2)
        return before, x

    assert left_of(doubled, torch.ones(1, 4)) == ["add", "sum", "mul_"]


def test_an_answer_is_given_again_only_until_the_next_step() -> None:
    guest = Guest(sequence(nn.ReLU), optimizer="sgd", lr=0.5)
    asked, again = engine(Traced, guest), engine(Traced, guest)
    x, y, w = np.ones((1, INPUTS), np.float32), np.ones(1, np.int64), np.ones(1, np.float32)
    first = asked.predict(x)[0].copy()
    assert asked.predict(x)[0].tobytes() == first.tobytes()
    assert asked.predict(-x)[0].tobytes() != first.tobytes()
    asked.predict(x)
    for one in (asked, again):
        one.learn(x, y, w, False)
    assert asked.predict(x)[0].tobytes() == again.predict(x)[0].tobytes() != first.tobytes()
