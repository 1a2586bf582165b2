"""Processes die; the product does not: nothing lost, nothing twice, nothing left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from tests.browser.steps import await_runs, configure, connect, sign_in
from tests.product import ROOT, running
from tests.servers import eventually

ACCOUNTS = 3000


def processes_of(product, word: str) -> list[int]:
    """The product's processes whose command line has this word."""
    found = []
    for pid in product.processes():
        try:
            line = (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if word in line:
            found.append(pid)
    return found


def test_it_stops_on_sigterm_with_nothing_left_behind(data_dir):
    with running(data_dir) as product:
        assert [product.status(path) for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
        product.process.send_signal(signal.SIGTERM)
        assert product.process.wait(60) == 0
        assert product.processes() == []


@pytest.mark.parametrize("command", [["zbweb.cli", "doctor"], ["flask", "--app", "zbweb.wsgi", "doctor"]], ids=" ".join)
def test_the_doctor_finds_all_well_beside_it(data_dir, page, command):
    with running(data_dir) as product:
        sign_in(page, product)
        connect(page, product)
        said = subprocess.run(
            [sys.executable, "-m", *command],
            check=False,
            cwd=ROOT,
            env={**os.environ, "ZBWEB_DATA_DIR": str(data_dir)},
            capture_output=True,
            text=True,
        )
        assert (said.returncode, "TROUBLE" in said.stdout) == (0, False), said.stdout + said.stderr
        assert "Zylker Instruments answers" in said.stdout
    assert not (data_dir / "running.json").exists(), "it is gone with what it tells of"


def test_it_leaves_nothing_behind_even_when_it_is_killed(data_dir):
    with running(data_dir) as product:
        product.process.kill()
        product.process.wait(10)
        eventually(lambda: product.processes() == [])


@pytest.mark.parametrize(
    "victim", ["worker.py", "redis-server", pytest.param("gunicorn", marks=pytest.mark.server_dies)]
)
def test_a_sync_survives_the_death_of_a_part(data_dir, page, victim):
    with running(data_dir) as product:
        product.control("seed", {"accounts": ACCOUNTS, "contacts_per_account": 0})
        product.control("faults", {"latency_ms": 150})
        sign_in(page, product)
        connect(page, product)
        configure(page, product, module="Accounts")
        eventually(lambda: _reading_accounts(product))
        for pid in processes_of(product, victim):
            os.kill(pid, signal.SIGKILL)
        product.control("faults", {"latency_ms": 0})
        eventually(lambda: _ready(product))
        await_runs(page, product, count=1, seconds=180)
        page.goto(product.url + "/customers?view=crm")
        page.get_by_text(f"of {ACCOUNTS:,} customers").or_(page.get_by_text(f"of {ACCOUNTS} customers")).wait_for()


def _reading_accounts(product) -> bool:
    return sum(call["path"] == "/crm/v8/Accounts" for call in product.calls()) >= 4


def _ready(product) -> bool:
    try:
        return product.status("/readyz") == 200
    except urllib3.exceptions.HTTPError:
        return False
