"""A loopback HTTP server that plays a script: what real networks do to a client, move by move.

The sandbox shows how the CRM answers; this shows connections that break, stall and lie.
"""

import gzip
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Move:
    """What the server does with one request."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict = field(default_factory=dict)
    delay: float = 0.0
    cut_after: int | None = None
    drip: float = 0.0
    hang_up: bool = False


@dataclass
class Heard:
    """One request as it arrived."""

    method: str
    path: str
    query: dict
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def form(self):
        return dict(parse_qsl(self.body.decode()))


def says(body, status=200, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Move(status, json.dumps(body).encode(), {"Content-Type": "application/json;charset=UTF-8"} | named)


def refuses(status, code, details=None, **headers):
    return says({"code": code, "details": details or {}, "message": "said so", "status": "error"}, status, **headers)


def nothing(status=204):
    return Move(status, b"")


def hangs_up():
    return Move(hang_up=True)


def stalls(seconds):
    return Move(delay=seconds)


def drips(body, seconds):
    """An answer that arrives a byte at a time, `seconds` apart."""
    return Move(200, json.dumps(body).encode(), drip=seconds)


def cuts(body, after):
    return Move(200, json.dumps(body).encode(), cut_after=after)


class Stage(ThreadingHTTPServer):
    """Plays `script` in order; the last move is repeated. `heard` are the requests so far, `date` is its clock."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Player)
        self.script = []
        self.heard = []
        self.connections = 0
        self.date = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def play(self, *moves):
        self.script = list(moves)
        return self

    def next_move(self):
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def process_request(self, request, client_address):
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request, client_address):
        """A client that went away is part of the play."""


class _Player(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        address = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.heard.append(
            Heard(self.command, address.path, dict(parse_qsl(address.query)), dict(self.headers), body)
        )
        self.act(self.server.next_move())

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def act(self, move):
        time.sleep(move.delay)
        if move.hang_up:
            self.close_connection = True
            return
        packed = "gzip" in self.headers.get("Accept-Encoding", "") and move.body
        body = gzip.compress(move.body) if packed else move.body
        self.send_response(move.status)
        for name, value in move.headers.items():
            self.send_header(name, value)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if move.cut_after is not None:
            body, self.close_connection = body[: move.cut_after], True
        for drop in (body[at : at + 1] for at in range(len(body))) if move.drip else (body,):
            self.wfile.write(drop)
            time.sleep(move.drip)

    def date_time_string(self, timestamp=None):
        return self.server.date or super().date_time_string(timestamp)

    def log_message(self, *args):
        """Quiet."""


@contextmanager
def stage():
    server = Stage()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
