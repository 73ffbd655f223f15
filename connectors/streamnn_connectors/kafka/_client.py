"""The optional package kafka-python: imported on use, its errors in our words, its clients closed for good."""

from __future__ import annotations

import contextlib
import re
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from streamnn.errors import MissingPackage, SinkError, SourceError, SpecError, StreamnnError

from ._refusal import why_refused
from .settings import KafkaSettings

_CLIENTS = ("KafkaConsumer", "KafkaProducer", "KafkaAdminClient")


def client() -> ModuleType:
    """kafka-python. MissingPackage without it."""
    if loaded := sys.modules.get("kafka"):
        return loaded
    try:
        with warnings.catch_warnings():
            # it reads its own files in a way that Python 3.11 advises against
            warnings.simplefilter("ignore", DeprecationWarning)
            import kafka
    except ImportError:
        raise MissingPackage("kafka-python", "kafka", "Kafka") from None
    return kafka


def make_consumer(settings: KafkaSettings, **options: Any) -> Any:
    """A consumer that never moves or commits by itself. SourceError when no broker answers, SpecError when it refuses us."""
    fixed: dict[str, Any] = {
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
        "retry_backoff_ms": 20,
        # a partition that is added has to wait for the fetch that is under way
        "fetch_max_wait_ms": 100,
    }
    return _connect("KafkaConsumer", settings, SourceError, {**fixed, **settings.client_options(), **options})


def make_producer(settings: KafkaSettings, **options: Any) -> Any:
    """A producer that waits for all replicas. SinkError when no broker answers, SpecError when it refuses us."""
    fixed: dict[str, Any] = {
        "acks": "all",
        "allow_auto_create_topics": False,
        # it sits in every transaction: the next one starts while the last marker is being written
        "retry_backoff_ms": 2,
    }
    return _connect("KafkaProducer", settings, SinkError, {**fixed, **settings.client_options(), **options})


def make_admin(settings: KafkaSettings) -> Any:
    """An admin client. SourceError when no broker answers, SpecError when it refuses us."""
    return _connect("KafkaAdminClient", settings, SourceError, settings.client_options())


def _connect(
    kind: str, settings: KafkaSettings, error: type[SourceError | SinkError], options: dict[str, Any]
) -> Any:
    """A client, or what is wrong in our words: a broker that is there and refuses us is told as such."""
    try:
        with in_our_words(settings, error):
            return _make(kind, options)
    except (SourceError, SinkError) as failure:
        refusal = why_refused(settings)
        if refusal is None:
            raise
        if refusal.certain:
            raise SpecError(f"Kafka at {settings.where} does not let us in: {refusal.why}") from failure
        raise error(f"Kafka at {settings.where}: {refusal.why}") from failure


def _make(kind: str, options: dict[str, Any]) -> Any:
    """A client with those of the options that it knows; SpecError for one that none of them knows."""
    known = {name: getattr(client(), name).DEFAULT_CONFIG for name in _CLIENTS}
    for name in options:
        if not any(name in those for those in known.values()):
            raise SpecError(f"kafka.options.{name}: kafka-python has no such option. Check its spelling.")
    cls: Any = getattr(client(), kind)
    network: list[Any] = []

    def connect(**config: Any) -> Any:
        # a producer keeps it in a variable until it has found a broker, so nobody else could close it
        network.append(cls.DEFAULT_CONFIG["kafka_client"](**config))
        return network[0]

    try:
        own = {name: value for name, value in options.items() if name in known[kind]}
        return cls(**{**own, "kafka_client": connect})
    except BaseException:
        # it would go on looking for a broker on its thread, and leave a pair of sockets open
        for made in network:
            with contextlib.suppress(Exception):
                made.close()
        raise


def close_producer(producer: Any, timeout_s: float = 1.0) -> None:
    """Close for good, whatever is still unsent: it is never sent later. Raises nothing."""
    errors = client().errors
    try:
        producer.close(timeout=timeout_s)
    except errors.KafkaError:
        # close() gives up before its thread does, and would try again at interpreter exit
        with contextlib.suppress(Exception):
            producer._sender.force_close()
            producer._sender.join(max(1.0, timeout_s))
        with contextlib.suppress(errors.KafkaError):
            producer.close(timeout=timeout_s)


def close_consumer(consumer: Any, timeout_s: float = 2.0) -> None:
    """Close without a commit, whatever the group's coordinator says to it. Raises nothing of kafka-python."""
    try:
        with contextlib.suppress(client().errors.KafkaError):
            consumer.close(autocommit=False, timeout_ms=int(timeout_s * 1000))
    finally:
        consumer._client.close()  # close() passes over it where leaving the group fails


def root_cause(error: BaseException) -> BaseException:
    """The innermost error: kafka-python wraps the one that matters in its arguments."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        inner = next((a for a in error.args if isinstance(a, BaseException)), None)
        error = inner or error.__cause__ or error
    return error


def words(error: BaseException) -> str:
    """An error of kafka-python in one line."""
    text = re.sub(r"^\[Error -?\d+\] ", "", " ".join(str(error).split()))
    name = type(error).__name__
    return text if text.startswith(name) else f"{name}: {text}" if text else name


@contextlib.contextmanager
def in_our_words(settings: KafkaSettings, kind: type[StreamnnError]) -> Iterator[None]:
    """Errors of kafka-python as `kind`."""
    errors = client().errors
    try:
        yield
    except (errors.KafkaTimeoutError, errors.KafkaConnectionError) as error:
        raise kind(
            f"no Kafka broker answered at {settings.where}: {words(error)}. Is it running, and is the "
            "address one that it advertises?"
        ) from error
    except errors.SaslAuthenticationFailedError as error:
        raise SpecError(
            f"Kafka at {settings.where} refuses user {settings.sasl_username!r}: {words(error)}. Set "
            "kafka.connection.sasl_username and kafka.connection.sasl_password right."
        ) from error
    except errors.AuthorizationError as error:
        raise kind(f"Kafka at {settings.where} refuses: {words(error)}. Ask for the right.") from error
    except errors.KafkaError as error:
        raise kind(f"Kafka at {settings.where}: {words(error)}") from error
    except RuntimeError as error:
        if "compression codec" in str(error):
            raise MissingPackage("kafka-python[lz4,snappy,zstd]", "kafka", "this compression") from error
        raise
