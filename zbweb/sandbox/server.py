"""Serves the sandbox: one process, a thread for each connection, HTTP/1.1 with connections kept open."""

from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server


class _Handler(WSGIRequestHandler):
    """Keeps connections, sends small answers at once and stays silent on the terminal."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """The API keeps its own log of calls."""

    def version_string(self) -> str:
        return "ZGS"

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        """A caller that left, or whom a fault sent away: nothing more is to be read from it."""
        self.close_connection = True


def serve(app: Flask, host: str, port: int) -> BaseWSGIServer:
    """A bound server; call `serve_forever()`, and `shutdown()` from another thread. Port 0 takes a free one."""
    server = make_server(host, port, app, threaded=True, request_handler=_Handler)
    server.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    return server
