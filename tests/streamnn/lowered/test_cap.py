"""Compiled layers are kept within a slope as torch's are, to the last places of a number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from torch import nn  # noqa: E402

from streamnn._kernels.jit import kernel  # noqa: E402
from streamnn.guests.lowering import lower  # noqa: E402
from streamnn.lowered.arrays import Learnt, Scratch  # noqa: E402
from streamnn.lowered.cap import cap  # noqa: E402
from streamnn.lowered.plan import Plan, PlanArrays  # noqa: E402
from streamnn.nn import GroupedLinear, LearnedGrouping, LinearSpline, project  # noqa: E402
from streamnn.nn.operator_norms import matrix_norm  # noqa: E402
from streamnn.permutations.host import alone  # noqa: E402
from streamnn.permutations.schedule import grouping_schedule  # noqa: E402

pytestmark = pytest.mark.slow

f4 = np.float32
INPUTS, STEPS = 6, 4


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], **setting) -> None:
        super().__init__()
        self.core = kind(INPUTS, 5, batch_first=True, **setting)
        self.out = nn.Linear(10 if setting.get("bidirectional") else 5, 2)

    def forward(self, x):
        return self.out(self.core(x)[0][:, -1])


def splines(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers, LinearSpline(8), nn.Linear(8, 2))


def grouping(index: list[int] | None = None) -> nn.Module:
    layer = LearnedGrouping(INPUTS, 8, 2)
    if index:
        arrays = alone(grouping_schedule(2).start(INPUTS, 2).settled(np.array(index)))
        for name, array in arrays._asdict().items():
            getattr(layer, name).copy_(torch.from_numpy(array))
        layer.commit()
        assert layer.committed
    return nn.Sequential(layer, nn.Tanh(), nn.Linear(8, 2))


def maps() -> nn.Module:
    return nn.Sequential(nn.Conv1d(STEPS, 8, 3, groups=2), LinearSpline(8), nn.Flatten(), nn.Linear(32, 2))


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "lstm": (lambda: Recurrent(nn.LSTM, num_layers=2, bidirectional=True), (STEPS, INPUTS)),
    "gru": (lambda: Recurrent(nn.GRU), (STEPS, INPUTS)),
    "rnn": (lambda: Recurrent(nn.RNN, nonlinearity="relu", bias=False), (STEPS, INPUTS)),
    "splines": (lambda: splines(nn.Linear(INPUTS, 8)), (INPUTS,)),
    "groups": (lambda: splines(GroupedLinear(INPUTS, 8, 2)), (INPUTS,)),
    "maps": (maps, (STEPS, INPUTS)),
    "grouping": (grouping, (INPUTS,)),
    "committed": (lambda: grouping([0, 1, 0, 1, 1, 0]), (INPUTS,)),
}


def case(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    torch.manual_seed(0)
    make, shape = CASES[name]
    return make(), shape


@kernel
def _capped(plan: PlanArrays, learnt: Learnt, slope, scratch: Scratch):
    cap(plan, learnt, slope, scratch)


def capped(plan: Plan, slope: float) -> dict[str, np.ndarray]:
    """The parameters of a plan within a slope."""
    w, none = plan.weights.copy(), np.zeros(0, f4)
    learnt = Learnt(w, none, none, plan.slow.copy(), none, plan.counters.copy(), np.zeros(0, np.int64))
    _capped(plan.arrays, learnt, f4(slope), Scratch(none, np.zeros(plan.values, f4), none, none))
    return plan.named(w)


def roughened(net: nn.Module) -> None:
    """Ten times as steep, and splines of all slopes."""
    with torch.no_grad():
        for m in net.modules():
            if isinstance(m, LinearSpline):
                m.coefficients += torch.randn_like(m.coefficients) * torch.linspace(0, 1, m.units)[:, None]
        for p in net.parameters():
            p *= 10.0


@pytest.mark.parametrize("slope", [0.4, 3.0])
@pytest.mark.parametrize("name", CASES)
def test_layers_are_held_as_torch_holds_them(name: str, slope: float) -> None:
    net, shape = case(name)
    roughened(net)
    held = capped(lower(net, shape).plan, slope)
    before = {n: p.detach().clone() for n, p in net.named_parameters()}
    project(net, slope)
    for n, p in net.named_parameters():
        np.testing.assert_allclose(held[n], p.detach().numpy(), rtol=1e-5, atol=1e-6, err_msg=n)
        assert "bias" in n or not torch.equal(before[n], p), n


@pytest.mark.parametrize("slope", [0.4, 3.0])
@pytest.mark.parametrize("name", CASES)
def test_no_layer_is_steeper_than_the_limit(name: str, slope: float) -> None:
    net, shape = case(name)
    roughened(net)
    net.load_state_dict(
        {n: torch.from_numpy(w) for n, w in capped(lower(net, shape).plan, slope).items()}, strict=False
    )
    for m in net.modules():
        if isinstance(m, nn.RNNBase):
            for n, w in m.named_parameters():
                parts = w.chunk({"LSTM": 4, "GRU": 3}.get(m.mode, 1))
                assert n.startswith("bias") or max(map(matrix_norm, parts)) <= slope
        elif isinstance(m, LinearSpline):
            assert 0.9 * slope < m.lipschitz().max() <= slope
        elif isinstance(m, LearnedGrouping):
            assert 0.3 * slope < matrix_norm(m.effective_weight()) <= slope


@pytest.mark.parametrize("name", CASES)
def test_what_is_within_the_limit_keeps_its_bits(name: str) -> None:
    net, shape = case(name)
    plan = lower(net, shape).plan
    held = capped(plan, 50.0)
    for n, w in plan.named(plan.weights).items():
        assert held[n].tobytes() == w.tobytes()
