"""Why records were dropped, counted: what is said at the end of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from streamnn_connectors.base import TOO_MANY_COLUMNS, BadRecord

MOST_REASONS = 20
"""Reasons that are told apart; further ones are one."""
OTHER = "other reasons"
_OWN = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"^(malformed JSON).*", r"\1"),
        (rf"^column .*? {TOO_MANY_COLUMNS}.*", "too many columns"),
        (r"^(column .*? holds a \w+): .*", r"\1"),
        (
            r"^(the time in column '.*?') is .* after that of the records before it.*",
            r"\1 is far ahead of the clock",
        ),
        (r"^(the time in column '.*?') is (?!missing$).*", r"\1 is no time"),
        (r"^the label .*? would be one of (.*)", r"the label would be one of \1"),
        (r"^the label is .*?, (no|not) (.*)", r"the label is \1 \2"),
        (r"^a record of \d+ bytes", "a long record"),
        (r"^(duplicate key) .*", r"\1"),
        (r" (at|near) byte \d+", ""),
        (r" of field \d+", ""),
    )
)
"""What belongs to one record in a reason, and what is said instead."""


class Dropped:
    """Counts of dead letters by what was wrong with them.

    Examples
    --------
    >>> dropped = Dropped()
    >>> dropped.add([BadRecord(3, "invalid UTF-8 at byte 7", "decode", b""), BadRecord(9, "invalid UTF-8 at byte 2", "decode", b"")])
    >>> dropped.counts
    {'invalid UTF-8': 2}
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, bad: Iterable[BadRecord]) -> None:
        """Count some more."""
        for record in bad:
            reason = kind_of_reason(record.reason)
            if reason not in self.counts and len(self.counts) >= MOST_REASONS:
                reason = OTHER
            self.counts[reason] = self.counts.get(reason, 0) + 1

    def load(self, counts: Mapping[str, int]) -> None:
        """Take over counts of before."""
        self.counts = {str(reason): int(count) for reason, count in counts.items()}


def kind_of_reason(reason: str) -> str:
    """A reason without what belongs to one record only.

    Examples
    --------
    >>> kind_of_reason("3 fields where the header has 4"), kind_of_reason("the time in column 'at' is 'soon', which is no time")
    ('3 fields where the header has 4', "the time in column 'at' is no time")
    """
    for pattern, words in _OWN:
        reason = pattern.sub(words, reason)
    return reason


def in_words(counts: Mapping[str, int], most: int = 5) -> str:
    """The most frequent reasons, for a person.

    Examples
    --------
    >>> in_words({"empty": 1, "invalid UTF-8": 1200})
    "1,200 'invalid UTF-8', 1 'empty'"
    """
    worst = sorted(counts.items(), key=lambda item: -item[1])
    more = sum(count for _, count in worst[most:])
    named = [
        f"{count:,} {reason!r}" if "'" not in reason else f'{count:,} "{reason}"'
        for reason, count in worst[:most]
    ]
    return ", ".join([*named, f"{more:,} for other reasons"] if more else named)
