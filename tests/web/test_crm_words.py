"""Whatever the sync can be or do has words on the pages."""

import pytest

from zbweb.sync.core.words import Extent, Policy, RunStatus, Scope, SyncedModule, Trigger, Winner
from zbweb.sync.phases import PHASES
from zbweb.web import crm_words


@pytest.mark.parametrize(
    ("words", "choices"),
    [
        (crm_words.SCOPES, Scope), (crm_words.EXTENTS, Extent), (crm_words.POLICIES, Policy),
        (crm_words.WINNERS, Winner), (crm_words.TRIGGERS, Trigger), (crm_words.STATUSES, RunStatus),
    ],
)  # fmt: skip
def test_every_choice_has_words_and_no_words_are_left_over(words, choices):
    assert set(words) == set(choices)


def test_every_module_has_a_name():
    assert set(SyncedModule) <= set(crm_words.MODULES)


def test_every_phase_of_a_run_says_what_it_does():
    assert set(crm_words.PHASES) == {"", *(phase.name for phase in PHASES)}
