"""Measured in a process of its own: the official SDK doing the same first sync with ORM inserts, one session a page."""

import tempfile
import time
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.file_store import FileStore
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.header_map import HeaderMap
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.parameter_map import ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.record import GetRecordsParam, RecordOperations, ResponseWrapper
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig

from tests.bench.stage import FIELDS, arguments, report


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "rows"
    id: Mapped[str] = mapped_column(primary_key=True)
    for _name in FIELDS:
        locals()[_name] = mapped_column(__import__("sqlalchemy").String, nullable=True)


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
    engine = create_engine(f"sqlite:///{Path(given['data']) / 'sdk.sqlite3'}")
    Base.metadata.create_all(engine)
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
        with Session(engine) as session:
            for record in answer.get_data():
                values = {name: record.get_key_value(name) for name in FIELDS}
                session.add(Row(id=str(record.get_id()), **values))
                count += 1
            session.commit()
        token = answer.get_info().get_next_page_token()
        if not token:
            break
    report(seconds=time.perf_counter() - started, added=count)


main()
