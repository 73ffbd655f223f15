"""What a torch module does with an event, written down as a plan while the module runs. Imports torch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_leaves

from ..lowered.plan import Plan, PlanBuilder, Value
from .not_lowered import NotLowered
from .parameters import Parameters
from .recorded import ASKS, EVENTS_TRIED, LOOKS, Handler, Recorded, name_of


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
        # a tensor kept is an id that stays its own
        self._tensors: dict[int, tuple[Tensor, Recorded | None]] = {}
        self._parameters = Parameters(module)
        self._path: list[tuple[str, nn.Module]] = []
        self.called: Callable[..., Any] = torch.clone
        self.last_linear: Value | None = None
        """What the last function `linear` has read."""
        self._inputs_of: dict[str, Value] = {}
        self._linear = [name for name, part in module.named_modules() if isinstance(part, nn.Linear)]
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
                    self._inputs_of.setdefault(name, record.value)

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

    def layer(self, **parameters: Tensor | None) -> tuple[str, dict[str, Any]]:
        """A name for an operation, and its parameters as arrays."""
        try:
            return self._parameters.taken(parameters)
        except NotLowered as error:
            raise self.refuse(str(error)) from None

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
        name = name_of(func)
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
        if name_of(func) in LOOKS:
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
            raise NotLowered(
                f"the module gives a tensor of shape {tuple(out.shape)} for {EVENTS_TRIED} events"
            )
        plan = self.builder.finish(record.value.reshaped(record.value.size), self._latent(latent))
        return self._parameters.named(plan), record.ends

    def _latent(self, name: str) -> Value:
        there = self._inputs_of
        if name and name not in there:
            raise NotLowered(
                f"latent is {name!r}: no layer of this name takes part; there are {', '.join(there)}"
            )
        last = name or (self._linear or [""])[-1]
        if last in there and last:
            return there[last]
        return self.last_linear or self.builder.input
