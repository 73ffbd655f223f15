"""Keeping every layer of a module within a certified bound of its slope, after each step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .grouped_linear import GroupedLinear, LearnedGrouping
from .linear_spline import LinearSpline
from .operator_norms import cheap_convolution_norm, cheap_norm, grouped_norm

_WITHIN = 0.999  # share of a limit used, as in the kernels, so that rounding never exceeds it


@torch.no_grad()
def project(module: nn.Module, slope: float) -> None:
    """Scale the weights of layers whose bound is above `slope` down to it, and clip the pieces of splines.

    What :func:`streamnn.lowered.cap.cap` does in compiled kernels. A layer's bound is the smaller of Schur's
    and the Frobenius norm, Schur's for a convolution; both are one pass over the weights. Weights within the limit keep
    their bits. Dividing by a bound of the spectral norm is Miyato et al.'s (2018) normalisation as a projection.

    Parameters
    ----------
    module : Module
        Its Linear, :class:`GroupedLinear`, Conv1d, Conv2d, RNN, LSTM and GRU layers, each gate of the last three by itself, its
        :class:`LearnedGrouping` layers as their shares are now, and its :class:`LinearSpline` activations; others stay
        as they are.
    slope : float
        Largest allowed; 0 is no limit.

    Examples
    --------
    >>> layer = nn.Linear(2, 2, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[3.0, 0.0], [0.0, 1.0]]))
    >>> project(layer, 1.0)
    >>> layer.weight.tolist()
    [[0.999..., 0.0], [0.0, 0.333...]]
    """
    if slope <= 0:
        return
    for m in module.modules():
        if isinstance(m, LinearSpline):
            m.project_(slope)
        elif isinstance(m, nn.Linear):
            _scale(m.weight, cheap_norm(m.weight), slope)
        elif isinstance(m, GroupedLinear):
            _scale(m.weight, grouped_norm(m.weight, m.groups, cheap_norm), slope)
        elif isinstance(m, LearnedGrouping):
            _scale(m.weight, cheap_norm(m.effective_weight()), slope)
        elif isinstance(m, (nn.Conv1d, nn.Conv2d)):
            _scale(m.weight, cheap_convolution_norm(m.weight, m.groups), slope)
        elif isinstance(m, nn.RNNBase):
            gates = {"LSTM": 4, "GRU": 3}.get(m.mode, 1)
            for name, w in m.named_parameters(recurse=False):
                if name.startswith("weight"):
                    _scale(w, grouped_norm(w, gates, cheap_norm), slope)


def _scale(w: Tensor, bound: float, slope: float) -> None:
    limit = slope * _WITHIN
    if bound > limit:
        w *= limit / bound
