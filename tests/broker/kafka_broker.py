"""A Kafka broker for tests: somebody's own, a private process, or a container."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import Protocol

WAYS = (
    "needs a Kafka broker. Three ways: STREAMNN_KAFKA=host:port of a running one; KAFKA_HOME=folder of Apache "
    "Kafka 4 (and Java 17); or Docker with testcontainers"
)
START_S = 120.0
USER, PASSWORD = "job", "a-right-password"
"""Who the door with a password of a private broker lets in."""
IMAGE = "apache/kafka:4.3.1"


class Broker(Protocol):
    """Something that listens at `bootstrap`."""

    bootstrap: str

    def stop(self) -> None: ...


class RunningBroker:
    """A broker somebody else started; it is left as it is."""

    def __init__(self, bootstrap: str):
        self.bootstrap = bootstrap

    def stop(self) -> None:
        pass


class PrivateBroker:
    """One process in KRaft mode on a free port, its logs in a temporary folder; it can be killed and restarted."""

    def __init__(self, home: Path):
        self._home = home
        self._folder = Path(tempfile.mkdtemp(prefix="streamnn-kafka-"))
        port, controller, guarded = _free_ports(3)
        self.bootstrap = f"localhost:{port}"
        self.guarded = f"localhost:{guarded}"
        """The same broker, by SASL with a password."""
        self._config = self._folder / "server.properties"
        self._config.write_text(_config(port, controller, guarded, self._folder / "log"))
        self._process: subprocess.Popen[bytes] | None = None
        try:
            # a letter in front, so that it never looks like an option
            identity = "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
            self._run("kafka-storage.sh", "format", "-t", identity, "-c", str(self._config))
            self.start()
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        """Start the process and wait until it answers."""
        log = self._folder / "broker.out"
        begins = log.stat().st_size if log.exists() else 0
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [self._home / "bin" / "kafka-server-start.sh", str(self._config)],
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self._env(),
            )
        deadline = time.monotonic() + START_S
        while b"Kafka Server started" not in log.read_bytes()[begins:]:
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"the broker did not start within {START_S} s:\n{text}")
            time.sleep(0.05)

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: as if the machine had lost power, but for the page cache."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self._signal(signal.SIGTERM)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signal(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _run(self, script: str, *args: str) -> str:
        command = [str(self._home / "bin" / script), *args]
        done = subprocess.run(
            command, capture_output=True, text=True, env=self._env(), timeout=START_S, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{script} {args[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _env(self) -> dict[str, str]:
        # the logs of the scripts go to standard output, not to the read-only home
        return {**os.environ, "LOG_DIR": str(self._folder), "KAFKA_HEAP_OPTS": "-Xmx512m"}


class ContainerBroker:
    """The public image, through testcontainers."""

    def __init__(self) -> None:
        from testcontainers.core.container import DockerContainer

        os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
        (port,) = _free_ports(1)
        self.bootstrap = f"localhost:{port}"
        self._container = DockerContainer(IMAGE)
        # on this machine alone; with_bind_ports would open the port to all the world
        self._container.ports["9092"] = ("127.0.0.1", port)
        for name, value in _container_env(port).items():
            self._container.with_env(name, value)
        self._container.start()
        deadline = time.monotonic() + START_S
        while b"Kafka Server started" not in b"".join(self._container.get_logs()):
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the container of {IMAGE} did not start within {START_S} s")
            time.sleep(0.2)

    def stop(self) -> None:
        self._container.stop()


def find_broker() -> Broker | None:
    """The first of the three ways that there is; None when there is none."""
    if bootstrap := os.environ.get("STREAMNN_KAFKA"):
        return RunningBroker(bootstrap)
    if home := os.environ.get("KAFKA_HOME"):
        return PrivateBroker(Path(home).resolve())
    return ContainerBroker() if docker_runs() else None


def docker_runs() -> bool:
    """Whether there is an engine and the client for it."""
    try:
        import docker
        import testcontainers  # noqa: F401
    except ImportError:
        return False
    try:
        client = docker.from_env(timeout=5)
        try:
            client.ping()
        finally:
            client.close()
    except Exception:  # docker's own errors are no OSError and differ from version to version
        return False
    return True


def _container_env(port: int) -> dict[str, str]:
    # the second listener: with one, advertised on a mapped port, the broker can't reach itself
    # and every transaction hangs
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,INTERNAL://:9094,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://localhost:{port},INTERNAL://localhost:9094",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": (
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT"
        ),
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "INTERNAL",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }


def _config(port: int, controller: int, guarded: int, folder: Path) -> str:
    """KRaft, one node, short time-outs: as a test wants it."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@localhost:{controller}",
        "listeners": f"PLAINTEXT://localhost:{port},SASL_PLAINTEXT://localhost:{guarded},CONTROLLER://localhost:{controller}",
        "advertised.listeners": f"PLAINTEXT://localhost:{port},SASL_PLAINTEXT://localhost:{guarded}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": "org.apache.kafka.common.security.plain."
        f'PlainLoginModule required user_{USER}="{PASSWORD}";',
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": folder,
        "auto.create.topics.enable": "false",
        "num.partitions": 1,
        # one node: every internal topic has one replica
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # no waiting for more members; sessions may be short, tests kill members
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "transaction.max.timeout.ms": 900000,
        # a killed broker may come back at once; a lost transaction marker is retried soon
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 300,
        "controller.quorum.election.timeout.ms": 300,
        "controller.quorum.fetch.timeout.ms": 500,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("localhost", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()
