"""The stage of the benchmarks: a stand-in CRM in a process of its own, and programs measured in fresh processes."""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from tests.servers import free_port

ROOT = Path(__file__).parent.parent.parent


class Crm:
    """The stand-in CRM, reached over loopback."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, path: str, body: dict[str, Any]) -> Any:
        answer = urllib3.request("POST", f"{self.url}/_sandbox/{path}", json=body, timeout=300)
        assert answer.status < 400, answer.data
        return answer.json()

    def seed(self, accounts: int) -> None:
        self.control("reset", {"empty": True})
        self.control("seed", {"accounts": accounts, "contacts_per_account": 0})
        self.control("faults", {"token_throttle": False})

    def calls(self) -> int:
        return len(urllib3.request("GET", f"{self.url}/_sandbox/requests", timeout=60).json())


@contextmanager
def crm():
    """A stand-in CRM for one benchmark."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-crm-") as folder:
        command = [sys.executable, "-m", "zbweb.sandbox", "--port", str(port), "--data-dir", folder]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            _await(f"http://127.0.0.1:{port}/_sandbox/requests")
            yield Crm(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(30)


def measured(program: str, **arguments: Any) -> dict[str, Any]:
    """Run `tests.bench.<program>` in a fresh process; what it prints as JSON, with its peak memory in MB."""
    words = [f"{name}={value}" for name, value in arguments.items()]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", f"tests.bench.{program}", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise RuntimeError(f"{program} failed:\n{run.stderr[-3000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def arguments() -> dict[str, str]:
    """The words a program was given: name=value."""
    return dict(word.split("=", 1) for word in sys.argv[1:])


def report(**figures: Any) -> None:
    """Print a program's figures as its last line."""
    import resource

    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


def _await(url: str) -> None:
    for _ in range(400):
        try:
            if urllib3.request("GET", url, retries=False).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer")
