"""What a pool is mixed from: networks and cheap members beside them, and the contract for your own."""

from .._kernels.jit import kernel, leaf
from .member import EventMember, Factory, Leaves, Member, Room, Segment

__all__ = ["EventMember", "Factory", "Leaves", "Member", "Room", "Segment", "kernel", "leaf"]
