"""Modules that compiled kernels can't run, each with the reason that its user is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm


class Own(nn.Module):
    """Layers `a` and `b`, and a function of them."""

    def __init__(self, forward: Callable[[Any, Tensor], Any], **more: Any) -> None:
        super().__init__()
        self.a, self.b, self.function = nn.Linear(4, 4), nn.Linear(4, 2), forward
        for name, value in more.items():
            setattr(self, name, value)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


class Counting(nn.Module):
    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 2)
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        return self.a(x)


class Remembering(nn.Module):
    """Keeps its last output outside of any buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.calls = nn.Linear(4, 2), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.a(x) * float(self.calls)


class Scripted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1


def frozen() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    module[0].weight.requires_grad_(False)
    return module


def twice() -> nn.Module:
    layer = nn.Linear(4, 4)
    return nn.Sequential(layer, nn.ReLU(), layer)


def tied() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    module[2].weight = module[0].weight
    return module


def attention(m: Any, x: Tensor) -> Tensor:
    rows = x.view(-1, 2, 2)
    return m.b((F.softmax(rows @ rows.transpose(1, 2), -1) @ rows).flatten(1))


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "bilinear": (lambda: Own(lambda m, x: m.two(m.a(x), x), two=nn.Bilinear(4, 4, 2)), (4,), "layer 'two' is a Bilinear, which the compiled kernel does not know"),
    "batch norm": (lambda: nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), (4,), "layer '1' is a BatchNorm1d"),
    "transposed convolution": (
        lambda: nn.Sequential(nn.Unflatten(1, (1, 4)), nn.ConvTranspose1d(1, 1, 2), nn.Flatten()), (4,), "layer '1' is a ConvTranspose1d",
    ),
    "dropout of channels": (
        lambda: nn.Sequential(nn.Unflatten(1, (2, 2, 1)), nn.Dropout2d(), nn.Flatten()), (4,), "layer '1' is a Dropout2d",
    ),
    "transformer": (lambda: nn.Sequential(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), nn.Flatten()), (3, 4), "which the compiled kernel does not know"),
    "attention": (lambda: Own(attention), (4,), "matmul"),
    "softmax between": (lambda: Own(lambda m, x: m.b(F.softmax(m.a(x), -1))), (4,), "works on the result of a softmax"),
    "softmax over events": (lambda: nn.Sequential(nn.Linear(4, 2), nn.Softmax(0)), (4,), "softmax over a tensor of shape"),
    "embedding": (lambda: nn.Sequential(nn.Embedding(9, 2), nn.Flatten()), (4,), "Embedding"),
    "whole numbers": (lambda: Own(lambda m, x: m.e(x.long()).flatten(1), e=nn.Embedding(9, 2)), (4,), "long"),
    "module used twice": (twice, (4,), "uses the parameter '0.weight' once more"),
    "tied weights": (tied, (4,), "uses the parameter '0.weight' once more"),
    "weights computed": (lambda: nn.Sequential(weight_norm(nn.Linear(4, 4)), nn.Linear(4, 2)), (4,), "has a weight that is computed from others"),
    "frozen": (frozen, (4,), "has the frozen parameter '0.weight'"),
    "unused": (lambda: Own(lambda m, x: m.b(x)), (4,), "parameter 'a.weight' takes no part"),
    "double": (lambda: nn.Linear(4, 2).double(), (4,), "'weight' is of type torch.float64"),
    "cast": (lambda: Own(lambda m, x: m.b(m.a(x).double().float())), (4,), "double"),
    "looks into numbers": (lambda: Own(lambda m, x: m.b(m.a(x)) if x.sum() > 0 else m.b(x)), (4,), "reduces over the events of a batch"),
    "branches": (lambda: Own(lambda m, x: m.b(m.a(x)) if bool((x > 0).any()) else m.b(x)), (4,), "which the compiled kernel does not know"),
    "item": (lambda: Own(lambda m, x: m.b(m.a(x)) * x[0, 0].item()), (4,), "takes some out of it"),
    "mixes events": (lambda: Own(lambda m, x: m.b(m.a(x) - x.mean(0))), (4,), "reduces over the events of a batch"),
    "flattens events": (lambda: Own(lambda m, x: m.b(m.a(x).reshape(1, -1)[:, :4])), (4,), "mixes the events of a batch"),
    "one event's batch": (lambda: Own(lambda m, x: m.b(m.a(x)[-1])), (4,), "takes some out of it"),
    "counts": (Counting, (4,), "buffer 'seen' changes"),
    "remembers": (Remembering, (4,), "does not agree with torch"),
    "no gradient": (lambda: Own(lambda m, x: m.b(m.a(x).detach())), (4,), "detach"),
    "no gradient within": (lambda: Own(lambda m, x: m.b(no_gradient(m.a, x))), (4,), "does not agree with torch: gradients by"),
    "learnt scale": (lambda: Own(lambda m, x: m.b(m.a(x) * m.scale), scale=nn.Parameter(torch.ones(4))), (4,), "learnt tensor of shape (4,)"),
    "two results": (lambda: Own(lambda m, x: (m.b(x), m.a(x))), (4,), "the module gives a tuple"),
    "maps": (lambda: nn.Linear(4, 2), (3, 4), "gives a tensor of shape (3, 3, 2)"),
    "events as time": (lambda: Own(lambda m, x: m.b(m.rnn(m.a(x))[0]), rnn=nn.LSTM(4, 4)), (4,), "batch_first=False"),
    "cell state": (lambda: Own(lambda m, x: m.b(m.a(m.rnn(x)[1][1][-1])), rnn=nn.LSTM(4, 4, batch_first=True)), (3, 4), "cell state"),
    "projected": (lambda: Own(lambda m, x: m.b(m.a(m.rnn(x)[0][:, -1])), rnn=nn.LSTM(4, 6, proj_size=4, batch_first=True)), (3, 4), "projects its hidden state"),
    "learnt state": (
        lambda: Own(lambda m, x: m.b(m.a(m.rnn(x, m.h.expand(1, len(x), 4).contiguous())[1][0])), rnn=nn.GRU(4, 4, batch_first=True), h=nn.Parameter(torch.zeros(4))),
        (3, 4), "starts from a state",
    ),
    "wrong width": (lambda: nn.Linear(5, 2), (4,), "the module fails on (3, 4) numbers"),
    "fourier": (lambda: Own(lambda m, x: m.b(torch.fft.rfft(m.a(x)).abs())), (4,), "rfft"),
    "changed in place through a view": (lambda: Own(in_place), (4,), "changed in place"),
    "no gradient in torch": (
        lambda: nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.ReLU(inplace=True), nn.Linear(4, 2)),
        (4,), "torch itself has no gradient of it",
    ),
    "script": (lambda: torch.jit.script(Scripted()), (4,), "TorchScript"),
}  # fmt: skip


def no_gradient(layer: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return layer(x)


def in_place(m: Any, x: Tensor) -> Tensor:
    y = m.a(x)
    part = y[:, :2]
    part.relu_()
    return m.b(y)
