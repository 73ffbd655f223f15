"""An S3 server of its own process: moto's, whose puts are made one at a time, as S3 promises and moto does not."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server


def main() -> None:
    """Serve until standard input ends; the port is the only line of standard output."""
    app = DomainDispatcherApplication(create_backend_app)
    one = threading.Lock()

    def serve(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with one:  # a condition and what follows from it are one moment
            return list(app(environ, start))

    server = make_server("127.0.0.1", 0, serve, threaded=True)
    s3_backends["123456789012"]["aws"].create_bucket("bucket", "us-east-1")
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
