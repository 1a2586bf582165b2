"""Serves the sandbox: one process, a thread for each connection, HTTP/1.1 with connections kept open.

Werkzeug's own server closes every connection after one answer, and gunicorn cannot run inside a test's thread;
this one does both, and lets the app cut a connection (`environ["sandbox.connection"]`).
"""

import socket
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from socketserver import TCPServer
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from flask import Flask

_BODILESS = ("204", "304")


class SandboxHttpServer(ThreadingHTTPServer):
    """`serve_forever()` in one thread, `shutdown()` and `server_close()` from another: then nobody is answered."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, app: Flask, host: str, port: int) -> None:
        self.app = app
        self._open: set[Any] = set()
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the name service what this host is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that left, or that a fault sent away, is no error of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        super().server_close()
        with self._lock:
            kept = list(self._open)
        for connection in kept:
            with suppress(OSError):  # the peer may have closed it meanwhile
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One connection: reads a request, asks the app, answers, and waits for the next."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _serve(self) -> None:
        try:
            body = self._body()
            self._ask(body)
            self.wfile.flush()
        except OSError:  # the caller left, or a fault sent it away
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815 - http.server's names

    def _ask(self, body: bytes) -> None:
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_exc_info: object) -> Any:
            head[:] = [status, headers]

        chunks = cast(SandboxHttpServer, self.server).app(self._environ(body), start_response)
        try:
            data = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        self._answer(head[0], head[1], data)

    def _answer(self, status: str, headers: list[tuple[str, str]], data: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        self.send_header("Server", "ZGS")
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        if code not in _BODILESS:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD" and code not in _BODILESS:
            self.wfile.write(data)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        server = cast(SandboxHttpServer, self.server)
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}
        return {
            **headers,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": server.server_name,
            "SERVER_PORT": str(server.server_port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "sandbox.connection": self.connection,
        }

    def log_message(self, format: str, *args: object) -> None:
        """Silent on the terminal: the API keeps its own log of calls."""


def serve(app: Flask, host: str, port: int) -> SandboxHttpServer:
    """A bound server; port 0 takes a free one (see `server_port`)."""
    return SandboxHttpServer(app, host, port)
