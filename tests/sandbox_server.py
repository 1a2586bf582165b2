"""A real stand-in CRM on a free port, for tests that talk HTTP to it."""

import tempfile
import threading
from pathlib import Path
from typing import Any

import urllib3

from zbweb.sandbox import oauth
from zbweb.sandbox.app import create_sandbox
from zbweb.sandbox.members import member_by_email
from zbweb.sandbox.server import serve


class SandboxServer:
    """Starts when made; `stop()` it, or use it as a context manager. `data_dir` may outlive it (restart tests)."""

    def __init__(self, data_dir: Path | None = None) -> None:
        self._own_dir = None if data_dir else tempfile.TemporaryDirectory(prefix="sandbox-")
        self.app = create_sandbox(data_dir or Path(self._own_dir.name))
        self._server = serve(self.app, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self._http = urllib3.PoolManager(retries=False)

    def __enter__(self) -> "SandboxServer":
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def sandbox(self) -> Any:
        """The running Sandbox, for tests that look behind the wire."""
        return self.app.extensions["sandbox"]

    def control(self, path: str, body: dict[str, Any] | None = None, *, method: str = "POST") -> Any:
        """Call the control API (`control("faults", {"latency_ms": 50})`); fails loudly when it refuses."""
        answer = self._http.request(method, f"{self.url}/_sandbox/{path.strip('/')}", json=body or {})
        assert answer.status < 400, answer.data.decode()
        return answer.json()

    def requests(self) -> list[dict[str, Any]]:
        """The API calls since the last reset, oldest first."""
        return self._http.request("GET", f"{self.url}/_sandbox/requests").json()

    def notifications(self) -> list[dict[str, Any]]:
        """The notifications that went out since the last reset."""
        return self._http.request("GET", f"{self.url}/_sandbox/notifications").json()

    def reset(self, *, empty: bool = False) -> None:
        self.control("reset", {"empty": empty})

    def seed(self, **numbers: Any) -> dict[str, Any]:
        """`seed(accounts=50, contacts_per_account=2)`: replaces the customers."""
        return self.control("seed", numbers)

    def faults(self, **wishes: Any) -> dict[str, Any]:
        return self.control("faults", wishes)

    def token(self, email: str = "admin@crm.example", *, scope: str = oauth.FULL_SCOPE) -> str:
        """A working access token, made behind the wire so that no test uses up the token allowance."""
        sandbox = self.sandbox
        now = sandbox.clock.now()
        with sandbox.store.write() as connection:
            member = member_by_email(connection, email)
            token = oauth.Token(
                oauth.new_text(), oauth.TokenKind.ACCESS, "demo-client", member.id, scope, now,
                expires=now + oauth.ACCESS_SECONDS,
            )  # fmt: skip
            return oauth.issue(connection, token).token

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._http.clear()
        self.sandbox.close()
        if self._own_dir is not None:
            self._own_dir.cleanup()
