"""A real stand-in CRM over HTTP, empty at the beginning of each test."""

import pytest

from tests.factories.sync import Partners, connected
from tests.sandbox_server import SandboxServer


@pytest.fixture(scope="session")
def sandbox_server():
    """One CRM for the whole session."""
    with SandboxServer() as server:
        yield server


@pytest.fixture
def sandbox(sandbox_server) -> SandboxServer:
    """The CRM without customers, and without memory of earlier tests."""
    sandbox_server.reset(empty=True)
    return sandbox_server


@pytest.fixture
def both_ways(app, asha, sandbox) -> Partners:
    """Zylker Ltd, which syncs accounts and their contacts both ways."""
    return connected(app, sandbox, scope="accounts_and_contacts", include_loose=True, extent="both", policy="skip")
