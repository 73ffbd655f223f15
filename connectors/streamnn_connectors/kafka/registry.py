"""A schema registry, asked over HTTP: schemas by the number that a message bears."""

from __future__ import annotations

import base64
import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from streamnn.errors import SourceError, SpecError

from .registry_settings import RegistrySettings

MOST_SCHEMAS = 10_000
"""Schemas kept, those that are not there among them: numbers come from messages, which may bear any."""
_WAITS_S = (0.5, 1.0, 2.0, 5.0)


class RegistryDown(Exception):
    """It does not answer now. What was to be decoded is to be tried again."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema as the registry holds it, with those it refers to, innermost first.

    Parameters
    ----------
    kind : str
        ``"AVRO"``, ``"JSON"`` or ``"PROTOBUF"``.
    text : str
    references : tuple of str
        Texts of other schemas.
    """

    kind: str
    text: str
    references: tuple[str, ...] = ()


class SchemaRegistry:
    """Asks for each schema once and keeps it: a number never gets another meaning.

    Parameters
    ----------
    settings : RegistrySettings
    unreachable_s : float
        No answer for so long is a SourceError.
    clock : callable
        Seconds that only go up.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        unreachable_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._settings = settings
        self._unreachable_s = unreachable_s
        self._clock = clock
        self._schemas: dict[int, Schema | None] = {}
        self._down_since_s: float | None = None
        self._again_s = 0.0
        self._failures = 0

    @property
    def where(self) -> str:
        """Its address, for messages."""
        return self._settings.url

    def schema(self, number: int) -> Schema | None:
        """The schema of a number; None when the registry has none.

        Raises
        ------
        RegistryDown
            It does not answer: try again later.
        SourceError
            It has not answered for too long, or refuses who asks.
        """
        if number not in self._schemas:
            schema = self._ask(number)
            if len(self._schemas) >= MOST_SCHEMAS:
                self._schemas.clear()
            self._schemas[number] = schema
        return self._schemas[number]

    def _ask(self, number: int) -> Schema | None:
        if self._clock() < self._again_s:
            raise RegistryDown
        try:
            found = self._get(f"schemas/ids/{number}")
            schema = None
            if found is not None:
                schema = Schema(
                    str(found.get("schemaType") or "AVRO"),
                    str(found["schema"]),
                    self._references(found, set()),
                )
        except (OSError, http.client.HTTPException, msgspec.DecodeError, KeyError, TypeError) as error:
            self._failed(error)
        self._down_since_s, self._failures = None, 0
        return schema

    def _references(self, schema: dict[str, Any], seen: set[tuple[str, Any]]) -> tuple[str, ...]:
        texts: list[str] = []
        for reference in schema.get("references") or ():
            subject, version = str(reference["subject"]), reference["version"]
            if (subject, version) in seen:
                continue
            seen.add((subject, version))
            found = self._get(f"subjects/{urllib.parse.quote(subject, safe='')}/versions/{version}")
            if found is None:
                raise SourceError(
                    f"{self.where}: a schema refers to version {version} of {subject}, which is not there. "
                    "Register it"
                )
            texts += [*self._references(found, seen), str(found["schema"])]
        return tuple(texts)

    def _get(self, path: str) -> dict[str, Any] | None:
        settings = self._settings
        request = urllib.request.Request(f"{settings.url}/{path}", headers={"Accept": "application/json"})
        if (who := settings.authorization()) is not None:
            token = base64.b64encode(":".join(who).encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        try:
            with urllib.request.urlopen(
                request, timeout=settings.timeout_s, context=settings.context()
            ) as answer:
                return msgspec.json.decode(answer.read(), type=dict[str, Any])
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                if error.code in (401, 403):
                    raise SpecError(
                        f"kafka.registry: {settings.url} refuses user {settings.user!r} (HTTP {error.code}). Set "
                        "kafka.registry.user and kafka.registry.password right"
                    ) from error
                raise

    def _failed(self, error: Exception) -> None:
        now = self._clock()
        if self._down_since_s is None:
            self._down_since_s = now
        self._again_s = now + _WAITS_S[min(self._failures, len(_WAITS_S) - 1)]
        self._failures += 1
        if now - self._down_since_s >= self._unreachable_s:
            raise SourceError(
                f"the schema registry at {self.where} has not answered for {self._unreachable_s:.0f} s "
                f"(kafka.unreachable_s): {' '.join(str(error).split())}. Is it running, and is kafka.registry.url right?"
            ) from error
        raise RegistryDown from error
