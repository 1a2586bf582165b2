"""Whatever people do with documents on both sides and whatever dies: each is there once, and both books agree."""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

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
    machine = type("Machine", (Mishaps,), {"app": app, "sandbox": sandbox, **choices})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )  # fmt: skip
