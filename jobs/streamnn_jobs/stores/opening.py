"""A place for checkpoints by its name: a path, or the URL of an object store."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from streamnn.errors import StateError

from ..redaction import hide_user
from .bucket import Bucket
from .local import LocalStore
from .objects import ObjectStore
from .obstore_bucket import ObstoreBucket
from .store import Store

LEASE_S = 30.0
STORE_TIMEOUT_S = 10.0
"""Seconds that one request to an object store may take, unless told otherwise."""
SCHEMES = ("s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss")
"""Of stores that put under a condition."""
_STORE_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(.*)", re.DOTALL)
"""Scheme, bucket, path, and what follows the path."""


def is_url(place: str | Path) -> bool:
    """Whether a place is a URL rather than a path.

    Examples
    --------
    >>> is_url("s3://bucket/job"), is_url("out/checkpoints")
    (True, False)
    """
    return isinstance(place, str) and "://" in place


def wrong_url(url: str) -> str | None:
    """What is wrong with the URL of a store; None when nothing is.

    Examples
    --------
    >>> wrong_url("s3://bucket/job")
    >>> wrong_url("http://host/x")
    'is no object store that puts under a condition: s3, s3a, gs, az, azure, adl, abfs or abfss'
    """
    found = _STORE_URL.fullmatch(url)
    if found is None or found[1].lower() not in SCHEMES:
        return f"is no object store that puts under a condition: {', '.join(SCHEMES[:-1])} or {SCHEMES[-1]}"
    if not found[2]:
        return "names no bucket, as in s3://bucket/prefix"
    if found[4]:
        return "has a query: region, endpoint and credentials come from the environment"
    if ":" in found[2]:
        return "has a password or port in it: credentials and endpoint come from the environment"
    return None


def join_place(place: str | Path, name: str) -> str:
    """A place within a place.

    Examples
    --------
    >>> join_place("s3://bucket/job/", "events-0"), join_place("out", "events-0")
    ('s3://bucket/job/events-0', 'out/events-0')
    """
    return f"{str(place).rstrip('/')}/{name}" if is_url(place) else str(Path(place) / name)


def split_place(target: str | Path) -> tuple[str, str]:
    """The place of a file or object, and its name there.

    Examples
    --------
    >>> split_place("s3://bucket/job/a.safetensors"), split_place("a.safetensors")
    (('s3://bucket/job', 'a.safetensors'), ('.', 'a.safetensors'))
    """
    if is_url(target):
        place, _, name = str(target).rpartition("/")
        return place, name
    return str(Path(target).parent), Path(target).name


def open_bucket(url: str, timeout_s: float) -> Bucket:
    """The object store of a URL."""
    return ObstoreBucket(url, timeout_s)


def open_store(
    place: str | Path,
    say: Callable[[str], None] = lambda text: None,
    lease_s: float = LEASE_S,
    timeout_s: float = STORE_TIMEOUT_S,
) -> Store:
    """The store at a path or URL; nothing is made or asked yet.

    Parameters
    ----------
    place : str or path
    say : callable
        Told, in words, what a person should know.
    lease_s : float
        How long an owner of an object store counts as alive after it was last seen to be.
    timeout_s : float
        For one request to an object store.

    Raises
    ------
    MissingPackage, StateError
    """
    if not is_url(place):
        return LocalStore(place, say)
    if wrong := wrong_url(str(place)):
        raise StateError(f"{hide_user(str(place))}: {wrong}")
    return ObjectStore(open_bucket(str(place), timeout_s), say, lease_s)
