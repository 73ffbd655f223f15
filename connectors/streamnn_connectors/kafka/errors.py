"""What can go wrong with a transaction. After any of these: drop the state, recover, never try again in place.

Whether the transaction is visible is said by the committed offset alone, read after the transactional id was
taken over: a commit may have gone through although its answer was an error.
"""

from __future__ import annotations

from streamnn.errors import SinkError


class TransactionFailed(SinkError):
    """The transaction failed. Recover from the committed offset."""


class Fenced(TransactionFailed):
    """Somebody else has taken over. Give the partition up; it may come back by assignment."""


class OutcomeUnknown(TransactionFailed):
    """The broker did not say in time what became of the transaction, and the producer may still be trying.

    A new producer with the same transactional id ends that; then recover from the committed offset.
    """


def commit_not_begun() -> SinkError:
    """What is said when the end of a commit is waited for that never began."""
    return SinkError("no commit was begun. Call start_commit first.")
