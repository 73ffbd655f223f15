"""A schema registry for tests: the few answers a reader asks for, over real HTTP."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class RegistryServer:
    """Schemas by number and by subject; `fail` makes every answer that HTTP code."""

    def __init__(self, user: str | None = None, password: str = "") -> None:
        self.numbers: dict[int, dict[str, Any]] = {}
        self.subjects: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.fail = 0
        self.url = ""
        self.token = base64.b64encode(f"{user}:{password}".encode()).decode() if user else None

    def avro(self, number: int, schema: Any, references: tuple[tuple[str, Any], ...] = ()) -> None:
        """Register an Avro schema that refers to (subject, schema)."""
        for subject, text in references:
            self.subjects[subject] = {"schema": json.dumps(text)}
        self.numbers[number] = {
            "schema": json.dumps(schema),
            "references": [{"name": s, "subject": s, "version": 1} for s, _ in references],
        }

    def answer(self, path: str, token: str | None) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        if self.fail:
            return self.fail, {}
        if self.token is not None and token != f"Basic {self.token}":
            return 401, {"message": "Unauthorized"}
        kind, _, rest = path.strip("/").partition("/")
        if kind == "schemas":
            found = self.numbers.get(int(rest.rpartition("/")[2]))
        else:
            found = self.subjects.get(rest.partition("/")[0])
        return (404, {"error_code": 40403}) if found is None else (200, found)


@contextmanager
def registry_server(user: str | None = None, password: str = "") -> Iterator[RegistryServer]:
    """A registry that runs."""
    registry = RegistryServer(user, password)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, content = registry.answer(self.path, self.headers.get("Authorization"))
            data = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
