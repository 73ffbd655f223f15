"""What is known of a tensor while the plan of its module is written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..lowered.plan import Value

EVENTS_TRIED = 3
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
        return (*inner[: self.axis], EVENTS_TRIED, *inner[self.axis :])

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
LOOKS = frozenset(
    ["__bool__", "item", "tolist", "__float__", "__int__", "numpy", "__array__", "__index__", "__contains__"]
)
"""Those that look into them."""


def name_of(function: Callable[..., Any]) -> str:
    """Of a torch function, a method or an attribute, in place or not."""
    name = function.__name__
    if name == "__get__":
        attribute: Any = function
        return str(attribute.__self__.__name__)
    return name if name.startswith("__") else name.strip("_")
