"""Why a broker that is there does not let us in: the client library drops what it is told and says "no broker".

Asked only when no client could be made, over a connection of its own: TLS, then the first requests of the protocol.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from typing import Any, NamedTuple

from .settings import KafkaSettings

_METADATA, _SASL_HANDSHAKE, _API_VERSIONS, _SASL_AUTHENTICATE = 3, 17, 18, 36
"""Keys of requests."""
_UNSUPPORTED_MECHANISM = 33
"""Code of an error."""
_MOST_ANSWER_BYTES = 1 << 24
_CONNECTION = "kafka.connection"


class Refusal(NamedTuple):
    """What is wrong, and whether the broker said so itself; otherwise it may also be one that is just starting."""

    why: str
    certain: bool


def why_refused(settings: KafkaSettings) -> Refusal | None:
    """Ask the first server that listens; None when none does, or when it lets us in."""
    servers = settings.bootstrap_servers
    for server in servers.split(",") if isinstance(servers, str) else servers:
        host, _, port = server.strip().rpartition(":")
        try:
            sock = socket.create_connection((host.strip("[]"), int(port)), settings.connect_timeout_s)
        except (OSError, ValueError):
            continue
        with sock:
            sock.settimeout(settings.connect_timeout_s)
            return _ask(sock, host.strip("[]"), settings)
    return None


def _ask(sock: socket.socket, host: str, settings: KafkaSettings) -> Refusal | None:
    protocol, tls = settings.security_protocol, "SSL" in settings.security_protocol
    with contextlib.ExitStack() as stack:
        if tls:
            try:
                sock = stack.enter_context(_secure(sock, host, settings))
            except ssl.SSLCertVerificationError as error:
                return Refusal(
                    f"its certificate is not trusted: {error.verify_message}. Set {_CONNECTION}.ssl_cafile to the "
                    f"file of who signed it, or {_CONNECTION}.ssl_check_hostname",
                    True,
                )
            except ssl.SSLError as error:
                return Refusal(
                    f"TLS fails: {error.reason or error}. Is {_CONNECTION}.security_protocol = {protocol} right for "
                    f"that port, and are ssl_cafile, ssl_certfile and ssl_keyfile?",
                    error.reason == "WRONG_VERSION_NUMBER",
                )
            except OSError as error:
                return _closed(f"TLS ends: {error}", protocol)
        try:
            _request(sock, _API_VERSIONS, 0, b"")
        except (OSError, EOFError):
            return _closed("it closes the connection at the first request", protocol)
        if "SASL" in protocol:
            return _authenticate(sock, host, settings)
        try:
            _request(sock, _METADATA, 1, struct.pack(">i", -1))
        except (OSError, EOFError):
            return _closed(
                "it closes the connection at the second request, as one does that wants a password", protocol
            )
    return None


def _secure(sock: socket.socket, host: str, settings: KafkaSettings) -> ssl.SSLSocket:
    options = settings.client_options()
    context = ssl.create_default_context(cafile=options.get("ssl_cafile"))
    context.check_hostname = options["ssl_check_hostname"]
    if certificate := options.get("ssl_certfile"):
        context.load_cert_chain(certificate, options.get("ssl_keyfile"), options.get("ssl_password"))
    return context.wrap_socket(sock, server_hostname=host)


def _authenticate(sock: socket.socket, host: str, settings: KafkaSettings) -> Refusal | None:
    from kafka import KafkaConsumer
    from kafka.net.sasl import get_sasl_mechanism

    name = settings.sasl_mechanism or ""
    try:
        answer = _request(sock, _SASL_HANDSHAKE, 1, _text(name))
    except (OSError, EOFError):
        return _closed(
            "it closes the connection where it should ask for a password", settings.security_protocol
        )
    code, count = struct.unpack_from(">hi", answer)
    if code == _UNSUPPORTED_MECHANISM:
        taken = ", ".join(_texts(answer[6:], count))
        return Refusal(f"it does not take {_CONNECTION}.sasl_mechanism = {name}; it takes {taken}", True)
    if code:
        return Refusal(
            f"that port asks for no password (error {code}). Is {_CONNECTION}.security_protocol = "
            f"{settings.security_protocol} right?",
            True,
        )
    config: dict[str, Any] = {**KafkaConsumer.DEFAULT_CONFIG, **settings.client_options()}
    mechanism = get_sasl_mechanism(name)(host=host, **config)
    try:
        while not mechanism.is_done():
            token = mechanism.auth_bytes()
            answer = _request(sock, _SASL_AUTHENTICATE, 0, struct.pack(">i", len(token)) + token)
            (code,) = struct.unpack_from(">h", answer)
            if code:
                break
            message = struct.unpack_from(">h", answer, 2)[0]
            mechanism.receive(answer[8 + max(0, message) :])
    except (OSError, EOFError):
        return _closed("it closes the connection at the password", settings.security_protocol)
    if code or not mechanism.is_authenticated():
        return Refusal(
            f"it refuses user {settings.sasl_username!r}: set {_CONNECTION}.sasl_username and "
            f"{_CONNECTION}.sasl_password right",
            True,
        )
    return None


def _closed(what: str, protocol: str) -> Refusal:
    return Refusal(f"{what}. Is {_CONNECTION}.security_protocol = {protocol} right for that port?", False)


def _request(sock: socket.socket, key: int, version: int, body: bytes) -> bytes:
    """The answer to a request, without its header."""
    request = struct.pack(">hhi", key, version, 1) + _text("streamnn") + body
    sock.sendall(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", _read(sock, 4))
    if not 4 <= size <= _MOST_ANSWER_BYTES:
        raise EOFError  # what answers is no Kafka
    return _read(sock, size)[4:]


def _read(sock: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = sock.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def _texts(data: bytes, count: int) -> list[str]:
    found, at = [], 0
    for _ in range(count):
        (size,) = struct.unpack_from(">h", data, at)
        found.append(data[at + 2 : at + 2 + size].decode("utf-8", "replace"))
        at += 2 + size
    return found
