"""The HTTP server of a job: a few threads of the standard library, beside the job's own."""

from __future__ import annotations

import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from streamnn.errors import SpecError

from ..live.job_monitor import JobMonitor
from ..live.page import LivePage
from ..run.control import Control
from ..version import VERSION
from .access import TOKEN, Access
from .routes import Answer, Routes

CONNECTION_IDLE_S = 20.0
"""Seconds after which a connection that sends nothing is closed: connections are few."""
MOST_CONNECTIONS = 32
_BODY_BYTES = 64 * 1024


class JobServer:
    """Serves a job while it runs; a context manager.

    Parameters
    ----------
    address : str
        ``host:port``; port 0 takes a free one.
    monitor : JobMonitor
        An observer of the job.
    control : Control
        That of the job.
    title : str
        Of the live page.
    token : str, optional
        What changes the job must know; ``STREAMNN_TOKEN`` of the environment by default.
    linger_s : float
        How long the end is shown to an open page.

    Raises
    ------
    SpecError
        When the address can't be listened on.

    Examples
    --------
    ::

        monitor = JobMonitor()
        job = Job(spec, observers=[monitor])
        with JobServer("127.0.0.1:8321", monitor, job.control) as server:
            print(server.url)
            job.run()
    """

    def __init__(
        self,
        address: str,
        monitor: JobMonitor,
        control: Control,
        title: str = "streamnn",
        token: str | None = None,
        linger_s: float = 2.5,
    ):
        self._linger_s = linger_s
        host, _, port = address.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        access = Access(host, token or os.environ.get(TOKEN) or None)
        routes = Routes(monitor, control, LivePage(monitor, control, title, access.free), access)
        try:
            self._server = _Server(host, int(port), routes)
        except (OSError, OverflowError) as e:
            raise SpecError(
                f"http.address: {address} can't be listened on: {getattr(e, 'strerror', None) or e}. "
                "Name another host:port, or end what listens there"
            ) from e
        self._thread = threading.Thread(target=self._serve, name="streamnn-http", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        name = str(host)
        return f"http://{f'[{name}]' if ':' in name else name}:{port}/"

    def __enter__(self) -> JobServer:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *args: object) -> None:
        if kind is None and time.monotonic() - self._server.routes.looked_s < self._linger_s:
            time.sleep(self._linger_s)  # a page that is open takes the end with it
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, host: str, port: int, routes: Routes):
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.routes = routes
        self.slots = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # the base class asks the name service for our name, which may take seconds
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:  # more would be threads without end
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = f"streamnn/{VERSION}"
    sys_version = ""
    timeout = CONNECTION_IDLE_S
    server: _Server

    def do_GET(self) -> None:
        self._reply()

    do_HEAD = do_POST = do_GET

    def _reply(self) -> None:
        if not self._swallow_body():
            return
        try:
            answer = self.server.routes.answer(self.command, self.path, self.headers)
        except Exception as e:  # a bug in a page must be seen, and no more than that
            answer = Answer(500, f"internal error: {type(e).__name__}: {e}\n".encode())
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _swallow_body(self) -> bool:
        """No request has a body that matters; one that is long, or of no told length, ends the connection."""
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not length.isdigit() or int(length) > _BODY_BYTES:
            self.close_connection = True
            self.send_error(413)
            return False
        self.rfile.read(int(length))
        return True

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: they are looks, every few seconds."""
