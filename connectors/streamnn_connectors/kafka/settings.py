"""How to reach a Kafka cluster. Secrets stay out of everything that is printed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from streamnn.errors import SpecError

ENVIRONMENT = "env:"
"""A secret that begins so is the name of an environment variable that holds it."""
_WITH_PASSWORD = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_SECRET_OPTIONS = ("sasl_plain_password", "ssl_password")


class KafkaSettings(BaseModel):
    """Where the brokers are and how to prove who we are.

    Nothing here decides what is read or written. A secret is given as it is or, better, as
    ``"env:NAME"``: it is then read from that environment variable whenever a client is made.

    Parameters
    ----------
    bootstrap_servers : str or list of str
        ``"host:port"``; several in one text are separated by commas.
    security_protocol : str
        ``"PLAINTEXT"``, ``"SSL"``, ``"SASL_PLAINTEXT"`` or ``"SASL_SSL"``.
    sasl_mechanism, sasl_username, sasl_password : str, optional
        Such as ``"PLAIN"`` or ``"SCRAM-SHA-512"``.
    ssl_cafile, ssl_certfile, ssl_keyfile, ssl_password : str, optional
        Files in PEM format, and the password of the key.
    ssl_check_hostname : bool, default True
    client_id : str, default "streamnn"
        Shown in the broker's logs.
    connect_timeout_s : float, default 10
        How long a first broker may take to answer.
    request_timeout_s : float, default 30
        How long an answer may take.
    options : dict
        Any further option of kafka-python, under its own name; it wins over the ones made here.

    Examples
    --------
    >>> settings = KafkaSettings(bootstrap_servers="a:9092", sasl_username="job", sasl_password="hunter2")
    >>> "hunter2" in repr(settings) + str(settings) + str(settings.model_dump())
    False
    >>> settings.client_options()["sasl_plain_password"]
    'hunter2'
    >>> KafkaSettings(sasl_password="env:NOT_THERE").client_options()
    Traceback (most recent call last):
    ...
    streamnn.errors.SpecError: kafka.sasl_password: the environment variable NOT_THERE is not set. Set it, \
or name another one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    bootstrap_servers: str | list[str] = "localhost:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_password: SecretStr | None = None
    ssl_check_hostname: bool = True
    client_id: str = "streamnn"
    connect_timeout_s: float = Field(default=10.0, gt=0)
    request_timeout_s: float = Field(default=30.0, gt=0)
    options: dict[str, Any] = Field(default={}, repr=False)

    @field_validator("options")
    @classmethod
    def _no_secrets(cls, options: dict[str, Any]) -> dict[str, Any]:
        for name in _SECRET_OPTIONS:
            if name in options:
                field = "sasl_password" if name.startswith("sasl") else name
                raise ValueError(f"options.{name}: would be printed; give it as {field}")
        return options

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> KafkaSettings:
        """Settings from ``STREAMNN_KAFKA`` (servers) and ``STREAMNN_KAFKA_<FIELD>``, each optional.

        Raises
        ------
        SpecError
            Names the variable that does not fit, without its value.

        Examples
        --------
        >>> found = KafkaSettings.from_environment({"STREAMNN_KAFKA": "b:1", "STREAMNN_KAFKA_SASL_USERNAME": "me"})
        >>> found.bootstrap_servers, found.sasl_username
        ('b:1', 'me')
        """
        values = os.environ if environment is None else environment
        prefix = "STREAMNN_KAFKA_"
        known = set(cls.model_fields) - {"options"}
        found = {k.removeprefix(prefix).lower(): v for k, v in values.items() if k.startswith(prefix)}
        fields: dict[str, Any] = {name: value for name, value in found.items() if name in known}
        if "STREAMNN_KAFKA" in values:
            fields["bootstrap_servers"] = values["STREAMNN_KAFKA"]
        try:
            return cls(**fields)
        except ValidationError as error:
            wrong = [
                (str(e["loc"][0]), e["msg"]) for e in error.errors(include_input=False, include_url=False)
            ]
            lines = [f"{prefix}{field.upper()} in the environment: {text}." for field, text in wrong]
            raise SpecError(" ".join(lines) + " Set it right, or unset it.") from None

    @property
    def where(self) -> str:
        """The servers as one text, for messages."""
        servers = self.bootstrap_servers
        return servers if isinstance(servers, str) else ",".join(servers)

    def client_options(self) -> dict[str, Any]:
        """What every client of kafka-python is made with, secrets in plain: never print it.

        Raises
        ------
        SpecError
            When the environment variable of a secret is not set, or what SASL needs is missing.
        """
        if "SASL" in self.security_protocol:
            named = ["sasl_mechanism"]
            if self.sasl_mechanism in _WITH_PASSWORD and not self.options:
                named += ["sasl_username", "sasl_password"]
            for name in named:
                if getattr(self, name) is None and name not in self.options:
                    raise SpecError(
                        f"kafka.connection.{name}: is missing, and security_protocol is {self.security_protocol}. "
                        "Set it."
                    )
        for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
            path = getattr(self, name)
            if path is not None and not os.path.isfile(path):
                raise SpecError(f"kafka.connection.{name}: there is no file {path}. Name one that is there.")
        out: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "client_id": self.client_id,
            "security_protocol": self.security_protocol,
            "bootstrap_timeout_ms": int(self.connect_timeout_s * 1000),
            "request_timeout_ms": int(self.request_timeout_s * 1000),
            "reconnect_backoff_max_ms": 1000,
            "metrics_enabled": False,
        }
        names = {"sasl_mechanism": "sasl_mechanism", "sasl_username": "sasl_plain_username"}
        names |= {name: name for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile")}
        out |= {option: getattr(self, name) for name, option in names.items() if getattr(self, name)}
        if "SSL" in self.security_protocol:
            out["ssl_check_hostname"] = self.ssl_check_hostname
        for name, option in (("sasl_password", "sasl_plain_password"), ("ssl_password", "ssl_password")):
            secret: SecretStr | None = getattr(self, name)
            if secret is not None:
                out[option] = reveal(name, secret)
        return out | self.options


def reveal(name: str, secret: SecretStr) -> str:
    """A secret of ``[kafka]`` in plain. SpecError when its environment variable is not set."""
    text = secret.get_secret_value()
    if not text.startswith(ENVIRONMENT):
        return text
    variable = text.removeprefix(ENVIRONMENT)
    if variable not in os.environ:
        raise SpecError(
            f"kafka.{name}: the environment variable {variable} is not set. Set it, or name another one."
        )
    return os.environ[variable]
