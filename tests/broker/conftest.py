"""One broker for all tests here; every test has topics, groups and transactional ids of its own."""

from __future__ import annotations

import gc
import itertools
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka_broker import WAYS, Broker, PrivateBroker, find_broker

from streamnn.errors import MissingPackage
from streamnn_connectors.kafka import KafkaAdmin, KafkaSettings
from streamnn_connectors.kafka._client import client

_count = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """kafka-python leaves connections of clients that failed to the garbage collector, which complains."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(
                pytest.mark.filterwarnings("ignore:unclosed <(socket.*family=(2|10)|ssl):ResourceWarning")
            )


@pytest.fixture(autouse=True)
def _collect_sockets() -> Iterator[None]:
    yield
    gc.collect()


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure() -> None:
    """Those that a failed test held on to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True, scope="session")
def _sockets_of_refused_connections() -> Iterator[None]:
    """kafka-python leaves them to the garbage collector, which complains when the log lets go of the error."""
    try:
        client()
    except MissingPackage:
        yield
        return
    from kafka.net.inet import KafkaNetSocket

    plain = KafkaNetSocket.sock_connect

    async def sock_connect(self: Any, net: Any, sock: Any, *args: Any, **options: Any) -> Any:
        try:
            return await plain(self, net, sock, *args, **options)
        except BaseException:
            sock.close()
            raise

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KafkaNetSocket, "sock_connect", sock_connect)
        yield


def _need_client() -> None:
    try:
        client()
    except MissingPackage as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A broker by the first of three ways."""
    _need_client()
    found = find_broker()
    if found is None:
        pytest.skip(WAYS)
    yield found
    found.stop()


@pytest.fixture(scope="session")
def _second_broker() -> Iterator[PrivateBroker]:
    _need_client()
    home = os.environ.get("KAFKA_HOME")
    if not home:
        pytest.skip(
            "kills the broker, so it needs KAFKA_HOME=folder of Apache Kafka 4 to start one of its own"
        )
    found = PrivateBroker(Path(home).resolve())
    yield found
    found.stop()


@pytest.fixture
def mortal_broker(_second_broker: PrivateBroker) -> PrivateBroker:
    """A broker to be killed; it runs when a test begins, whatever the one before did to it."""
    if not _second_broker.runs:
        _second_broker.start()
    return _second_broker


@pytest.fixture(scope="session")
def settings(broker: Broker) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=broker.bootstrap, connect_timeout_s=10)


@pytest.fixture(scope="session")
def admin(settings: KafkaSettings) -> Iterator[KafkaAdmin]:
    with KafkaAdmin(settings) as made:
        yield made


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Makes names that no other test and no earlier run has."""
    stem = request.node.name.partition("[")[0].removeprefix("test_")[:40]
    return lambda what: f"{stem}-{os.getpid()}-{what}-{next(_count)}"


@pytest.fixture
def topic(admin: KafkaAdmin, name: Callable[[str], str]) -> Callable[..., str]:
    """Makes a topic."""

    def make(what: str = "t", partitions: int = 1, **settings: Any) -> str:
        made = name(what)
        admin.create(made, partitions, 1, {k.replace("_", "."): str(v) for k, v in settings.items()})
        return made

    return make


@pytest.fixture
def closing() -> Iterator[Callable[[Any], Any]]:
    """Closes what it is given, last first."""
    held: list[Any] = []

    def keep(what: Any) -> Any:
        held.append(what)
        return what

    yield keep
    for what in reversed(held):
        what.close()
