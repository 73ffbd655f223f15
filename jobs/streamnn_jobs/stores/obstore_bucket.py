"""An object store by its URL, through obstore: S3 and what speaks it, Google Cloud Storage, Azure."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import Any

from streamnn.errors import MissingPackage

from .bucket import Conflict, StoreError, Tag

RETRIES = 3
_REFUSALS = (
    (r"kind: Timeout|TimedOut", "no answer within the time-out"),
    (r"dns error", "its host name is not known"),
    (r"kind: Connect", "no connection"),
    (r"NoSuchBucket", "there is no such bucket"),
)


class ObstoreBucket:
    """A :class:`Bucket` by its URL. Credentials, region and endpoint come from the environment.

    Parameters
    ----------
    url : str
        Such as ``s3://bucket/prefix``.
    timeout_s : float
        For one request; it is tried again while no more than that has passed, so an operation ends within
        twice the time.

    Raises
    ------
    MissingPackage
        Without the extra ``s3``.
    StoreError
        When the URL or a setting in the environment is no good.
    """

    def __init__(self, url: str, timeout_s: float):
        try:
            import obstore
            import obstore.store as stores
            from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
        except ImportError as e:
            raise MissingPackage("obstore", "s3", f"a checkpoint store such as {url}") from e
        self.where = url.rstrip("/")
        self._api: Any = obstore
        self._conflicts = (AlreadyExistsError, PreconditionError)
        self._errors = (BaseError, OSError, ValueError)
        wait = timedelta(seconds=timeout_s)
        client: dict[str, Any] = {"timeout": wait, "connect_timeout": wait}
        endpoints = [
            os.environ.get(name, "") for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
        ]
        if any(endpoint.startswith("http://") for endpoint in endpoints):  # asked for in so many words
            client["allow_http"] = True
        opened: Any = stores.from_url
        retry = {"max_retries": RETRIES, "retry_timeout": wait}
        try:
            self._store = opened(self.where, client_options=client, retry_config=retry)
        except self._errors as e:
            raise StoreError(f"{self.where}: can't be opened: {_words(e)}") from e

    def get(self, name: str) -> tuple[bytes, Tag]:
        try:
            found = self._api.get(self._store, name)
            return bytes(found.bytes()), _tag(found.meta)
        except FileNotFoundError as e:
            if "NoSuchBucket" in str(e):
                raise self._error("read", name, e) from e
            raise
        except self._errors as e:
            raise self._error("read", name, e) from e

    def put(self, name: str, data: bytes, match: Tag | None) -> Tag:
        try:
            return _tag(
                self._api.put(self._store, name, data, mode="create" if match is None else dict(match))
            )
        except self._conflicts as e:
            raise Conflict(name) from e
        except FileNotFoundError as e:
            if match is not None and "NoSuchBucket" not in str(e):
                raise Conflict(name) from e
            raise self._error("written", name, e) from e
        except self._errors as e:
            if "ConditionalRequestConflict" in str(e):  # S3 says so while another put is under way
                raise Conflict(name) from e
            raise self._error("written", name, e) from e

    def delete(self, name: str) -> None:
        try:
            self._api.delete(self._store, name)
        except FileNotFoundError:
            return
        except self._errors as e:
            raise self._error("deleted", name, e) from e

    def sizes(self) -> dict[str, int]:
        return {meta["path"].rpartition("/")[2]: int(meta["size"]) for meta in self._level()["objects"]}

    def folders(self) -> list[str]:
        return sorted(path.rstrip("/").rpartition("/")[2] for path in self._level()["common_prefixes"])

    def _level(self) -> Any:
        try:
            return self._api.list_with_delimiter(self._store)
        except self._errors as e:
            raise self._error("listed", "", e) from e

    def _error(self, what: str, name: str, error: Exception) -> StoreError:
        return StoreError(f"{self.where}/{name}: can't be {what}: {_words(error)}")


def _tag(meta: Any) -> Tag:
    return {key: meta[key] for key in ("e_tag", "version") if meta.get(key) is not None}


def _words(error: Exception) -> str:
    """What went wrong, in one line: a reply may quote the request, and that has no place in a log."""
    text = str(error)
    if re.search(r"/latest/(api/token|meta-data)", text):  # the last place where credentials are looked for
        return "the environment has no credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
    for pattern, words in _REFUSALS:
        if re.search(pattern, text):
            return words
    if found := re.search(r"status code: (\d{3} [A-Za-z ]+)", text):
        code = re.search(r"<Code>(\w+)</Code>", text)
        return found[1].strip() + (f", {code[1]}" if code else "")
    return type(error).__name__ if "\n" in text or len(text) > 200 else text
