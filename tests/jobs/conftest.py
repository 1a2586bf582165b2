"""Real jobs: Redis, a stand-in CRM, and an organisation connected to it."""

import pytest

from tests.conftest import make_config
from tests.factories.sync import connected
from tests.sandbox_server import SandboxServer
from zbweb.jobs import queue


@pytest.fixture
def settings(tmp_path, redis_url):
    queue.redis_at(redis_url).flushdb()
    return make_config(tmp_path, redis_url=redis_url)


@pytest.fixture
def pair(app, asha):
    """Zylker Ltd, which fetches accounts; five of them are in the CRM."""
    with SandboxServer() as sandbox:
        sandbox.reset(empty=True)
        sandbox.seed(accounts=5, contacts_per_account=0)
        yield connected(app, sandbox, scope="accounts", extent="fetch", policy="skip")
