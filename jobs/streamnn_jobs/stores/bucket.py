"""What is asked of an object store: whole objects, put under a condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from streamnn.errors import StateError

Tag = Mapping[str, str]
"""Which version of an object is meant, in the store's own words."""


class Conflict(Exception):
    """The condition of a put does not hold: the object is there already, or is another by now."""


class StoreError(StateError):
    """The object store does not answer, or refuses."""


class Bucket(Protocol):
    """Objects below one prefix. Every method raises StoreError, within a stated time, when it gets no answer."""

    where: str
    """URL of the prefix."""

    def get(self, name: str) -> tuple[bytes, Tag]:
        """An object and its version; FileNotFoundError when it is not there."""

    def put(self, name: str, data: bytes, match: Tag | None) -> Tag:
        """Put a new object (`match` is None) or replace that version of it.

        Raises
        ------
        Conflict
            When there is one already, or another version, or none to replace. After a lost reply this may
            mean an earlier try of the very same put.
        """

    def delete(self, name: str) -> None:
        """Delete an object; one that is not there is no error."""

    def sizes(self) -> dict[str, int]:
        """Bytes by name, of what lies directly below the prefix."""

    def folders(self) -> list[str]:
        """Names one level down that have more below them."""
