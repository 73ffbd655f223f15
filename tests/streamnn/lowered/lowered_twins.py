"""The same network twice: as a torch module and as a plan, and what both say while they learn the same stream."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from streamnn.lowered import Plan, PlanBuilder, Value
from streamnn.lowered.activations import activation, prelu
from streamnn.lowered.dense import linear
from streamnn.lowered.network import LoweredNetwork, Rules
from streamnn.lowered.normalisation import group_norm, layer_norm, rms_norm
from streamnn.lowered.optimisers import Optimiser
from streamnn.lowered.spline import spline
from streamnn.nn.linear_spline import LinearSpline

f4 = np.float32
INPUTS = 8
TORCH_OPTIMISERS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}
_ACTIVATIONS = {
    nn.ReLU: "relu", nn.Tanh: "tanh", nn.Sigmoid: "sigmoid", nn.LeakyReLU: "leaky_relu", nn.ELU: "elu",
    nn.SELU: "selu", nn.SiLU: "silu", nn.GELU: "gelu", nn.Softplus: "softplus", nn.Hardtanh: "hardtanh",
    nn.Hardsigmoid: "hardsigmoid", nn.Hardswish: "hardswish", nn.Mish: "mish", nn.Softsign: "softsign",
    nn.LogSigmoid: "log_sigmoid", nn.ReLU6: "relu6",
}  # fmt: skip


class Grouped(nn.Module):
    """A dense layer in groups."""

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        super().__init__()
        made = nn.Linear(inputs // groups, outputs)
        self.weight, self.bias, self.groups = made.weight, made.bias, groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        w = self.weight.reshape(self.groups, -1, self.weight.shape[1])
        y = torch.einsum("bgi,goi->bgo", x.reshape(len(x), self.groups, -1), w)
        return y.reshape(len(x), -1) + self.bias


def numbers(v: torch.Tensor | None) -> np.ndarray | None:
    return None if v is None else v.detach().float().numpy().copy()


def emit(b: PlanBuilder, x: Value, name: str, m: nn.Module) -> Value:
    """A module as operations."""
    if type(m) in _ACTIVATIONS:
        kind = "gelu_tanh" if getattr(m, "approximate", "none") == "tanh" else _ACTIVATIONS[type(m)]
        return activation(b, x, kind)
    w, bias = numbers(getattr(m, "weight", None)), numbers(getattr(m, "bias", None))
    if isinstance(m, nn.Linear):
        return linear(b, x, name, w, bias)
    if isinstance(m, Grouped):
        from streamnn.lowered.dense import grouped

        return grouped(b, x, name, w, bias, m.groups)
    if isinstance(m, nn.PReLU):
        return prelu(b, x, name, w)
    if isinstance(m, nn.LayerNorm):
        return layer_norm(b, x, name, w, bias, m.eps, 1)
    if isinstance(m, nn.GroupNorm):
        return group_norm(b, x, name, w, bias, m.eps, m.num_groups)
    if isinstance(m, nn.RMSNorm):
        return rms_norm(b, x, name, w, m.eps, 1)
    assert isinstance(m, LinearSpline)
    return spline(b, x, name, numbers(m.coefficients), numbers(m.offset), numbers(m.piece))


def plan_of(module: nn.Sequential) -> Plan:
    b = PlanBuilder((INPUTS,))
    x = b.input
    for name, m in module.named_children():
        before, x = x, emit(b, x, name, m)
    return b.finish(x, latent=before)


def stream(n: int, classify: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, INPUTS)).astype(f4)
    if classify:
        return x, ((x[:, 0] * x[:, 1] > 0) + (x[:, 2] > 0)).astype(f4)
    return x, (x[:, 0] * x[:, 1] + 0.1 * rng.standard_normal(n)).astype(f4)


def said_by_torch(
    module: nn.Module, optimiser: Optimiser, loss: str, x: np.ndarray, y: np.ndarray, dtype: torch.dtype
) -> np.ndarray:
    """What it says of every event before it learns it: probabilities of classes, or a number."""
    classify = y.dtype == f4 and loss in ("cross_entropy", "binary_cross_entropy")
    module = module.to(dtype)
    options = {
        "sgd": ("momentum", "dampening", "nesterov", "weight_decay"),
        "rmsprop": ("alpha", "eps", "momentum", "weight_decay"),
    }.get(optimiser.rule, ("betas", "eps", "weight_decay"))
    chosen = {name: getattr(optimiser, name) for name in options}
    step = TORCH_OPTIMISERS[optimiser.rule](module.parameters(), lr=optimiser.lr, foreach=False, **chosen)
    rows = torch.from_numpy(x).to(dtype)
    labels = torch.from_numpy(y)
    said = []
    for i in range(len(x)):
        out = module(rows[i : i + 1])
        said.append((out.softmax(1) if classify else out).detach().double().numpy()[0])
        if loss == "cross_entropy":
            cost = F.cross_entropy(out, labels[i : i + 1].long())
        elif loss == "binary_cross_entropy":
            hot = F.one_hot(labels[i : i + 1].long(), out.shape[1]).to(dtype)
            cost = F.binary_cross_entropy(out.softmax(1), hot)
        else:
            of = {"mse": F.mse_loss, "l1": F.l1_loss, "huber": F.huber_loss}[loss]
            cost = of(out, labels[i : i + 1, None].to(dtype))
        step.zero_grad()
        cost.backward()
        step.step()
    return np.array(said)


def said_by_plan(plan: Plan, optimiser: Optimiser, loss: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    n, classify = len(x), loss in ("cross_entropy", "binary_cross_entropy")
    net = LoweredNetwork("net", plan, Rules(optimiser, loss, classify), seed=0, place=0)
    outputs = plan.output.size
    store = {"row": x, "names": np.full((n, 1), -1, np.int32), "p": np.zeros((n, 1, outputs), f4)}
    op, slot = np.tile(np.array([0, 1], np.int8), n), np.repeat(np.arange(n), 2)
    net.scan(op, slot, np.repeat(y, 2), np.ones(2 * n, f4), 0, INPUTS, store)
    assert net.s["count"][:2].tolist() == [n, n]
    return store["p"][:, 0].astype(np.float64)


class Differences(NamedTuple):
    """Worst difference of what is said, over the first thousand events and over all."""

    first: float
    all: float


def differences(a: np.ndarray, b: np.ndarray) -> Differences:
    d = np.abs(a - b).max(1)
    return Differences(float(d[:1000].max()), float(d.max()))
