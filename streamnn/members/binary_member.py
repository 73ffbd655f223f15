"""A binarised network as a member of a pool."""

from __future__ import annotations

from ..binary.network import BinaryNetwork
from ..binary.spec import BinarySpec
from ..features.layout import Layout
from ..state import Arrays
from .member import Member, Room, Segment


class BinaryMember(BinaryNetwork, Member):
    """A binarised network of a pool: one member, and a second that is its averaged latents, if it has those.

    Parameters
    ----------
    spec : BinarySpec
    room : Room

    Examples
    --------
    >>> from functools import partial
    >>> from streamnn import Classifier
    >>> model = Classifier(members=[partial(BinaryMember, BinarySpec("signs", (32,)))])
    >>> for i in range(30):
    ...     model.learn_one({"a": i % 3}, "yes" if i % 3 else "no")
    >>> model.history()["experts"][-6:-4]
    ['signs', 'signs-mean']
    """

    compiled = True

    def __init__(self, spec: BinarySpec, room: Room) -> None:
        width = room.layout.width(spec.reads)
        BinaryNetwork.__init__(self, spec, width, room.values, room.classify, room.seed, room.place)
        self.names, self.reads, self.place = spec.members, spec.reads, room.place

    def make_room(self, room: Room) -> None:
        """Grow with rows and labels."""
        self.grow(*room.piece(self.reads), room.values, room.category_rows)

    def step(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Predict at OBSERVE, learn at LEARN."""
        start = layout.span(*self.reads)[0]
        op, slot, target, weight = segment.op, segment.slot, segment.target, segment.weight
        self.scan(op, slot, target, weight, start, store["row"], store["ids"], store["p"])
