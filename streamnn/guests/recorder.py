"""What a torch module does with an event, written down as a plan while the module runs. Imports torch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_leaves

from ..lowered.plan import Plan, PlanBuilder, Value
from .not_lowered import NotLowered

BATCH = 3
"""Events that the recorded run has: more than one, so that what mixes them is seen."""


class Recorded(NamedTuple):
    """What a plan knows of a tensor."""

    value: Value
    """The numbers of one event: the tensor's shape without its batch axis."""
    axis: int
    """Which axis of the tensor is the batch."""
    ends: str = ""
    """softmax or log_softmax, where that has been left out."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the tensor."""
        inner = self.value.shape
        return (*inner[: self.axis], BATCH, *inner[self.axis :])

    def inner(self, dim: int) -> int:
        """Which axis of an event's value an axis of the tensor is; -1 for the batch."""
        dim %= len(self.shape)
        return -1 if dim == self.axis else dim - (dim > self.axis)


Handler = Callable[..., "Recorded | tuple[Recorded | None, ...]"]
"""Of a torch function, with its arguments after the recorder: what each tensor is that comes out, None if not known."""

ASKS = frozenset(
    [
        "dim",
        "ndimension",
        "size",
        "numel",
        "nelement",
        "stride",
        "is_floating_point",
        "is_complex",
        "is_contiguous",
        "element_size",
        "get_device",
        "storage_offset",
        "__len__",
        "__format__",
        "__repr__",
        "__hash__",
        "shape",
        "dtype",
        "device",
        "ndim",
        "requires_grad",
        "layout",
        "is_leaf",
        "is_cuda",
        "is_sparse",
        "is_quantized",
        "is_nested",
        "is_meta",
        "is_mkldnn",
        "itemsize",
        "nbytes",
        "names",
    ]
)
"""Functions and attributes that say nothing of the numbers in a tensor."""


class Recorder(TorchFunctionMode):
    """Sees every torch function that a module calls, and writes those that concern events into a plan.

    The module runs as it is, on a batch of random numbers, so sizes are true sizes and any Python may stand around
    its layers; what looks into the numbers themselves is refused.

    Parameters
    ----------
    module : Module
        Gets hooks and new forwards: a copy that nobody else has.
    shape : tuple of int
        Of one event's input.
    handlers : mapping
        Of torch functions by name.
    leaves : mapping
        Of module classes that are taken as a whole: ``handler(recorder, module, input)``.
    """

    def __init__(
        self,
        module: nn.Module,
        shape: tuple[int, ...],
        handlers: dict[str, Handler],
        leaves: dict[type[nn.Module], Handler],
    ) -> None:
        super().__init__()
        self.builder = PlanBuilder(shape)
        self.handlers = handlers
        self._tensors: dict[
            int, tuple[Tensor, Recorded | None]
        ] = {}  # a tensor kept is an id that stays its own
        self._names = {id(p): name for name, p in module.named_parameters()}
        self._order = [name for name, _ in module.named_parameters()]
        self._used: dict[str, str] = {}
        self._leaves: dict[str, tuple[str, tuple[int, ...]]] = {}
        self._path: list[tuple[str, nn.Module]] = []
        self.called: Callable[..., Any] = torch.clone
        self.last_linear: Value | None = None
        self.inputs_of: dict[str, Value] = {}
        for name, part in module.named_modules():
            self._watch(name, part)
            for kind, handler in leaves.items():
                if isinstance(part, kind):
                    self._take_whole(part, handler)

    def _watch(self, name: str, part: nn.Module) -> None:
        def enter(part: nn.Module, args: tuple[Any, ...]) -> None:
            self._path.append((name, part))
            if args and isinstance(args[0], Tensor) and id(args[0]) in self._tensors:
                record = self._tensors[id(args[0])][1]
                if record is not None:
                    self.inputs_of.setdefault(name, record.value)

        def leave(part: nn.Module, args: tuple[Any, ...], out: Any) -> None:
            self._path.pop()

        part.register_forward_pre_hook(enter)
        part.register_forward_hook(leave)

    def _take_whole(self, part: nn.Module, handler: Handler) -> None:
        forward = part.forward

        def whole(x: Tensor) -> Tensor:
            with torch._C.DisableTorchFunction():
                record = handler(self, part, x)
                out: Tensor = forward(x)
            assert isinstance(record, Recorded)
            self._write(out, record)
            return out

        part.forward = whole

    def start(self, x: Tensor, axis: int) -> None:
        """`x` is the module's input."""
        self._write(x, Recorded(self.builder.input, axis))

    @property
    def where(self) -> str:
        """The layer that runs, in words."""
        name, part = self._path[-1] if self._path else ("", None)
        return f"layer '{name}' ({type(part).__name__})" if name else "the module's own forward"

    def refuse(self, why: str) -> NotLowered:
        """An error that says where."""
        return NotLowered(f"{self.where} {why}")

    def known(self, x: Any) -> bool:
        """Whether a thing is a tensor of events."""
        return isinstance(x, Tensor) and id(x) in self._tensors

    def of(self, x: Any) -> Recorded:
        """What is known of a tensor of events."""
        if not self.known(x):
            raise self.refuse(
                "works on a tensor that does not come from the event, which the compiled kernel can't"
            )
        record = self._tensors[id(x)][1]
        if record is None:
            raise self.refuse(
                "uses a result (a cell state, an index, a part changed in place) that is not kept"
            )
        if record.ends:
            raise self.refuse(
                f"works on the result of a {record.ends}, which the compiled kernel knows only at the end"
            )
        return record

    def layer(self, **parameters: Tensor | None) -> tuple[str, dict[str, np.ndarray | None]]:
        """A name for an operation, and its parameters as arrays."""
        name = f"layer{len(self._used)}"
        arrays: dict[str, np.ndarray | None] = {}
        for key, p in parameters.items():
            if p is None:
                arrays[key] = None
                continue
            own = self._names.get(id(p))
            if own is None:
                how = "is computed from others" if p.requires_grad else "is not learnt"
                raise self.refuse(f"has a {key} that {how}, which the compiled kernel does not know")
            if own in self._used:
                raise self.refuse(
                    f"uses the parameter '{own}' once more: the compiled kernel knows no shared ones"
                )
            if not p.requires_grad:
                raise self.refuse(f"has the frozen parameter '{own}', and the compiled kernel learns all")
            self._used[own] = name
            self._leaves[f"{name}.{key}"] = (own, tuple(p.shape))
            arrays[key] = p.detach().numpy()
        return name, arrays

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if not any(map(self.known, tree_leaves((args, kwargs)))):
            return func(*args, **kwargs)
        name = _name(func)
        if name in ASKS:
            return func(*args, **kwargs)
        handler = self.handlers.get(name)
        if handler is None:
            raise self._unknown(func)
        try:
            inspect.signature(handler).bind(self, *args, **kwargs)
        except TypeError:
            raise self.refuse(f"calls {name} in a way that the compiled kernel does not know") from None
        out = func(*args, **kwargs)  # first, for an error to be torch's own
        self.called = func
        made = handler(self, *args, **kwargs)
        records = (made,) if isinstance(made, Recorded) else made
        for tensor, record in zip(tree_leaves(out), records, strict=True):
            self._write(tensor, record)
        return out

    def _unknown(self, func: Callable[..., Any]) -> NotLowered:
        name, part = self._path[-1] if self._path else ("", None)
        if name and type(part).__module__.startswith("torch.nn."):
            return NotLowered(
                f"layer '{name}' is a {type(part).__name__}, which the compiled kernel does not know"
            )
        called = str(resolve_name(func)).removesuffix(".__get__")
        if _name(func) in (
            "__bool__",
            "item",
            "tolist",
            "__float__",
            "__int__",
            "numpy",
            "__array__",
            "__index__",
        ):
            return self.refuse(
                f"looks into the numbers ({called}): what it does next can't be known beforehand"
            )
        return self.refuse(f"calls {called}, which the compiled kernel does not know")

    def _write(self, tensor: Tensor, record: Recorded | None) -> None:
        if record is not None:
            if tensor.dtype != torch.float32:
                raise self.refuse(
                    f"gives numbers of type {tensor.dtype}: the compiled kernel has float32 only"
                )
            if tuple(tensor.shape) != record.shape:
                raise self.refuse(
                    f"gives a tensor of shape {tuple(tensor.shape)} where {record.shape} was expected"
                )
        if self.known(tensor) and self._tensors[id(tensor)][1] != record:
            # in place: what shares its numbers is not what it was
            place = tensor.untyped_storage().data_ptr()
            for key, (other, _) in self._tensors.items():
                if other.untyped_storage().data_ptr() == place:
                    self._tensors[key] = (other, None)
        self._tensors[id(tensor)] = (tensor, record)

    def finish(self, out: Any, latent: str) -> tuple[Plan, str]:
        """The plan, and what it leaves out at the end."""
        if not self.known(out):
            raise NotLowered(
                f"the module gives a {type(out).__name__} that does not come from its layers alone"
            )
        record = self._tensors[id(out)][1]
        if record is None or record.axis != 0 or len(record.value.shape) > 1:
            raise NotLowered(f"the module gives a tensor of shape {tuple(out.shape)} for {BATCH} events")
        output = record.value.reshaped(record.value.size)
        plan = self.builder.finish(output, self._latent(latent))
        named = []
        for leaf in plan.leaves:
            own, shape = self._leaves[leaf.name]
            named.append(leaf._replace(name=own, shape=shape))
        unused = [name for name in self._order if name not in self._used]
        if unused:
            raise NotLowered(f"parameter '{unused[0]}' takes no part in what the module gives")
        named.sort(key=lambda leaf: self._order.index(leaf.name))
        return replace(plan, leaves=tuple(named)), record.ends

    def _latent(self, name: str) -> Value:
        if not name:
            return self.last_linear or self.builder.input
        if name not in self.inputs_of:
            raise NotLowered(
                f"latent is {name!r}: no layer of this name takes part; there are {', '.join(self.inputs_of)}"
            )
        return self.inputs_of[name]


def _name(func: Callable[..., Any]) -> str:
    """Of a torch function, a method or an attribute, in place or not."""
    name = func.__name__
    if name == "__get__":
        return str(func.__self__.__name__)
    if name.startswith("__"):
        return name
    return name.strip("_")
