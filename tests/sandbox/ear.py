"""A real server that hears what the CRM posts to subscribers and callbacks."""

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Ear:
    """A server that keeps what is posted to it; it answers with `status`."""

    def __init__(self):
        self.status = 200
        self._heard = queue.Queue()
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                ear._heard.put((self.path, self.headers["Content-Type"], body))
                self.send_response(ear.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?key=v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def heard(self):
        """The next message, within five seconds."""
        return self._heard.get(timeout=5)[2]

    def silence(self, seconds=0.3):
        with pytest.raises(queue.Empty):
            self._heard.get(timeout=seconds)

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
