"""Potentials in the CRM, and the automation that follows them, as the tests want them."""

from zbweb.billing.journal import SYSTEM
from zbweb.db import unit_of_work
from zbweb.sync.core.words import Automation
from zbweb.sync.potentials import automation, deals

OPEN, WON, LOST = "Qualification", "Closed Won", "Closed Lost"


def add_deal(partners, name="Big Deal", *, account=None, contact=None, stage=OPEN, amount=1250, **values):
    """Somebody opens a potential in the CRM; its id."""
    belongs = {"Account_Name": account, "Contact_Name": contact}
    lookups = {field: {"id": crm_id} for field, crm_id in belongs.items() if crm_id}
    told = {"Deal_Name": name, "Stage": stage, "Closing_Date": "2027-01-31", "Amount": amount}
    return partners.add("Deals", **told, **lookups, **values)


def move_deal(partners, deal, stage):
    """Somebody moves a potential to another stage in the CRM."""
    partners.edit("Deals", deal, Stage=stage)


def switch_on(partners, choice=Automation.INVOICE, *, actor=SYSTEM):
    """Choose the automation, as its page does."""
    closed = None if choice is Automation.NONE else automation.look(partners.client)
    with unit_of_work() as session:
        return automation.choose(session, partners.connection, choice, closed, actor=actor)


def notify(partners, *crm_ids, client=None):
    """What a notification about these potentials causes."""
    deals.on_change(partners.connection, crm_ids, client or partners.client)


class Altered:
    """A client whose answers to some questions are others: `Altered(client, stage_kinds=lambda: {...})`."""

    def __init__(self, client, **answers):
        self._client = client
        self.__dict__ |= answers

    def __getattr__(self, name):
        return getattr(self._client, name)
