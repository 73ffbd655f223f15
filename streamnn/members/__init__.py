"""What a pool is mixed from: networks and cheap members beside them, and the contract for your own."""

from .member import EventMember, Leaves, Member, Room, Segment

__all__ = ["EventMember", "Leaves", "Member", "Room", "Segment"]
