"""A user's factory called: with a fixed seed, checked, and tried for what depends on its width. Imports torch."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import SpecError
from ..state import Arrays
from .draws import own_draws
from .growth import Rule, Shapes, Step, find_rule
from .guest import Guest

_RTOL, _ATOL = 1e-3, 1e-4
"""How near the scores of a row must be before and after growth: sums over more zeros are added in another order."""


class Facts(NamedTuple):
    """What was found out of a guest's modules by trying."""

    rule: Rule
    """What grows with columns and classes."""
    draws: bool
    """Whether it draws random numbers as it learns."""
    two_modes: bool
    """Whether it is another thing in training: it draws, or keeps statistics of what it is shown."""
    settles: bool
    """Whether parts of it learn by a rule of their own, see :func:`settling_parts`."""


def made(guest: Guest, inputs: int, outputs: int, seed: int) -> nn.Module:
    """A new module in eval mode, the same for the same seed; torch's own generator is left as it was.

    Raises
    ------
    SpecError
        When `make` gives no module, or one that can't be trained here.
    """
    with own_draws(seed):
        module = guest.new(inputs, outputs)
    if not isinstance(module, nn.Module):
        raise SpecError(f"a guest's make gave a {type(module).__name__}, no torch.nn.Module")
    for name, p in module.named_parameters():
        if p.dtype != torch.float32 or isinstance(p, nn.UninitializedParameter):
            raise SpecError(
                f"parameter {name!r} of a guest is {p.dtype} and {type(p).__name__}: float32 is needed"
            )
    if guest.batch == 1:
        for m in module.modules():
            if isinstance(m, nn.modules.batchnorm._BatchNorm):
                raise SpecError(
                    f"{type(m).__name__} needs the statistics of a batch, and a guest's batch is 1: take batch=8 or "
                    "more, or GroupNorm or LayerNorm"
                )
    return module.eval()


def facts_of(guest: Guest, inputs: int, outputs: int, seed: int, classify: bool) -> Facts:
    """Try a guest's factory at some widths.

    Raises
    ------
    SpecError
        When its outputs are not what was asked for, or can't become more; or when it draws random numbers to predict.
    """
    module = made(guest, inputs, outputs, seed)
    if not trained(module):
        raise SpecError("a guest's module has no parameter that is learnt: all are frozen, or there is none")
    if {id(p) for p in module.parameters()} & {
        id(p) for p in made(guest, inputs, outputs, seed).parameters()
    }:
        raise SpecError(
            "a guest's make gave parameters that another module of its has: it must make all layers anew"
        )
    outputs_of(guest, module, zero_rows(guest, max(guest.batch, 2), inputs), outputs)
    rule = find_rule(lambda d, c: _shapes(guest, d, c), inputs, outputs, classify, guest.mirrors)
    if rule.classes:
        raise SpecError(f"a guest's make(inputs, outputs) can't have more outputs: {rule.classes}")
    if not rule.columns and not _reads(guest, rule, inputs, outputs, seed, classify):
        rule = Rule(rule.axes, "rows are not read as before where there are more columns, all of them 0")
    draws, keeps = _training(guest, module, inputs, outputs, seed)
    return Facts(rule, draws, draws or keeps, bool(settling_parts(module)))


def rows_of(guest: Guest, rows: Tensor) -> Tensor:
    """Rows, shape (n, inputs) or (n, window, inputs), as the module takes them."""
    return rows.transpose(0, 1) if guest.window and guest.time_first else rows


def trained(module: nn.Module) -> dict[str, Tensor]:
    """The parameters that are learnt, by name: those that are not frozen."""
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def settling_parts(module: nn.Module) -> list[nn.Module]:
    """Parts that learn by a rule of their own and are told of every label, such as a :class:`streamnn.nn.LearnedShuffle`."""
    return [m for m in module.modules() if hasattr(m, "after_label")]


def parameters_of(module: nn.Module) -> Arrays:
    """Copies of its parameters by name."""
    return {name: p.detach().cpu().numpy().copy() for name, p in module.named_parameters()}


def arrays_of(module: nn.Module) -> Arrays:
    """Copies of its parameters and buffers, as a state names them."""
    params = {f"param/{name}": p for name, p in parameters_of(module).items()}
    return params | {f"buffer/{name}": b.numpy().copy() for name, b in module.named_buffers()}


def random_rows(guest: Guest, n: int, inputs: int) -> Tensor:
    """Rows to try a module on."""
    return torch.randn(_shape(guest, n, inputs))


def zero_rows(guest: Guest, n: int, inputs: int) -> Tensor:
    """Rows of zeros."""
    return torch.zeros(_shape(guest, n, inputs))


def _shape(guest: Guest, n: int, inputs: int) -> tuple[int, ...]:
    return (n, guest.window, inputs) if guest.window else (n, inputs)


def outputs_of(guest: Guest, module: nn.Module, rows: Tensor, outputs: int) -> Tensor:
    """What a module gives for rows of its width, shape (n, outputs).

    Raises
    ------
    SpecError
        When that is anything else, or it fails.
    """
    n, made_for = len(rows), f"a guest made for {rows.shape[-1]} inputs and {outputs} outputs"
    try:
        with torch.no_grad():
            out = module(rows_of(guest, rows))
    except Exception as error:  # the module is the user's
        raise SpecError(
            f"{made_for} fails on rows of shape {tuple(rows_of(guest, rows).shape)}: {type(error).__name__}: {error}"
        ) from error
    seen = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
    if not isinstance(out, Tensor) or seen != (n, outputs):
        raise SpecError(f"{made_for} gave {seen} for {n} rows: ({n}, {outputs}) is needed")
    return out


def _shapes(guest: Guest, inputs: int, outputs: int) -> Shapes:
    try:
        with own_draws(0), torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a factory that loads weights, which shapes do not need
            module = guest.make(inputs, outputs)
    except (NotImplementedError, RuntimeError, TypeError):  # what needs numbers to be made is made for good
        module = made(guest, inputs, outputs, 0)
    return {name: tuple(p.shape) for name, p in module.named_parameters()}


def _reads(guest: Guest, rule: Rule, inputs: int, outputs: int, seed: int, classify: bool) -> bool:
    """Whether a grown module says of rows what it said, when the new columns are 0."""
    more = outputs + 2 if classify else outputs
    small, large = made(guest, inputs, outputs, seed), made(guest, inputs + 3, more, seed)
    places = np.arange(inputs) + (np.arange(inputs) >= inputs // 2)
    weights = Step(places, inputs + 3, outputs, more).weights(parameters_of(small), rule)
    with own_draws(seed), torch.no_grad():
        for name, p in large.named_parameters():
            p.copy_(torch.from_numpy(weights[name]))
        rows = random_rows(guest, max(guest.batch, 2), inputs)
        wide = torch.zeros(*rows.shape[:-1], inputs + 3)
        wide[..., torch.from_numpy(places)] = rows
        was = small(rows_of(guest, rows))
        try:
            now = large(rows_of(guest, wide))
        except (RuntimeError, ValueError):  # such as a reshape to so many pixels
            return False
    return torch.allclose(was, now[:, :outputs], rtol=_RTOL, atol=_ATOL)


def _training(guest: Guest, module: nn.Module, inputs: int, outputs: int, seed: int) -> tuple[bool, bool]:
    """Whether it draws, and whether it keeps statistics, in training."""
    n = max(guest.batch, 2)
    buffers = {name: b.clone() for name, b in module.named_buffers()}
    with own_draws(seed), torch.no_grad():
        rows = random_rows(guest, n, inputs)
        before = torch.get_rng_state()
        outputs_of(guest, module, rows, outputs)
        if not torch.equal(before, torch.get_rng_state()):
            raise SpecError("a guest draws random numbers to predict: it may do so in training only")
        outputs_of(guest, module.train(), rows, outputs)
        draws = not torch.equal(before, torch.get_rng_state())
    return draws, any(not torch.equal(b, buffers[name]) for name, b in module.named_buffers())


def together(guest: Guest, module: nn.Module, inputs: int, seed: int) -> int:
    """How many rows to predict at once: a micro-batch, if a row has the same bits wherever it stands among others."""
    n = guest.batch
    with own_draws(seed), torch.no_grad():
        rows = random_rows(guest, n, inputs)
        said = module(rows_of(guest, rows))
        for i in range(n if n > 1 else 0):
            alone = torch.zeros_like(rows)
            alone[0] = rows[i]
            if not torch.equal(module(rows_of(guest, alone))[0], said[i]):
                return 1
    return n
