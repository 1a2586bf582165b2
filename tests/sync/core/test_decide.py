"""Every cell of the decision table."""

from itertools import product

import pytest

from zbweb.sync.core.decide import Action, Past, Situation, Twin, decide
from zbweb.sync.core.reasons import SENTENCES, Reason
from zbweb.sync.core.words import Policy

CLONE, OVERWRITE, SKIP = Policy.CLONE, Policy.OVERWRITE, Policy.SKIP

TABLE = [
    # never seen, and nobody of this name here
    (Situation(), CLONE, Action.CREATE, Reason.NEW),
    (Situation(), OVERWRITE, Action.CREATE, Reason.NEW),
    (Situation(), SKIP, Action.CREATE, Reason.NEW),
    # somebody of this name is here, unlinked: the policy speaks
    (Situation(twin=Twin.FREE), CLONE, Action.CREATE, Reason.DUPLICATE_CLONED),
    (Situation(twin=Twin.FREE), OVERWRITE, Action.ADOPT, Reason.DUPLICATE_OVERWRITTEN),
    (Situation(twin=Twin.FREE), SKIP, Action.NOTHING, Reason.DUPLICATE_SKIPPED),
    # the one of this name is paired with another record: never overwritten by a second
    (Situation(twin=Twin.TAKEN), CLONE, Action.CREATE, Reason.DUPLICATE_CLONED),
    (Situation(twin=Twin.TAKEN), OVERWRITE, Action.NOTHING, Reason.TWIN_TAKEN),
    (Situation(twin=Twin.TAKEN), SKIP, Action.NOTHING, Reason.TWIN_TAKEN),
    # people decided before
    (Situation(past=Past.REMOVED), CLONE, Action.NOTHING, Reason.REMOVED_HERE),
    (Situation(past=Past.REMOVED, twin=Twin.FREE), OVERWRITE, Action.NOTHING, Reason.REMOVED_HERE),
    (Situation(past=Past.APART, twin=Twin.FREE), OVERWRITE, Action.NOTHING, Reason.KEPT_APART),
    # ... and ask for it now
    (Situation(past=Past.REMOVED, asked_for=True), SKIP, Action.CREATE, Reason.NEW),
    (Situation(past=Past.APART, twin=Twin.FREE, asked_for=True), OVERWRITE, Action.ADOPT, Reason.DUPLICATE_OVERWRITTEN),
]


@pytest.mark.parametrize(("situation", "policy", "action", "reason"), TABLE)
def test_the_fate_of_a_record_follows_from_its_situation(situation, policy, action, reason):
    decision = decide(situation, policy)
    assert (decision.action, decision.reason) == (action, reason)


@pytest.mark.parametrize(("policy", "twin", "past"), list(product(Policy, Twin, Past)))
def test_every_situation_has_an_answer(policy, twin, past):
    assert decide(Situation(twin=twin, past=past), policy).reason in Reason


def test_every_reason_has_a_sentence():
    assert set(SENTENCES) == set(Reason)
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())
