"""Whatever people do on both sides and whatever dies: soon the books agree, nothing is there twice, all is quiet."""

import os

import pytest

from tests.sync.machines import let_happen
from tests.sync.simulator.mishaps import Mishaps

EXAMPLES, STEPS = int(os.environ.get("ZBWEB_TEST_EXAMPLES", "6")), int(os.environ.get("ZBWEB_TEST_STEPS", "10"))
"""A few for every day; more of both find rarer things."""

CHOICES = {
    "the CRM wins": {"winner": "crm"},
    "billing wins": {"winner": "billing"},
    "the newest wins": {"winner": "newest"},
    "people are asked": {"winner": "ask"},
    "only fetched": {"winner": "billing", "extent": "fetch"},
    "a view of the accounts": {"winner": "billing", "has_view": True},
}


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES)
def test_both_sides_converge(app, sandbox, choices):
    let_happen(Mishaps, examples=EXAMPLES, steps=STEPS, app=app, sandbox=sandbox, **choices)
