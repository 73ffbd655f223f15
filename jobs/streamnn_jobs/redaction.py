"""Keeps secrets out of what is shown, wherever the words come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_SECRET_NAMES = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|api_?key|credential|private_?key", re.IGNORECASE
)
"""Names of settings whose values are secrets."""
_URL_USER = re.compile(r"(?<=://)[^/\s@]+@")
"""User and password in a URL."""
_SHORTEST_SECRET = 6
"""Characters; shorter values are not hidden, since they would be found in ordinary words."""


def hide_user(url: str) -> str:
    """Without what may be a password.

    Examples
    --------
    >>> hide_user("s3://me:pw@bucket/x?key=1")
    's3://***@bucket/x'
    """
    return re.sub(r"//.*@", "//***@", url.partition("?")[0])


class Redactor:
    """Blanks out the values of settings and variables whose names sound secret, and users in URLs.

    Parameters
    ----------
    places : iterable of mapping
        Where secrets may lie: the environment, tables of a spec.

    Examples
    --------
    >>> hide = Redactor([{"DB_PASSWORD": "hunter22", "HOME": "/root"}])
    >>> hide("no access with hunter22 to kafka://me:pw@broker in /root")
    'no access with *** to kafka://***@broker in /root'
    """

    def __init__(self, places: Iterable[Mapping[str, object]]):
        values = {v for place in places for v in _found(place)}
        longest = sorted(values, key=lambda v: (-len(v), v))
        self._values = re.compile("|".join(map(re.escape, longest))) if longest else None

    def __call__(self, text: str) -> str:
        if self._values is not None:
            text = self._values.sub("***", text)
        return _URL_USER.sub("***@", text)


def _found(place: Mapping[str, object]) -> list[str]:
    out = []
    for name, value in place.items():
        value = getattr(value, "get_secret_value", lambda value=value: value)()
        if isinstance(value, Mapping):
            out += _found(value)
        elif isinstance(value, str) and len(value) >= _SHORTEST_SECRET and _SECRET_NAMES.search(str(name)):
            out.append(value)
    return out
