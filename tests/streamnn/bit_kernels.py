"""The backward sweep of a hidden layer of signs, called by itself."""

from __future__ import annotations

import numpy as np

from streamnn._kernels.jit import kernel
from streamnn.bits import BitNetwork, BitSpec
from streamnn.bits import _arrays as k
from streamnn.bits._arrays import Scratch, State
from streamnn.bits._hidden_layer import hidden_step
from streamnn.stage import gathered


@kernel
def _sweep(G, H, total, state: State, scratch: Scratch):
    return hidden_step(0, G, H, 0, G, total, state, scratch)


def swept(latents, errors):
    """Errors that a layer of latents (inputs by units) gives to its inputs; no latent moves."""
    g, h = latents.shape
    net = BitNetwork(BitSpec("n", (g, h)), 1, 2, seed=0)
    net.s["hidden"][:] = latents.reshape(g // 64, 64, h).transpose(0, 2, 1).ravel()
    net.s |= net._copies(net.s)
    state = gathered(k.State, {name: v.reshape(-1) for name, v in net.s.items()})
    empty = {name: np.zeros(0, np.int16) for name in Scratch._fields}
    scratch = Scratch(
        **empty
        | {
            "short": np.ones(g + h, np.int16),
            "steps": np.zeros(g + h, np.int16),
            "errors": errors,
            "back": np.zeros(g, np.int32),
            "moving": np.zeros(h + 1, np.int32),
        }
    )
    flips = _sweep(g, h, int(errors.sum(dtype=np.int64)), state, scratch)
    assert flips == 0 and np.array_equal(net.latents()[1], latents)
    return scratch.back
