"""The two books, a sync between them, and what must hold in the end."""

import itertools
from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import select, update

from tests.factories.sync import connected
from tests.sync.simulator.ledger import Ledger, account_of
from zbweb.billing import contact_persons, customers
from zbweb.billing.journal import Actor
from zbweb.billing.models import ContactPerson
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import LinkReason
from zbweb.sync.models import Connection, Link, SyncEntry
from zbweb.sync.repair import conflicts
from zbweb.sync.repair.conflicts import Side

ASHA = Actor("Asha Rao", user_id=None)
PHONES = st.sampled_from(["", "1", "2", "3"])
PICK = st.integers(min_value=0, max_value=9)
MODULES = st.sampled_from(["Accounts", "Contacts"])
KINDS = st.sampled_from(["business", "individual"])
NAME = {"Accounts": "Account_Name", "Contacts": "Last_Name"}
SHOWN, HIDDEN = {"Industry": "Shown"}, {"Industry": "Hidden"}
"""An account that the chosen view shows, and one that it does not; without a view it makes no difference."""


def at(present, pick):
    return present[pick % len(present)]


class World(RuleBasedStateMachine):
    """Zylker Ltd and its CRM, which agree by the choices `winner`, `extent` and `has_view`.

    With "ask", Asha decides every conflict for the same `side` as soon as a sync has found it.
    `broken` is a run whose worker died. `lossy` is the module of which the next sync will lose an answer. A name may
    be on a side once, but for what `allowed` says.
    """

    app = sandbox = broken = None
    winner, extent, has_view = "crm", "both", False
    lossy = ""

    @initialize(policy=st.sampled_from(["skip", "overwrite", "clone"]), side=st.sampled_from(Side))
    def connect(self, policy, side):
        self.sandbox.reset(empty=True)
        self.sandbox.faults(token_throttle=False)
        with unit_of_work() as session:
            work_for(session, None)
            session.execute(update(Connection).values(status="disabled"))
        self.policy = policy
        self.names = (f"Name{number}" for number in itertools.count(1))
        self.allowed = {"here": Counter(), "there": Counter()}
        self.partners = connected(
            self.app, self.sandbox, scope="accounts_and_contacts", include_loose=True, extent=self.extent,
            policy=policy, winner=self.winner, account_view_id=self._view(),
        )  # fmt: skip
        self.side = side
        self.ledger = Ledger(self.partners, side.value if self.winner == "ask" else self.winner, self.extent)

    def _view(self):
        if not self.has_view:
            return ""
        view = {"module": "Accounts", "name": "Shown", "criteria": "(Industry:equals:Shown)"}
        return str(self.sandbox.control("custom_views", view)["id"])

    # --- a sync ---

    @rule()
    def sync_now(self):
        self.sync()

    def sync(self):
        if self.lossy:
            fault = {"status": 500, "path": f"/crm/v8/{self.lossy}", "method": "POST", "after_applying": True}
            self.sandbox.faults(fail_next=[fault])
        self.take_over()
        self.ledger.before_sync()
        self.partners.forget_calls()
        run = self.partners.sync()
        wanted = {"succeeded", "partly_failed"} if self.lossy else {"succeeded"}
        words = [(each.reason, each.crm_words) for each in self.partners.entries(run)]
        assert run.status in wanted, (run.status, run.error_message, words)
        assert self.extent == "both" or self.partners.writes() == [], "who only fetches tells the CRM nothing"
        self.lossy = ""
        self.sandbox.faults(fail_next=[])
        if self._decide():
            self.partners.sync()
        self.ledger.after_sync()
        return run

    def _decide(self):
        found = select(SyncEntry.id).where(SyncEntry.outcome == "conflict", SyncEntry.resolved_at.is_(None))
        with unit_of_work() as session:
            return conflicts.resolve_all(session, session.scalars(found).all(), self.side, actor=ASHA)

    def take_over(self):
        """Another worker goes on where one died."""
        if self.broken is not None:
            self.partners.carry_out(self.broken)
            self.broken = None

    def calm(self):
        """Both books agree, nothing is in doubt, and there is a pair to begin with."""
        if self.lossy or self.broken is not None:
            self.sync()
        self.sync()
        if not self.ledger.pairs():
            self.partners.add("Accounts", Account_Name=next(self.names), **SHOWN)
            self.sync()

    # --- what must hold in the end ---

    def teardown(self):
        if not hasattr(self, "partners"):
            return
        for each in self.partners.records("Accounts", "Industry") if self.has_view else ():
            if each["Industry"] != SHOWN["Industry"]:
                self.partners.edit("Accounts", each["id"], **SHOWN)
        for _ in range(3):
            self.sync()
        self._agrees()
        run = self.sync()
        assert self.partners.writes() == []
        assert (run.added, run.updated, run.deleted, run.failed) == (0, 0, 0, 0)
        self._agrees()

    def _agrees(self):
        self._nothing_is_twice()
        links = list(db.session.scalars(select(Link).execution_options(populate_existing=True)))
        apart = {link.crm_name for link in links if link.state == "apart" and link.reason != LinkReason.MERGED_HERE}
        assert apart <= self.allowed["there"].keys()
        active = [link for link in links if link.state == "active"]
        past = [link for link in links if link.state != "active"]
        accounts = {link.crm_id for link in active if link.crm_module == "Accounts"}
        for module in ("Accounts", "Contacts"):
            there = {each["id"]: each for each in self.ledger.records(module)}
            paired = {link.crm_id for link in active if link.crm_module == module}
            assert paired <= there.keys()
            left = {link.crm_id for link in past if link.crm_module == module}
            stray = {crm_id for crm_id, each in there.items() if account_of(each) and account_of(each) not in accounts}
            assert there.keys() - paired <= left | stray, "every record there is here, or was removed here"
        if self.extent == "both":
            self.ledger.agrees()
            known = {(link.entity, link.entity_id) for link in links}
            # whoever is left out as a contact of that name is somebody's contact person there has an entry that says so
            told = select(SyncEntry.entity, SyncEntry.entity_id).where(SyncEntry.reason == Reason.TWIN_TAKEN)
            known |= {tuple(row) for row in db.session.execute(told)}
            for customer in self.partners.customers():
                assert ("customer", customer.id) in known, "every customer here is there, or was deleted there"

    def _nothing_is_twice(self):
        there = Counter()
        for module in ("Accounts", "Contacts"):
            ids = [each.get("Billing_Customer_Id") for each in self.partners.records(module, "Billing_Customer_Id")]
            known = [each for each in ids if each]
            assert len(known) == len(set(known)), "no customer is there twice"
            there.update(
                each["Account_Name" if module == "Accounts" else "Full_Name"] for each in self.ledger.records(module)
            )
        here = Counter(each.display_name for each in self.partners.customers())
        assert not {n: c for n, c in there.items() if c > 1 + self.allowed["there"][n]}, "nothing is there twice"
        assert not {n: c for n, c in here.items() if c > 1 + self.allowed["here"][n]}, "nobody is here twice"

    # --- to pick somebody ---

    def customer(self, pick):
        return at(self.partners.customers(), pick)

    def persons(self):
        db.session.rollback()
        return list(db.session.scalars(select(ContactPerson).order_by(ContactPerson.id)))

    def record(self, module, pick):
        return at(self.partners.records(module), pick)["id"]

    def change(self, customer_id, **values):
        with unit_of_work() as session:
            customers.change(session, customers.locked(session, customer_id), values=values, actor=ASHA)

    def change_person(self, person_id, **values):
        with unit_of_work() as session:
            person = session.get_one(ContactPerson, person_id, populate_existing=True)
            contact_persons.change(session, person, values=values, actor=ASHA)
