"""Zoho's own SDK works against the stand-in CRM, over real HTTP and without being told that it is one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SESSION = Path(__file__).with_name("sdk_session.py")


@pytest.fixture(scope="module")
def seen(running_sandbox, tmp_path_factory):
    """What one session of the SDK saw; the process must end well and say nothing on standard error."""
    running_sandbox.reset()
    directory = tmp_path_factory.mktemp("sdk")
    run = subprocess.run(
        [sys.executable, str(SESSION), running_sandbox.url, str(directory)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=directory,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


def test_the_sdk_reads_the_organisation_its_users_and_its_metadata(seen):
    assert seen["org"] == "Zylker Instruments"
    assert seen["users"] == ["admin@crm.example", "rohan@crm.example", "zoe@crm.example"]
    assert {"Accounts", "Contacts", "Deals", "Products", "Quotes", "Sales_Orders", "Invoices"} <= set(seen["modules"])
    assert {"Deal_Name", "Stage", "Amount", "Closing_Date"} <= set(seen["deal fields"])
    assert seen["views"][:3] == ["All Accounts", "My Accounts", "Recently Created Accounts"]


def test_the_sdk_pages_through_records_by_token(seen):
    assert seen["pages"] == [30, 10, False]
    assert seen["owner"].endswith("@crm.example")


def test_the_sdk_tells_records_that_were_written_from_those_refused(seen):
    status, items = seen["created"]
    assert status == 207
    assert [item[:2] for item in items] == [["success", "SUCCESS"], ["error", "MANDATORY_NOT_FOUND"]]


def test_the_sdk_follows_a_lookup_and_a_related_list(seen):
    assert seen["contact"][0] == 201
    assert seen["contact shown"] == ["Zoë D'Arcy", "Ørsted & Søn"]
    assert seen["related"] == ["D'Arcy"]


def test_the_sdk_searches_and_queries(seen):
    assert seen["searched"] == ["Ørsted & Søn"]
    assert seen["coql"] == ["D'Arcy", "Ørsted & Søn"]


def test_the_sdk_writes_line_items_and_reads_the_totals_the_crm_computed(seen):
    assert seen["quote"][0] == 201
    assert seen["quote total"] == 30.0
    assert seen["quote lines"] == 1


def test_the_sdk_updates_upserts_and_deletes(seen):
    assert seen["updated"][0] == 200
    assert seen["upserted"][1][0][2] == seen["created"][1][0][2]
    assert seen["deleted"][0] == 200
    assert seen["bin"] == ["ørsted & søn"]
    assert seen["gone"] == 204
    assert int(seen["count"]) == 40


def test_the_sdk_understands_a_refusal(seen):
    assert seen["refused"] == [400, "REQUIRED_PARAM_MISSING"]
