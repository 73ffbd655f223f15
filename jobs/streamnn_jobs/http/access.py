"""Who may look at a job, and who may change what it does."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from email.message import Message
from urllib.parse import urlsplit

from streamnn.errors import SpecError

TOKEN = "STREAMNN_TOKEN"
"""The environment variable that holds the token."""
_SHORTEST_TOKEN = 8
"""Characters; a shorter token could be guessed."""


class Access:
    """Looking is free to whoever reaches the address; changing needs the token, except on this machine.

    Without a token a request must come to an address of this machine *by its name*, and not from another
    page of a browser: so no web page can pause a job behind its owner's back.

    Parameters
    ----------
    host : str
        What the server is bound to.
    token : str or None

    Examples
    --------
    >>> Access("127.0.0.1", None).refusal({"Host": "localhost:8321"}) is None
    True
    >>> Access("127.0.0.1", None).refusal({"Host": "localhost:8321", "Origin": "http://elsewhere.example"})
    (403, 'from another site')
    >>> Access("0.0.0.0", "long secret").refusal({"Host": "job:8321"})
    (401, 'a token is needed: Authorization: Bearer <what STREAMNN_TOKEN holds>')
    """

    def __init__(self, host: str, token: str | None):
        if token is not None and len(token) < _SHORTEST_TOKEN:
            raise SpecError(f"{TOKEN}: has fewer than {_SHORTEST_TOKEN} characters: take a longer one")
        self._local = is_local(host)
        self._token = token

    @property
    def free(self) -> bool:
        """Whether nothing but being on this machine is asked for."""
        return self._local and self._token is None

    def refusal(self, headers: Mapping[str, str] | Message) -> tuple[int, str] | None:
        """Status and words when a request that changes something is refused; None when it may pass."""
        host, origin = headers.get("Host", ""), headers.get("Origin")
        if origin is not None and _site(origin) != host:
            return 403, "from another site"
        if self._token is None:
            if not self._local:
                return 403, f"nobody may from afar: set {TOKEN} in the environment of the job"
            return None if is_local(host_of(host)) else (403, "by another name than this machine's")
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token.encode()):
            return None
        return 401, f"a token is needed: Authorization: Bearer <what {TOKEN} holds>"


def is_local(host: str) -> bool:
    """Whether an address is reached from this machine only.

    Examples
    --------
    >>> is_local("localhost"), is_local("127.0.0.9"), is_local("::1"), is_local("0.0.0.0"), is_local("example.org")
    (True, True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _site(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # no URL at all
        return None


def host_of(netloc: str) -> str:
    """The host of ``host:port``.

    Examples
    --------
    >>> host_of("[::1]:80"), host_of("a:80"), host_of("a")
    ('::1', 'a', 'a')
    """
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""
