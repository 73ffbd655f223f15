"""The owner object of a store: who may write, and which checkpoints count."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from streamnn.errors import StateError

OWNER_FILE = "owner.json"
"""Object in which the owner of a place is written."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """One version of the owner object. Replacing it under a condition is what makes a checkpoint count.

    Parameters
    ----------
    owner : str or None
        Who may write; None when nobody does.
    epoch : int
        Goes up by one with every owner.
    beat : int
        Goes up with every version: two versions never have the same bytes, nor the same e-tag.
    lease_s : float
        How long an owner counts as alive after the object was last seen to change.
    checkpoints : tuple of str
        Names of those that count.
    """

    owner: str | None
    epoch: int
    beat: int
    lease_s: float
    checkpoints: tuple[str, ...]

    def next(self, **changes: object) -> Ledger:
        """The version after this one."""
        return replace(self, beat=self.beat + 1, **changes)  # type: ignore[arg-type]

    def to_bytes(self) -> bytes:
        """As JSON with sorted keys."""
        return json.dumps({"format": 1, **asdict(self)}, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Ledger:
        """Read it back.

        Raises
        ------
        StateError
            When it is damaged or of another format.

        Examples
        --------
        >>> ledger = Ledger("a", 1, 7, 30.0, ("x",))
        >>> Ledger.from_bytes(ledger.to_bytes(), "here") == ledger
        True
        """
        try:
            raw = json.loads(data)
            if raw["format"] != 1:
                raise StateError(
                    f"{where}: format {raw['format']} is not 1: written by another release of streamnn"
                )
            owner = raw["owner"]
            return cls(
                None if owner is None else str(owner),
                int(raw["epoch"]),
                int(raw["beat"]),
                float(raw["lease_s"]),
                tuple(str(name) for name in raw["checkpoints"]),
            )
        except (ValueError, KeyError, TypeError) as e:
            raise StateError(
                f"{where}: damaged: it does not say who owns the checkpoints. See to it that no job writes "
                "here, then remove it: every checkpoint that is there counts from then on"
            ) from e
