"""Whatever people do with documents on both sides and whatever dies: each is there once, and both books agree."""

import os

import pytest

from tests.sync.machines import let_happen
from tests.sync.paperwork.mishaps import Mishaps
from zbweb.sync.core.words import Extent, Winner

EXAMPLES, STEPS = int(os.environ.get("ZBWEB_TEST_EXAMPLES", "2")), int(os.environ.get("ZBWEB_TEST_STEPS", "10"))
"""A few for every day; more of both find rarer things."""

CHOICES = {
    "the CRM wins": {"winner": Winner.CRM},
    "billing wins": {"winner": Winner.BILLING},
    "the newest wins": {"winner": Winner.NEWEST},
    "only pushed": {"extent": Extent.PUSH},
}


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES)
def test_documents_converge(app, sandbox, choices):
    let_happen(Mishaps, examples=EXAMPLES, steps=STEPS, app=app, sandbox=sandbox, **choices)
