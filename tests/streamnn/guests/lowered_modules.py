"""Modules as people write them, which compiled kernels can run."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from streamnn.nn import (
    GroupedLinear,
    LearnedGrouping,
    LearnedShuffle,
    LinearSpline,
    Permutation,
    Residual,
    ShuffleUnitV1,
    ShuffleUnitV2,
)  # fmt: skip

Case = tuple[Callable[[], nn.Module], tuple[int, ...], bool]
"""How to make it, the shape of an event, and whether time comes first."""

ACTIVATIONS = [
    nn.ReLU(), nn.ReLU(inplace=True), nn.LeakyReLU(0.2), nn.Tanh(), nn.Sigmoid(), nn.ELU(0.5), nn.SELU(), nn.SiLU(),
    nn.GELU(), nn.GELU("tanh"), nn.Softplus(2.0), nn.Hardtanh(-0.5, 0.7), nn.Hardsigmoid(), nn.Hardswish(), nn.Mish(),
    nn.Softsign(), nn.LogSigmoid(), nn.ReLU6(), nn.PReLU(), nn.PReLU(8), nn.CELU(), nn.Tanhshrink(), nn.Identity(),
]  # fmt: skip


def mlp(activation: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(5, 8), activation, nn.Linear(8, 3))


class Functional(nn.Module):
    """Functions and methods of every sort around two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.a(x))
        x = F.leaky_relu(x, 0.1) * 2 - x.tanh() / 4 + 1.5
        x = F.dropout(x, 0.3, self.training)
        x += torch.sigmoid(x)
        return F.log_softmax(1 - self.b(-x), dim=1)


class ResidualMlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Linear(5, 12)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(12), nn.Linear(12, 24), nn.GELU(), nn.Dropout(0.1), nn.Linear(24, 12))
            for _ in range(2)
        )
        self.head = nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.start(x)
        for block in self.blocks:
            x = x + 0.5 * block(x)
        return self.head(x)


class Gated(nn.Module):
    """Halves that multiply each other, and a dense connection."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(6, 16), nn.Linear(14, 2)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.up(x).chunk(2, dim=-1)
        return self.down(torch.cat([a * torch.sigmoid(b), x], dim=1))


class Maps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.norm, self.head = nn.GroupNorm(2, 6), nn.Linear(6 * 2 * 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.view(-1, 1, 8, 8)
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.relu(self.norm(self.conv2(x)))
        return self.head(torch.flatten(x, 1))


class ShuffleV1(nn.Module):
    """A unit of ShuffleNet: grouped 1x1, shuffle, depthwise 3x3, grouped 1x1, and what came in added."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.a = nn.Conv2d(channels, channels, 1, groups=groups, bias=False)
        self.depth = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.b = nn.Conv2d(channels, channels, 1, groups=groups, bias=False)
        self.norms = nn.ModuleList(nn.GroupNorm(groups, channels) for _ in range(3))
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norms[0](self.a(x)))
        n, c, h, w = y.shape
        y = y.view(n, self.groups, c // self.groups, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
        y = self.norms[1](self.depth(y))
        return torch.relu(x + self.norms[2](self.b(y)))


class ShuffleV2(nn.Module):
    """A unit of ShuffleNet v2: half of the channels pass by, then all are shuffled."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            nn.Conv2d(half, half, 1), nn.ReLU(inplace=True), nn.Conv2d(half, half, 3, 1, 1, groups=half),
            nn.Conv2d(half, half, 1), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.shuffle = nn.ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, dim=1)
        return self.shuffle(torch.cat((a, self.branch(b)), dim=1))


def image_net(*units: nn.Module) -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), *units, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 3),
    )  # fmt: skip


class Last(nn.Module):
    """A recurrent layer, whose last state is read in one of several ways."""

    def __init__(self, kind: type[nn.RNNBase], way: str, **options: object) -> None:
        super().__init__()
        self.rnn = kind(4, 6, **options)
        self.fc = nn.Linear(6 * (2 if options.get("bidirectional") else 1), 3)
        self.way, self.first = way, bool(options.get("batch_first"))

    def forward(self, x: Tensor) -> Tensor:
        out, state = self.rnn(x)
        h = state[0] if isinstance(state, tuple) else state
        if self.way == "out":
            return self.fc(out[:, -1, :] if self.first else out[-1])
        if self.way == "h":
            return self.fc(h[-1])
        if self.way == "view":
            return self.fc(h.view(-1, 6))
        if self.way == "squeeze":
            return F.softmax(self.fc(h.squeeze(0)), dim=-1)
        if self.way == "both":
            return self.fc(torch.cat([h[-2], h[-1]], dim=1))
        return self.fc(out.mean(1 if self.first else 0))


class WithZeros(nn.Module):
    """The tutorial's LSTM, which makes its own first state."""

    def __init__(self, n_features: int, hidden: int = 7, layers: int = 2) -> None:
        super().__init__()
        self.hidden, self.layers = hidden, layers
        self.lstm = nn.LSTM(n_features, hidden, layers, batch_first=True, dropout=0.2)
        self.fc = nn.Linear(hidden, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(self.layers, x.size(0), self.hidden).to(x.device)
        c = torch.zeros(self.layers, x.size(0), self.hidden).to(x.device)
        out, _ = self.lstm(x, (h, c))
        return self.fc(out[:, -1, :])


class DeepRiver(nn.Module):
    """A module of deep-river's guide."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.dense0 = nn.Linear(n_features, 5)
        self.nlin = nn.ReLU()
        self.dense1 = nn.Linear(5, 2)
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, x: Tensor, **kwargs: object) -> Tensor:
        return self.softmax(self.dense1(self.nlin(self.dense0(x))))


class DeepRiverLstm(nn.Module):
    """Another: time first, and the hidden state of the last step."""

    def __init__(self, n_features: int, hidden: int = 6) -> None:
        super().__init__()
        self.lstm = nn.LSTM(n_features, hidden, batch_first=False)
        self.fc, self.softmax = nn.Linear(hidden, 2), nn.Softmax(dim=-1)

    def forward(self, x: Tensor, **kwargs: object) -> Tensor:
        _, (hn, _) = self.lstm(x)
        return self.softmax(self.fc(hn.view(-1, self.lstm.hidden_size)))


class Windowed(nn.Module):
    """Causal convolutions over a window."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv1d(4, 6, 3), nn.Conv1d(6, 6, 2, dilation=2)
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.a(F.pad(x.transpose(1, 2), (2, 0))))
        x = F.relu(self.b(F.pad(x, (2, 0))))
        return self.fc(x[:, :, -1])


class AutoEncoder(nn.Module):
    def __init__(self, n_features: int, latent: int = 3) -> None:
        super().__init__()
        self.linear1, self.nlin = nn.Linear(n_features, latent), nn.LeakyReLU()
        self.linear2, self.sigmoid = nn.Linear(latent, n_features), nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return self.sigmoid(self.linear2(self.nlin(self.linear1(x))))


class Pools(nn.Module):
    """Means, sums and maxima over axes of a window."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.cat([x.mean(1), x.sum(dim=1), x.amax(1), x.max(dim=1).values], -1))


class Squeezed(nn.Module):
    """Squeeze and excitation: a gate of the channels' means."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc1, self.fc2 = nn.Conv2d(1, 8, 3), nn.Linear(8, 4), nn.Linear(4, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.conv(x.unflatten(1, (1, 8, 8))))
        gate = torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3))))))
        return self.head((x * gate[:, :, None, None]).mean(dim=[2, 3]))


def splines() -> nn.Module:
    return nn.Sequential(
        nn.Linear(6, 8), LinearSpline(8), Permutation([3, 1, 2, 0, 7, 6, 5, 4]), Residual(nn.Linear(8, 8)), nn.Linear(8, 2)
    )  # fmt: skip


CASES: dict[str, Case] = {
    **{f"mlp {a}": (lambda a=a: mlp(a), (5,), False) for a in ACTIVATIONS},
    "linear": (lambda: nn.Linear(4, 2), (4,), False),
    "no bias": (lambda: nn.Sequential(nn.Linear(4, 8, bias=False), nn.Tanh(), nn.Linear(8, 1)), (4,), False),
    "norms": (
        lambda: nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 8), nn.RMSNorm(8), nn.ReLU(), nn.GroupNorm(2, 8), nn.Linear(8, 2)),
        (6,), False,
    ),
    "bare norms": (
        lambda: nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8, elementwise_affine=False), nn.Linear(8, 2, bias=False)),
        (6,), False,
    ),
    "functions": (Functional, (6,), False),
    "residual mlp": (ResidualMlp, (5,), False),
    "gated": (Gated, (6,), False),
    "splines": (splines, (6,), False),
    "autoencoder": (lambda: AutoEncoder(6), (6,), False),
    "deep autoencoder": (
        lambda: nn.Sequential(nn.Linear(9, 6), nn.ReLU(), nn.Linear(6, 2), nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 9)),
        (9,), False,
    ),
    "window laid flat": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(20, 8), nn.ReLU(), nn.Linear(8, 2)), (5, 4), False),
    "cnn": (Maps, (64,), False),
    "cnn of modules": (
        lambda: nn.Sequential(
            nn.Unflatten(1, (2, 6, 6)), nn.Conv2d(2, 5, (3, 2), padding="same"), nn.ReLU(), nn.AvgPool2d(2),
            nn.Conv2d(5, 4, 2, bias=False), nn.SiLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 3),
        ),
        (72,), False,
    ),
    "circular": (
        lambda: nn.Sequential(
            nn.Unflatten(1, (1, 6, 6)), nn.Conv2d(1, 4, 3, padding=1, padding_mode="circular"), nn.MaxPool2d(3, 2, 1),
            nn.Flatten(), nn.LazyLinear(2),
        ),
        (36,), False,
    ),
    "squeeze and excitation": (Squeezed, (64,), False),
    "shufflenet": (lambda: image_net(ShuffleV1(8, 2), ShuffleV1(8, 4)), (64,), False),
    "shufflenet v2": (lambda: image_net(ShuffleV2(8), ShuffleV2(8)), (64,), False),
    "learned orders": (lambda: image_net(ShuffleUnitV1(8, 2), ShuffleUnitV2(8), LinearSpline(8)), (64,), False),
    "learned groups": (
        lambda: nn.Sequential(
            LearnedGrouping(6, 8, 2), nn.ReLU(), LearnedShuffle(8), GroupedLinear(8, 8, 4), nn.Tanh(),
            LearnedShuffle(8, order=[3, 1, 2, 0, 7, 6, 5, 4]), nn.Linear(8, 2),
        ),
        (6,), False,
    ),
    "upsampled": (
        lambda: nn.Sequential(
            nn.Unflatten(1, (1, 4, 4)), nn.Upsample(scale_factor=2), nn.Conv2d(1, 4, 3), nn.PixelShuffle(2), nn.Flatten(),
            nn.Linear(144, 2),
        ),
        (16,), False,
    ),
    "cnn over time": (Windowed, (8, 4), False),
    "cnn over time, modules": (
        lambda: nn.Sequential(
            nn.Conv1d(8, 6, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 2)
        ),
        (8, 4), False,
    ),
    "pools": (Pools, (6, 4), False),
    "lstm out": (lambda: Last(nn.LSTM, "out", batch_first=True), (6, 4), False),
    "lstm out, time first": (lambda: Last(nn.LSTM, "out"), (6, 4), True),
    "lstm hn": (lambda: Last(nn.LSTM, "h", batch_first=True), (6, 4), False),
    "lstm view": (lambda: Last(nn.LSTM, "view"), (6, 4), True),
    "lstm mean": (lambda: Last(nn.LSTM, "mean", batch_first=True), (6, 4), False),
    "lstm without bias": (lambda: Last(nn.LSTM, "out", batch_first=True, bias=False), (6, 4), False),
    "lstm, two layers": (lambda: Last(nn.LSTM, "h", num_layers=2, dropout=0.1), (6, 4), True),
    "lstm both ways": (lambda: Last(nn.LSTM, "both", batch_first=True, bidirectional=True), (6, 4), False),
    "lstm both ways, two layers": (lambda: Last(nn.LSTM, "mean", num_layers=2, bidirectional=True), (6, 4), True),
    "lstm of the tutorial": (lambda: WithZeros(4), (6, 4), False),
    "gru out": (lambda: Last(nn.GRU, "out", batch_first=True), (6, 4), False),
    "gru squeeze": (lambda: Last(nn.GRU, "squeeze"), (6, 4), True),
    "gru both ways": (lambda: Last(nn.GRU, "both", bidirectional=True), (6, 4), True),
    "rnn": (lambda: Last(nn.RNN, "h"), (6, 4), True),
    "rnn relu": (lambda: Last(nn.RNN, "out", nonlinearity="relu", batch_first=True), (6, 4), False),
    "deep-river": (lambda: DeepRiver(4), (4,), False),
    "deep-river lstm": (lambda: DeepRiverLstm(4), (5, 4), True),
}  # fmt: skip
