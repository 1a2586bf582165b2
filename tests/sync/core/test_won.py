"""Every cell of the automation's table."""

from itertools import product

import pytest

from zbweb.billing.status import MOVES, Status, allowed
from zbweb.crm.port import StageKind
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.won import KIND_OF, Held, Plan, Situation, plan
from zbweb.sync.core.words import Automation

NONE, QUOTE, INVOICE = Automation.NONE, Automation.QUOTE, Automation.INVOICE
OPEN, WON, LOST = StageKind.OPEN, StageKind.WON, StageKind.LOST
CREATED, WAS_WON, WAS_LOST = Reason.POTENTIAL_CREATED, Reason.POTENTIAL_WON, Reason.POTENTIAL_LOST
BY_PERSON, DONE = Reason.STATUS_BY_PERSON, Reason.ALREADY_DONE
NOTHING = Plan()
DRAFT = Held(Status.DRAFT)
TOUCHED = Held(Status.SENT, by_person=True)

TABLE = [
    # an invoice follows: it is made when the potential is won, old or new, and voided when it is lost after all
    (INVOICE, Situation(OPEN, is_new=True), NOTHING),
    (INVOICE, Situation(WON, is_new=True), Plan(WAS_WON, make=True)),
    (INVOICE, Situation(WON), Plan(WAS_WON, make=True)),
    (INVOICE, Situation(WON, seen=OPEN), Plan(WAS_WON, make=True)),
    (INVOICE, Situation(WON, seen=LOST), Plan(WAS_WON, make=True)),
    (INVOICE, Situation(LOST, seen=OPEN), NOTHING),
    (INVOICE, Situation(LOST, seen=WON, held=DRAFT), Plan(WAS_LOST, move_to=Status.VOID)),
    (INVOICE, Situation(LOST, seen=WON, held=Held(Status.SENT)), Plan(WAS_LOST, move_to=Status.VOID)),
    (INVOICE, Situation(OPEN, seen=WON, held=DRAFT), NOTHING),
    (INVOICE, Situation(WON, seen=OPEN, held=DRAFT), Plan(DONE)),
    (INVOICE, Situation(WON, seen=LOST, held=Held(Status.VOID)), Plan(DONE)),
    (INVOICE, Situation(LOST, seen=WON, held=TOUCHED), Plan(BY_PERSON)),
    (INVOICE, Situation(LOST, seen=WON, held=Held(Status.VOID, by_person=True)), NOTHING),
    # a potential that was won before, whose invoice somebody deleted, is not invoiced again
    (INVOICE, Situation(WON, seen=WON), NOTHING),
    # a quote follows: it is made with the potential, accepted when won, declined when lost
    (QUOTE, Situation(OPEN, is_new=True), Plan(CREATED, make=True)),
    (QUOTE, Situation(WON, is_new=True), Plan(WAS_WON, make=True, move_to=Status.ACCEPTED)),
    (QUOTE, Situation(LOST, is_new=True), NOTHING),
    (QUOTE, Situation(OPEN), NOTHING),
    (QUOTE, Situation(WON), NOTHING),
    (QUOTE, Situation(WON, seen=OPEN, is_new=True), NOTHING),
    (QUOTE, Situation(WON, seen=OPEN, is_new=True, held=DRAFT), Plan(WAS_WON, move_to=Status.ACCEPTED)),
    (QUOTE, Situation(WON, seen=LOST, held=Held(Status.DECLINED)), Plan(WAS_WON, move_to=Status.ACCEPTED)),
    (QUOTE, Situation(LOST, seen=OPEN, held=Held(Status.SENT)), Plan(WAS_LOST, move_to=Status.DECLINED)),
    (QUOTE, Situation(LOST, seen=WON, held=Held(Status.ACCEPTED)), Plan(WAS_LOST, move_to=Status.DECLINED)),
    (QUOTE, Situation(OPEN, seen=WON, held=Held(Status.ACCEPTED)), NOTHING),
    (QUOTE, Situation(WON, seen=OPEN, held=TOUCHED), Plan(BY_PERSON)),
    (QUOTE, Situation(LOST, seen=WON, held=Held(Status.INVOICED)), Plan(BY_PERSON)),
    (QUOTE, Situation(WON, seen=OPEN, held=Held(Status.ACCEPTED, by_person=True)), NOTHING),
]


@pytest.mark.parametrize(("automation", "situation", "expected"), TABLE)
def test_what_a_potential_does_here(automation, situation, expected):
    assert plan(automation, situation) == expected


HELD = [None, *(Held(status, by_person) for status in Status for by_person in (False, True))]
EVERY = [
    Situation(now, seen, is_new, held)
    for now, seen, is_new, held in product(StageKind, [None, *StageKind], (False, True), HELD)
]


def possible(automation):
    """Every situation whose document could stand as it does."""
    statuses = MOVES[KIND_OF[automation]]
    return [each for each in EVERY if each.held is None or each.held.status in statuses]


@pytest.mark.parametrize("situation", EVERY)
def test_no_automation_does_nothing(situation):
    assert plan(NONE, situation) == NOTHING


@pytest.mark.parametrize("automation", [QUOTE, INVOICE])
def test_every_plan_is_possible_and_spares_what_people_did(automation):
    for situation in possible(automation):
        found = plan(automation, situation)
        assert not (found.make and situation.held), situation
        assert found.reason or found == NOTHING, situation
        if situation.seen is situation.now:
            assert found == NOTHING, situation
        if situation.held and situation.held.by_person:
            assert found.move_to is None, situation
        before = situation.held.status if situation.held else Status.DRAFT
        if found.move_to:
            assert found.move_to in allowed(KIND_OF[automation], before), situation
