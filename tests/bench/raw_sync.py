"""Measured in a process of its own: the limit. Pages fetched with bare urllib3, rows upserted with bare sqlite3."""

import json
import sqlite3
import time
from pathlib import Path

import urllib3

from tests.bench.stage import arguments, report

FIELDS = (
    "Account_Name,Phone,Fax,Website,Description,Billing_Street,Billing_City,Billing_State,Billing_Code,"
    "Billing_Country,Shipping_Street,Shipping_City,Shipping_State,Shipping_Code,Shipping_Country,Modified_Time"
)
COLUMNS = ["id", *FIELDS.split(",")]


def main() -> None:
    given = arguments()
    url, pool = given["crm"], urllib3.PoolManager(retries=False)
    grant = {
        "grant_type": "refresh_token", "client_id": "demo-client", "client_secret": "demo-secret",
        "refresh_token": "demo-refresh",
    }  # fmt: skip
    token = pool.request("POST", f"{url}/oauth/v2/token", fields=grant).json()["access_token"]
    connection = sqlite3.connect(Path(given["data"]) / "raw.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"CREATE TABLE raw ({', '.join(COLUMNS)}, PRIMARY KEY (id))")
    statement = (
        f"INSERT INTO raw VALUES ({','.join('?' * len(COLUMNS))}) ON CONFLICT (id) DO UPDATE SET Phone=excluded.Phone"
    )
    started, count, page_token = time.perf_counter(), 0, ""
    while True:
        address = f"{url}/crm/v8/Accounts?fields={FIELDS}&per_page=200" + (
            f"&page_token={page_token}" if page_token else ""
        )
        answer = pool.request("GET", address, headers={"Authorization": f"Zoho-oauthtoken {token}"})
        page = json.loads(answer.data)
        connection.execute("BEGIN")
        connection.executemany(statement, [[record.get(name) for name in COLUMNS] for record in page["data"]])
        connection.execute("COMMIT")
        count += len(page["data"])
        page_token = page["info"]["next_page_token"]
        if not page_token:
            break
    report(seconds=time.perf_counter() - started, added=count)


main()
