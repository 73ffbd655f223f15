"""What became of a transaction, read from the log that the transaction coordinators keep."""

from __future__ import annotations

import struct

from .contract import Place
from .reading import read_messages
from .settings import KafkaSettings

TOPIC = "__transaction_state"
_STATUS_STRUCT = struct.Struct(">hqhib")
"""Start of a record of the transaction log: version, producer id, producer epoch, time-out, status."""
_ONGOING = 1
_STATUS = {2: True, 4: True, 3: False, 5: False, 6: False}  # prepared or complete: commit, abort; fenced


def decision(
    settings: KafkaSettings, partitions: int, transactional_id: str, producer_id: int, epoch: int
) -> bool | None:
    """Whether the last transaction of an epoch of a producer was committed; None when it is not told.

    One that was open when somebody took over is aborted in a later epoch: what was decided of the one before
    it says nothing then.

    Parameters
    ----------
    settings : KafkaSettings
    partitions : int
        Of the coordinators' topic.
    transactional_id : str
    producer_id, epoch : int

    Raises
    ------
    SourceError
        When the log can't be read.
    """
    name = transactional_id.encode()
    key = struct.pack(">hh", 0, len(name)) + name
    place = Place(TOPIC, log_partition(transactional_id, partitions))
    found: bool | None = None
    ongoing = False
    for message in read_messages(settings, [place], isolation="read_uncommitted"):
        if message.key == key and message.value is not None and len(message.value) >= _STATUS_STRUCT.size:
            _, whose, when, _, status = _STATUS_STRUCT.unpack_from(message.value)
            if (whose, when) == (producer_id, epoch):
                ongoing = status == _ONGOING
                found = None if ongoing else _STATUS.get(status, found)
            elif whose == producer_id and when > epoch and ongoing and _STATUS.get(status) is False:
                found, ongoing = False, False
    return found


def log_partition(transactional_id: str, partitions: int) -> int:
    """The partition of the coordinators' topic that an id has: Java's hash, its magnitude, modulo.

    >>> [log_partition(name, 50) for name in ("id", "streamnn-flights-0", "streamnn-orders-1")]
    [5, 49, 48]
    """
    value = 0
    for (unit,) in struct.iter_unpack(">H", transactional_id.encode("utf-16-be")):
        value = (31 * value + unit) & 0xFFFFFFFF
    signed = value - (1 << 32) if value >> 31 else value
    # the one number without a magnitude of its own counts as 0
    return abs(signed) % partitions if signed != -(1 << 31) else 0
