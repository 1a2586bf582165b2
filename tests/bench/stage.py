"""The stage of the benchmarks: a stand-in CRM in a process of its own, and programs measured in fresh processes."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from tests.servers import free_port

ROOT = Path(__file__).parent.parent.parent
FIELDS = [
    "Account_Name", "Phone", "Fax", "Website", "Description", "Billing_Street", "Billing_City", "Billing_State",
    "Billing_Code", "Billing_Country", "Shipping_Street", "Shipping_City", "Shipping_State", "Shipping_Code",
    "Shipping_Country",
]  # fmt: skip
"""Of an account, what a first sync makes a customer of."""
RAW_FIELDS = [*FIELDS, "Modified_Time"]
DEMO_GRANT = {"client_id": "demo-client", "client_secret": "demo-secret", "refresh_token": "demo-refresh"}


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


def raw_pages(url: str) -> Iterator[list[dict[str, Any]]]:
    """Every account of the stand-in CRM, page by page, with nothing between us and the wire."""
    pool, grant = urllib3.PoolManager(retries=False), {"grant_type": "refresh_token", **DEMO_GRANT}
    token = pool.request("POST", f"{url}/oauth/v2/token", fields=grant).json()["access_token"]
    address, page_token = f"{url}/crm/v8/Accounts?fields={','.join(RAW_FIELDS)}&per_page=200", ""
    while True:
        asked = f"{address}&page_token={page_token}" if page_token else address
        page = json.loads(pool.request("GET", asked, headers={"Authorization": f"Zoho-oauthtoken {token}"}).data)
        yield page["data"]
        page_token = page["info"]["next_page_token"]
        if not page_token:
            return


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
