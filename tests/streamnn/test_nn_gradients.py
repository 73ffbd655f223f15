"""The kernel's gradients, read off one plain step of size 1, against automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'streamnn[torch]'")

from test_nn_network import CLASSES, INPUTS, RULES, activations, network, play, stream, tasks, tensors  # noqa: E402

from streamnn.nn import SplineNetwork  # noqa: E402

pytestmark = pytest.mark.slow

f4 = np.float32
shapes = pytest.mark.parametrize("hidden", [(16,), (32,), (32, 16), (16, 32, 16)], ids=str)


@activations
@tasks
def test_autograd_by_finite_differences(activation, classify):
    net = network("sgd", (16, 16), activation, classify)
    rows, ids, y = stream(3, classify)
    model = SplineNetwork.from_network(net, torch.float64)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.2 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    names = [n for n, _ in model.named_parameters()]
    x, i = tensors(rows, ids, torch.float64)
    target, weight = torch.from_numpy(y), torch.tensor([1.0, 0.3, 2.0])
    for a in model.layers(x, i)[0]:  # no difference reaches over a knot or a bend
        assert (a * 2.5 - (a * 2.5).round()).abs().min() > 1e-4

    def loss(*values):
        given = dict(zip(names, values, strict=True))
        scores = torch.func.functional_call(model, given, (x, i)) if not classify else None
        if classify:  # the module answers with probabilities
            return -(
                torch.func.functional_call(model, given, (x, i)).log()[range(3), target.long()] * weight
            ).sum()
        return model.loss_of(scores, target, weight)

    assert torch.autograd.gradcheck(loss, tuple(model.parameters()))
    assert model.loss(x, target, i, weight).item() == pytest.approx(loss(*model.parameters()).item())


def kernel_gradient(net, row, ids, y, weight):
    """(before - after) / step of one learnt event, by parameter name, in float64."""
    before = SplineNetwork.from_network(net, torch.float64)
    state = net.state_dict()
    play(net, row, ids, y, weight=weight)
    after = SplineNetwork.from_network(net, torch.float64)
    net.load_state_dict(state)
    return {
        n: ((a - b) / (net.spec.bend_step if n.startswith(("splines", "slopes")) else 1.0)).detach()
        for (n, a), (_, b) in zip(before.named_parameters(), after.named_parameters(), strict=True)
    }


def autograd(model, rows, ids, y, weight):
    """Gradients of one event, with the lever arm of splines far off the grid held at one piece, as the kernel does."""
    dtype = model.out.dtype
    model.zero_grad(set_to_none=True)
    pre, post, scores = model.layers(*tensors(rows, ids, dtype))
    for z in post:
        z.retain_grad()
    model.loss_of(scores, torch.from_numpy(y), torch.from_numpy(weight).to(dtype)).backward()
    grads = {
        n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in model.named_parameters()
    }
    far, near_knot, reach = (
        0,
        1.0,
        max(1.0, *(float(v.detach().abs().max()) for v in (tensors(rows, ids)[0], *post))),
    )
    for l, spline in enumerate(model.splines):
        knot, f = spline.locate(pre[l][0].detach())
        inside = (f >= 0) & (f <= 1)
        near_knot = min(near_knot, torch.where(inside, torch.minimum(f, 1 - f), 1.0).min().item())
        g = grads[f"splines.{l}.coefficients"]
        for u in ((f < -1) | (f > 2)).nonzero()[:, 0].tolist():
            h, dz = float(f[u].clamp(-1, 2)), post[l].grad[0, u]
            g[u, knot[u]], g[u, knot[u] + 1] = dz * (1 - h), dz * h
            far += 1
    for a in pre if model.activation != "spline" else []:
        near_knot = min(near_knot, a.abs().min().item())
    return grads, far, near_knot, reach


def close(kernel, torchs, reach):
    for name, g in kernel.items():
        # errors p - y are right to 1e-7 and are multiplied by inputs; weights of size 4 come in steps of 5e-7, and
        # activations move at half the step
        assert torch.allclose(
            g,
            torchs[name].double(),
            rtol=1e-4,
            atol=(1e-5 if name.startswith(("splines", "slopes")) else 2e-6) * reach,
        ), name


@shapes
@activations
@tasks
@pytest.mark.parametrize("spread", [1.0, 8.0], ids=["on the grid", "off the grid"])
def test_every_weight_group(hidden, activation, classify, spread):
    net = network("sgd", hidden, activation, classify, step=1.0, slope=0.0, row_norm=0.0, out_norm=0.0)
    rng = np.random.default_rng(5)
    learnt = ("table", "bias", "knots", "out", "out_bias")
    for name in learnt if activation in ("spline", "prelu") else [n for n in learnt if n != "knots"]:
        net.s[name] += rng.normal(size=net.s[name].shape).astype(f4) * f4(0.2)
    rows, ids, y = stream(80, classify)
    rows, weight = rows * f4(spread), rng.uniform(0.5, 2.0, 80).astype(f4)
    model = SplineNetwork.from_network(net, torch.float64)
    far, compared, moved = 0, 0, set()
    for i in range(len(rows)):
        e = slice(i, i + 1)
        expected, off, near_knot, reach = autograd(model, rows[e], ids[e], y[e], weight[e])
        if near_knot < 2e-5:  # float32 may see the next piece
            continue
        found = kernel_gradient(net, rows[e], ids[e], y[e], weight[e])
        close(found, expected, reach)
        far, compared = far + off, compared + 1
        moved |= {n for n, g in found.items() if g.numel() and g.abs().max() > 1e-4}
    assert compared >= 60
    assert moved == {n for n, _ in model.named_parameters()}
    assert (far > 100) == (spread > 1.0 and activation == "spline")


@activations
def test_at_the_knots_themselves(activation):
    net = network("sgd", (32,), activation, step=1.0, slope=0.0, row_norm=0.0, out_norm=0.0)
    rng = np.random.default_rng(6)
    if activation in ("spline", "prelu"):
        net.s["knots"] += rng.normal(size=net.s["knots"].shape).astype(f4)
    rows, ids = np.zeros((1, INPUTS), f4), np.full((1, 3), -1, np.int32)
    for turn in range(12):
        # knots -15 .. 15, beyond the ends of the grid too, every unit elsewhere
        net.s["bias"][:] = (((np.arange(32) + 5 * turn) % 31) - 15) * 0.4
        y, weight = np.array([turn % CLASSES], f4), np.ones(1, f4)
        expected, _, _, reach = autograd(
            SplineNetwork.from_network(net), rows, ids, y, weight
        )  # float32: the same piece
        close(kernel_gradient(net, rows, ids, y, weight), expected, reach)


@pytest.mark.parametrize("rule", RULES)
def test_zero_weight_moves_nothing(rule):
    net = network(rule)
    rows, ids, y = stream(4, True)
    before = SplineNetwork.from_network(net)
    play(net, rows, ids, y, weight=np.zeros(4, f4))
    after = SplineNetwork.from_network(net)
    assert all(torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))
