"""A network as a member of a pool."""

from __future__ import annotations

import numpy as np

from ..features.layout import Layout
from ..network.network import Network
from ..network.spec import NetworkSpec
from ..state import Arrays
from .member import Member, Room, Segment


class NetworkMember(Network, Member):
    """A network of a pool: one member, and a second that is its averaged weights, if it has those.

    Parameters
    ----------
    spec : NetworkSpec
    begins : int
        The event from which on it predicts.
    watched : bool
        Its last hidden layer is the ground of surprise.
    room : Room
    """

    compiled = True

    def __init__(self, spec: NetworkSpec, begins: int, watched: bool, room: Room) -> None:
        Network.__init__(
            self, spec, room.layout.width(spec.reads), room.values, room.classify, room.seed, room.place
        )
        self.names, self.reads, self.place = spec.members, spec.reads, room.place
        self.begins, self.watched = begins, watched

    @property
    def units(self) -> int:  # type: ignore[override]
        """Of its last hidden layer."""
        return self.sizes[-1]

    def make_room(self, room: Room) -> None:
        """Grow with rows and labels."""
        self.grow(*room.piece(self.reads), room.values, room.category_rows)

    def step(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Predict at OBSERVE, learn at LEARN, from the event on at which it begins."""
        op, slot, target, weight = segment.op, segment.slot, segment.target, segment.weight
        if self.begins:
            awake = np.asarray(segment.ticket >= self.begins)
            if not awake.any():
                return
            if not awake.all():
                op, slot, target, weight = op[awake], slot[awake], target[awake], weight[awake]
        latent = segment.latent if self.watched else None
        start = layout.span(*self.reads)[0]
        self.scan(op, slot, target, weight, start, store["row"], store["ids"], store["p"], latent)
