"""Guests as options of a learner: what may be given, what a state says of it, and the members they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from ..errors import SpecError
from ..guests.guest import Guest
from ..members.member import Factory, Member, Room

_NOT_SAVED = ("make", "road", "device")
"""What is not compared by name: the module is, by the names and shapes of its parameters, and the road by its arrays.
Eager and traced have the same ones, compiled kernels others."""


def as_guests(given: Mapping[str, Any] | None) -> dict[str, Guest]:
    """Guests by name, a factory alone with the usual settings.

    Raises
    ------
    SpecError
        When it is no mapping of names to guests or factories.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) and name for name in given):
        raise SpecError(
            f"learner option guests is {given!r}: allowed is a mapping of names to factories or Guests"
        )
    return {name: g if isinstance(g, Guest) else Guest(g) for name, g in given.items()}


def saved_guest(guest: Guest) -> dict[str, Any]:
    """How a guest learns, as plain data; functions by their names."""
    return {f.name: _plain(getattr(guest, f.name)) for f in fields(guest) if f.name not in _NOT_SAVED}


def guest_factory(guest: Guest, name: str, watched: bool = False) -> Factory:
    """What makes the member of a pool that a guest is."""
    return partial(_member, guest, name, watched)


def _member(guest: Guest, name: str, watched: bool, room: Room) -> Member:
    # what chooses brings torch with it, and that only where there is an event
    from ..guests.choosing import guest_member

    return guest_member(guest, name, watched)(room)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if callable(value):
        while isinstance(value, partial):
            value = value.func
        return str(getattr(value, "__qualname__", type(value).__qualname__))
    return value
