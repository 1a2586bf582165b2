"""The whole product as `make run` starts it, for tests that walk it from outside."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from tests.servers import free_port

ROOT = Path(__file__).parent.parent
PASSWORD = "zbweb-demo"
DATABASE = "zbweb.sqlite3"
"""The name of the file in a data directory where billing's records are, unless told otherwise."""
_READY_SECONDS = 240


@dataclass
class Product:
    """A running product with a data directory of its own."""

    url: str
    sandbox_url: str
    data_dir: Path
    process: subprocess.Popen

    def control(self, path: str, body: dict[str, Any] | None = None, *, method: str = "POST") -> Any:
        """Call the stand-in CRM's control API."""
        answer = urllib3.request(method, f"{self.sandbox_url}/_sandbox/{path}", json=body or {})
        assert answer.status < 400, answer.data.decode()
        return answer.json()

    def calls(self) -> list[dict[str, Any]]:
        """The API calls the stand-in CRM saw since its reset."""
        return urllib3.request("GET", f"{self.sandbox_url}/_sandbox/requests").json()

    def status(self, path: str) -> int:
        return urllib3.request("GET", self.url + path, retries=False).status

    def processes(self) -> list[int]:
        """Every process that was started for this data directory."""
        marker = f"ZBWEB_DATA_DIR={self.data_dir}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal() and _carries(folder, marker):
                found.append(int(folder.name))
        return found


def _carries(folder: Path, marker: bytes) -> bool:
    try:
        return marker in (folder / "environ").read_bytes()
    except OSError:
        return False


def prepared(data_dir: Path) -> Path:
    """A data directory with migrated tables and demo data, to be copied: making one takes seconds."""
    subprocess.run(
        [sys.executable, "-m", "zbweb.cli", "prepare", "--demo"],
        cwd=ROOT,
        env={**_inherited(), "ZBWEB_DATA_DIR": str(data_dir)},
        check=True,
        capture_output=True,
    )
    return data_dir


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ZBWEB_")}


@contextmanager
def running(data_dir: Path, **environment: str):
    """Start the product and wait for its `ready:` line; it is stopped, with all it started, at the end."""
    port, sandbox_port = free_port(), free_port()
    settings = {
        "ZBWEB_PORT": str(port),
        "ZBWEB_SANDBOX_PORT": str(sandbox_port),
        "ZBWEB_DATA_DIR": str(data_dir),
    }
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "product.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "zbweb.cli", "run"],
            cwd=ROOT,
            env={**_inherited(), **settings, **environment},
            stdout=subprocess.PIPE,
            stderr=log,
        )
    product = Product(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}", data_dir, process)
    try:
        _await_ready(process, data_dir)
        yield product
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        process.stdout.close()


def _await_ready(process: subprocess.Popen, data_dir: Path) -> None:
    os.set_blocking(process.stdout.fileno(), False)
    deadline, said = time.monotonic() + _READY_SECONDS, b""
    while b"ready: http://" not in said:
        said += process.stdout.read() or b""
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError((data_dir / "product.log").read_text()[-4000:])
        time.sleep(0.05)
