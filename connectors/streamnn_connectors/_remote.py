"""The bytes of what a URL names: on the web, or in an object store."""

from __future__ import annotations

import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from streamnn.errors import MissingPackage, SourceError

_WEB = ("http", "https")
_STORES = ("s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss")
_BLOCK_BYTES = 1 << 20
_WAIT_S = 60.0
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


def is_remote(name: str) -> bool:
    """Whether a name is that of something on the web or in an object store.

    >>> is_remote("s3://bucket/a.csv"), is_remote("https://example.org/a.csv"), is_remote("C:/a.csv")
    (True, True, False)
    """
    scheme, separator, _ = name.partition("://")
    return bool(separator) and scheme.lower() in (*_STORES, *_WEB)


def file_name(url: str) -> str:
    """The last part of the path of a URL.

    >>> file_name("https://example.org/data/orders%20new.csv.gz?version=3")
    'orders new.csv.gz'
    """
    name = PurePosixPath(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
    if not name:
        raise SourceError(f"{_shown(url)}: names no file.")
    return name


def fetched(url: str) -> Iterator[bytes]:
    """The content, block by block. Credentials, region and endpoint of a store come from the environment.

    Raises
    ------
    SourceError
        When it can't be had.
    MissingPackage
        For an object store, without the extra ``s3``.
    """
    parts = urllib.parse.urlsplit(url)
    try:
        if parts.scheme.lower() in _WEB:
            with urllib.request.urlopen(url, timeout=_WAIT_S) as answer:
                while block := answer.read(_BLOCK_BYTES):
                    yield block
        else:
            yield from _of_store(url, parts)
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise SourceError(f"{_shown(url)} can't be fetched: {error}. Check the address.") from error


def _of_store(url: str, parts: urllib.parse.SplitResult) -> Iterator[bytes]:
    try:
        import obstore
        import obstore.store as stores
        from obstore.exceptions import BaseError
    except ImportError as error:
        raise MissingPackage("obstore", "s3", f"a file in an object store such as {_shown(url)}") from error
    api: Any = obstore
    opened: Any = stores.from_url
    plain = any(os.environ.get(name, "").startswith("http://") for name in _ENDPOINTS)
    try:
        store = opened(f"{parts.scheme}://{parts.netloc}", client_options={"allow_http": plain})
        for block in api.get(store, urllib.parse.unquote(parts.path).lstrip("/")).stream(_BLOCK_BYTES):
            yield bytes(block)
    except BaseError as error:
        why = str(error).splitlines()[0]
        raise SourceError(f"{_shown(url)} can't be fetched: {why}. Check address and credentials.") from error


def _shown(url: str) -> str:
    """A URL without the secrets that may stand in it."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
