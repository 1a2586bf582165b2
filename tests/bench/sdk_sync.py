"""Measured in a process of its own: the official SDK doing the first sync with ORM inserts, a unit of work a page."""

import tempfile
import time
from pathlib import Path
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.file_store import FileStore
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.header_map import HeaderMap
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.parameter_map import ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.record import GetRecordsParam, RecordOperations, ResponseWrapper
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig

from tests.bench.accounts import rows, with_tables
from tests.bench.stage import FIELDS, arguments, report
from zbweb.billing.models import Customer
from zbweb.db import unit_of_work
from zbweb.sync.models import Link


def main() -> None:
    given = arguments()
    url = given["crm"]
    folder = Path(tempfile.mkdtemp(prefix="sdk-"))
    Initializer.initialize(
        environment=DataCenter.Environment(url, f"{url}/oauth/v2/token", url),
        token=OAuthToken(
            client_id="demo-client", client_secret="demo-secret", refresh_token="demo-refresh", find_user=False
        ),
        store=FileStore(str(folder / "tokens.txt")),
        sdk_config=SDKConfig(auto_refresh_fields=False, pick_list_validation=False),
        resource_path=str(folder),
    )
    with_tables(given["data"], url, fetch)


def fetch(owner: dict[str, Any]) -> None:
    started, count, token = time.perf_counter(), 0, None
    operations = RecordOperations("Accounts")
    while True:
        parameters = ParameterMap()
        parameters.add(GetRecordsParam.fields, ",".join(FIELDS))
        parameters.add(GetRecordsParam.per_page, 200)
        if token:
            parameters.add(GetRecordsParam.page_token, token)
        answer = operations.get_records(parameters, HeaderMap()).get_object()
        assert isinstance(answer, ResponseWrapper)
        with unit_of_work() as session:
            for record in answer.get_data():
                count += 1
                customer, link = rows(record.get_key_value, str(record.get_id()), count, owner)
                session.add_all([Customer(**customer), Link(**link)])
        token = answer.get_info().get_next_page_token()
        if not token:
            break
    report(seconds=time.perf_counter() - started, added=count)


main()
