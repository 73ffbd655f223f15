"""How to reach a schema registry. Secrets stay out of everything that is printed."""

from __future__ import annotations

import ssl
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from .settings import reveal


class RegistrySettings(BaseModel):
    """Where the schemas of framed messages are kept.

    Parameters
    ----------
    url : str
        Such as ``"https://registry:8081"``.
    user, password : str, optional
        For basic authentication; the password as it is or, better, as ``"env:NAME"``.
    ssl_cafile : str, optional
        Certificates to trust, in PEM format.
    timeout_s : float, default 5
        How long an answer may take.

    Examples
    --------
    >>> settings = RegistrySettings(url="http://localhost:8081/", user="job", password="hunter2")
    >>> settings.url, "hunter2" in repr(settings) + str(settings.model_dump())
    ('http://localhost:8081', False)
    >>> settings.authorization()
    ('job', 'hunter2')
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: str
    user: str | None = None
    password: SecretStr | None = None
    ssl_cafile: str | None = None
    timeout_s: float = Field(default=5.0, gt=0)

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, url: str) -> str:
        scheme, _, rest = url.partition("://")
        if scheme not in ("http", "https") or not rest.strip("/"):
            raise ValueError("is no URL such as http://localhost:8081")
        if "@" in rest:
            raise ValueError("holds a user: give kafka.registry.user and password instead")
        return url.rstrip("/")

    def authorization(self) -> tuple[str, str] | None:
        """User and password in plain: never print them. SpecError when a variable is not set."""
        if self.user is None and self.password is None:
            return None
        password = "" if self.password is None else reveal("registry.password", self.password)
        return self.user or "", password

    def context(self) -> ssl.SSLContext | None:
        """What to trust; None for plain HTTP."""
        if not self.url.startswith("https"):
            return None
        return ssl.create_default_context(cafile=self.ssl_cafile)

    def model_post_init(self, context: Any) -> None:
        """A user without a password is a slip."""
        if self.password is not None and self.user is None:
            raise ValueError("user: is missing, and there is a password")
