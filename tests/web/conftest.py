"""A stand-in CRM for the pages that speak to one; a test module asks for it by overriding `settings`."""

import pytest

from tests.conftest import make_config
from tests.crm_pages import CONNECT, KEY
from tests.sandbox_server import SandboxServer


@pytest.fixture(scope="session")
def crm_server():
    """One CRM for the whole session."""
    with SandboxServer() as server:
        yield server


@pytest.fixture
def crm(crm_server) -> SandboxServer:
    """The CRM as it is after a reset."""
    crm_server.reset()
    crm_server.faults(token_throttle=False)
    return crm_server


@pytest.fixture
def crm_settings(tmp_path, crm):
    """The configuration of an app that speaks to the stand-in."""
    return make_config(tmp_path, crm_accounts_url=crm.url, crm_api_url=crm.url)


@pytest.fixture
def connected(asha):
    """Asha, who has connected Zoho CRM with the key."""
    answer = asha.post(CONNECT, KEY)
    assert answer.status_code == 303, answer.text
    return asha
