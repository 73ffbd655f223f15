"""Do learned shuffles, splines or signs matter on images? Small ShuffleNets on MNIST and CIFAR-10, one pass.

    python benchmarks/images.py --seeds 1 2 3 4 5 --json images.json
    python benchmarks/images.py --only mnist surprise --seeds 1

Each micro-batch of 8 is predicted before it is learnt (Adam). `none`, `fixed`, `random` and `learned` say how channels
are mixed between grouped convolutions; `dense` has no groups, and 2.4 times the parameters. `v1` and `v2` are ShuffleNet's units. Shuffles
are learnt by the mirror step, with a hold for three tenths of the stream and a ramp over two tenths. `surprise`: does the density of
a layer's means over places tell images that are no digits? Figures are means over the seeds, +- their deviation.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from _image_nets import network
from _image_streams import recorded, stream
from _table import keep, show
from _uncertainty_models import ask, auroc, learn_density
from torch import nn

from streamnn.nn import LearnedShuffle
from streamnn.uncertainty import LatentDensity

BATCH, LR = 8, 0.005
STREAMS = {"mnist": 14_000, "cifar10_5k": 5_000}
ARMS = (
    *(("v1", kind, "relu") for kind in ("none", "fixed", "random", "learned", "dense")),
    *(("v2", kind, "relu") for kind in ("none", "fixed", "learned", "near")),
    ("v1", "fixed", "splines"),
    ("v1", "fixed", "signs"),
)
PAIRS = (
    *(
        (f"v1 {a} relu", f"v1 {b} relu")
        for a, b in (("learned", "fixed"), ("fixed", "none"), ("dense", "fixed"))
    ),
    *(
        (f"v2 {a} relu", f"v2 {b} relu")
        for a, b in (("learned", "fixed"), ("near", "fixed"), ("fixed", "none"))
    ),
    *((f"v1 fixed {a}", "v1 fixed relu") for a in ("splines", "signs")),
)
LAYERS = {"stem": 2, "unit 1": 3, "unit 2": 4, "unit 3": 5}
"""Maps of a network by its module's place."""
OTHERS = {"notMNIST": "notmnist_2k", "Fashion": "fashion_mnist_test2k", "Omniglot": "omniglot_small28"}


def pooled(net: nn.Sequential, x: torch.Tensor) -> tuple[dict[str, np.ndarray], torch.Tensor]:
    """Means over places of every layer, by name, and the scores."""
    out = {}
    for i, layer in enumerate(net):
        x = layer(x)
        out |= {name: x.detach().mean((2, 3)).numpy() for name, at in LAYERS.items() if at == i}
    return out, x


def learn(
    net: nn.Sequential, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], list[int]]:
    """One pass: was each event right, its log loss, its latents (all before it was learnt), events until each commit."""
    shuffles = [m for m in net.modules() if isinstance(m, LearnedShuffle)]
    rule = torch.optim.Adam(net.parameters(), LR, fused=True)
    right, loss, latents = [], [], []
    committed = [0] * len(shuffles)
    for a in range(0, len(x) - BATCH + 1, BATCH):
        xs, ys = torch.from_numpy(x[a : a + BATCH]), torch.from_numpy(y[a : a + BATCH])
        latent, scores = pooled(net, xs)
        latents.append(latent)
        each = F.cross_entropy(scores, ys, reduction="none")
        rule.zero_grad()
        each.mean().backward()
        rule.step()
        right.append((scores.argmax(1) == ys).numpy())
        loss.append(each.detach().numpy())
        for i, m in enumerate(shuffles):
            if not m.committed:
                for k in range(BATCH):
                    m.after_label(partial(loss_now, net, xs[k : k + 1], ys[k : k + 1]))
                committed[i] = a + BATCH if m.committed else 0
    every = {k: np.concatenate([latent[k] for latent in latents]) for k in LAYERS}
    return np.concatenate(right), np.concatenate(loss), every, committed


@torch.no_grad()
def loss_now(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Of one event, by the network as it is."""
    return float(F.cross_entropy(net(x), y))


def arms(name: str, seed: int, wanted: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Every arm on a stream, by name."""
    x, y, _ = stream(name, STREAMS[name], seed, BATCH)
    classes, quarter = int(y.max()) + 1, len(y) // 4
    shares = np.cumsum(np.eye(classes)[y], 0) - np.eye(classes)[y]
    out = {"majority": {"accuracy": 100 * float((shares.argmax(1) == y).mean())}}
    for unit, kind, bend in ARMS:
        arm = f"{unit} {kind} {bend}"
        if wanted and arm not in wanted:
            continue
        torch.manual_seed(seed)
        net = network(unit, kind, bend, x.shape[1], classes, len(x), seed)
        started = time.process_time()
        right, loss, _, committed = learn(net, x, y)
        out[arm] = {
            "accuracy": 100 * float(right.mean()),
            "last quarter": 100 * float(right[-quarter:].mean()),
            "log loss": float(loss.mean()),
            "parameters": sum(p.numel() for p in net.parameters()),
            "us an event": (time.process_time() - started) / len(x) * 1e6,
            "committed": committed,
        }
        print(name, seed, arm, out[arm], flush=True)
    return out


def surprise(seed: int) -> dict[str, dict[str, Any]]:
    """AUROC of unknown images against test digits, by the density of a v1 network's pooled channels."""
    x, y, scale = stream("mnist", STREAMS["mnist"], seed, BATCH)
    images, labels, test = recorded("mnist")
    sets = {"digits": images[test][:2000]}
    for title, name in OTHERS.items():
        found = recorded(name)[0]
        if len(found):
            sets[title] = found[np.random.default_rng(seed).permutation(len(found))[:2000]]
    torch.manual_seed(seed)
    net = network("v1", "fixed", "relu", 1, 10, len(x), seed)
    streamed = learn(net, x, y)[2]
    latents, entropy = {}, {}
    for title, v in sets.items():
        parts = [pooled(net, part) for part in torch.from_numpy(scale.apply(v)).split(250)]
        latents[title] = {k: np.concatenate([p[0][k] for p in parts]) for k in LAYERS}
        logs = torch.cat([p[1].detach() for p in parts]).log_softmax(1)
        entropy[title] = -(logs.exp() * logs).sum(1).numpy()
        if title == "digits":
            right = float((logs.argmax(1).numpy() == labels[test][:2000]).mean())
    out: dict[str, dict[str, Any]] = {}
    for layer in LAYERS:
        z = streamed[layer]
        density = LatentDensity(z.shape[1], 10, covariance="full", normalise=True)
        learn_density(density, z, y[: len(z)])
        base = ask(density, latents["digits"][layer])[0]
        out[layer] = {k: auroc(ask(density, v[layer])[0], base) for k, v in latents.items() if k != "digits"}
    out["softmax entropy"] = {k: auroc(v, entropy["digits"]) for k, v in entropy.items() if k != "digits"}
    out["accuracy"] = {"digits": 100 * right}
    return out


def cell(v: Sequence[float]) -> str:
    """Mean and deviation over seeds."""
    digits = 2 if abs(np.mean(v)) >= 1 else 3
    return f"{np.mean(v):.{digits}f} +- {np.std(v, ddof=min(1, len(v) - 1)):.{digits}f}"


def table(title: str, runs: Sequence[dict[str, dict[str, Any]]], best: str = "accuracy") -> None:
    """Every figure, and differences of arms paired by seed."""
    rows = [
        {
            "": arm,
            **{
                k: cell([r[arm][k] for r in runs]) for k, v in runs[0][arm].items() if not isinstance(v, list)
            },
        }
        for arm in runs[0]
    ]
    show(title, rows)
    pairs = [
        (a, b, [r[a][best] - r[b][best] for r in runs]) for a, b in PAIRS if a in runs[0] and b in runs[0]
    ]
    if pairs:
        show(
            f"{title}: {best}, paired by seed",
            [{"": f"{a} - {b}", "points": cell(d), "seeds above 0": f"{np.sum(np.array(d) > 0)} of {len(d)}"} for a, b, d in pairs],
        )  # fmt: skip


def main() -> None:
    """Run the parts that were asked for."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    options.add_argument("--only", nargs="+", choices=[*STREAMS, "surprise"], default=[*STREAMS, "surprise"])
    options.add_argument("--arms", nargs="+", metavar="ARM", help="as 'v1 learned relu'; all if not given")
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    torch.set_num_threads(1)
    kept: dict[str, Any] = {"seeds": chosen.seeds}
    for part in chosen.only:
        kept[part] = [
            surprise(seed) if part == "surprise" else arms(part, seed, chosen.arms or ())
            for seed in chosen.seeds
        ]
        table(part, kept[part])
        keep(chosen.json, kept)


if __name__ == "__main__":
    main()
