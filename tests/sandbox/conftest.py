"""A running stand-in CRM for each test, and a caller that speaks its API over real HTTP.

The server is started once; every test begins with the demo organisation, without faults.
"""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from tests.sandbox.ear import Ear
from tests.sandbox_server import SandboxServer


class Caller:
    """An API client with a token: `caller.get("/crm/v8/org").json()`."""

    def __init__(self, server: SandboxServer, token: str) -> None:
        self.server = server
        self.token = token
        self._http = urllib3.PoolManager(retries=False, maxsize=20)

    def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **params: Any
    ) -> urllib3.BaseHTTPResponse:
        authorised = {"Authorization": f"Zoho-oauthtoken {self.token}", **(headers or {})}
        url = self.server.url + path + (f"?{urlencode(params)}" if params else "")
        data = None if body is None else body if isinstance(body, str | bytes) else json.dumps(body)
        return self._http.request(method, url, body=data, headers=authorised)

    def get(self, path: str, **params: Any) -> urllib3.BaseHTTPResponse:
        return self.call("GET", path, **params)

    def post(self, path: str, body: Any, **params: Any) -> urllib3.BaseHTTPResponse:
        return self.call("POST", path, body, **params)

    def records(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """The records of a list call; none for 204."""
        answer = self.get(path, **params)
        assert answer.status in (200, 204), answer.data
        return answer.json()["data"] if answer.status == 200 else []

    def insert(self, module: str, **values: Any) -> str:
        """Add one record; its id."""
        answer = self.post(f"/crm/v8/{module}", {"data": [values]})
        assert answer.status == 201, answer.data
        return answer.json()["data"][0]["details"]["id"]

    def record(self, module: str, record_id: str) -> dict[str, Any]:
        return self.get(f"/crm/v8/{module}/{record_id}").json()["data"][0]

    def view_id(self, module: str, name: str) -> str:
        views = self.get("/crm/v8/settings/custom_views", module=module).json()["custom_views"]
        return next(view["id"] for view in views if view["name"] == name)

    def close(self) -> None:
        self._http.clear()


@pytest.fixture(scope="session")
def running_sandbox():
    with SandboxServer() as server:
        yield server


@pytest.fixture
def crm(running_sandbox):
    """The stand-in CRM, as on its first day."""
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def caller(crm):
    client = Caller(crm, crm.token())
    yield client
    client.close()


@pytest.fixture
def ear():
    server = Ear()
    yield server
    server.stop()
