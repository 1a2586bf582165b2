"""What the CRM client's tests share: a scripted server, a pool of their own, and sleeps that take no time."""

from dataclasses import replace

import pytest
import urllib3

from tests.crm.scripted import stage
from zbweb import config
from zbweb.crm import meter
from zbweb.crm.client import ZohoClient
from zbweb.crm.transport import Timing, Transport

ACCESS = "1000.the-access-token.x"


class FixedTokens:
    """Access that renews to `<token>-1`, `<token>-2`, …"""

    def __init__(self, api_url):
        self.api_url = api_url
        self.renewals = 0

    @property
    def token(self):
        return f"{ACCESS}-{self.renewals}" if self.renewals else ACCESS

    def access(self, patience):
        return self.token

    def renew(self, rejected, patience):
        if rejected == self.token:
            self.renewals += 1
        return self.token


@pytest.fixture
def crm():
    """A server whose script the test writes."""
    with stage() as server:
        yield server


@pytest.fixture
def http():
    """Connections that are closed with the test."""
    with urllib3.PoolManager(maxsize=10, retries=False) as pool:
        yield pool


@pytest.fixture
def sleeps():
    """The waits that were asked for, in seconds."""
    return []


@pytest.fixture
def timing(sleeps):
    return Timing(patience_seconds=60, connect_timeout=1, read_timeout=0.4, sleep=sleeps.append, spread=lambda: 0.0)


@pytest.fixture
def tokens(crm):
    return FixedTokens(crm.url)


@pytest.fixture
def transport(tokens, timing, http):
    return Transport(tokens, timing=timing, http=http)


@pytest.fixture
def outcomes(monkeypatch):
    """How the requests of the test ended; whoever counted before counts again afterwards."""
    heard = []
    monkeypatch.setattr(meter, "_listeners", [heard.append])
    return heard


@pytest.fixture
def signs_in(crm, settings):
    """The scripted server is where accounts sign in and where the API lives."""
    config.use(replace(settings, crm_accounts_url=crm.url, crm_api_url=crm.url))
    return crm


@pytest.fixture
def client(transport):
    """A client whose CRM is the scripted server."""
    return ZohoClient(transport)
