"""The two books with their documents, how what waits is carried, and helpers to pick something."""

import itertools
from contextlib import suppress
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize
from sqlalchemy import select, update

from tests.factories.documents import LINES, add_customer, configure, deliver, due_now
from tests.factories.potentials import add_deal
from tests.factories.sync import connected
from tests.factories.transactions import make_line, make_transaction
from tests.sync.paperwork.ledger import THERE, Ledger, ours, theirs
from tests.sync.simulator.world import ASHA, at
from zbweb.billing import items
from zbweb.billing.items import ItemDraft
from zbweb.billing.models import Customer, Transaction
from zbweb.billing.words import Kind
from zbweb.clock import now
from zbweb.crm.errors import CrmError
from zbweb.db import db, unit_of_work, work_for
from zbweb.errors import AppError
from zbweb.sync.core.document_words import CRM_MODULES
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Extent, Winner
from zbweb.sync.documents import incoming
from zbweb.sync.models import Connection, Link, SyncEntry, SyncRun

CALM = {"fail_next": [], "drop_connections": 0, "apply_then_drop": 0, "malformed": 0}
PICK = st.integers(min_value=0, max_value=9)
KINDS = st.sampled_from(list(Kind))


class Office(RuleBasedStateMachine):
    """Zylker Ltd and its CRM, whose documents agree by the choices `winner` and `extent`.

    To begin with there is a document of each kind in both books, with an item; its customer has an account and a
    potential. `faults` await the next time that something is carried.
    """

    app = sandbox = None
    winner, extent = Winner.CRM, Extent.BOTH

    @initialize()
    def open_books(self):
        self.sandbox.reset(empty=True)
        self.sandbox.faults(token_throttle=False)
        with unit_of_work() as session:
            work_for(session, None)
            session.execute(update(Connection).values(status="disabled"))
        self.names = (f"Name{number}" for number in itertools.count(1))
        self.words = (f"word {number}" for number in itertools.count(1))
        self.prices = itertools.count(10)
        self.partners = connected(
            self.app, self.sandbox, scope="accounts_and_contacts", include_loose=True, extent="both", policy="skip",
            winner="billing",
        )  # fmt: skip
        self.faults, self.copies, self.handed_over = {}, set(), set()
        self.ledger, self.refusals = Ledger(self.winner, self.extent), 0
        acme = add_customer(display_name=next(self.names))
        with unit_of_work() as session:
            desk = items.create(session, ItemDraft("Desk", sku="D-1"), actor=ASHA)
        self.partners.sync()
        for kind in Kind:
            configure(self.partners, kind, extent=self.extent, winner=self.winner)
        with unit_of_work() as session:
            for kind in Kind:
                lines = [make_line("Desk", rate=str(next(self.prices)), item_id=desk.id)]
                make_transaction(session, session.get_one(Customer, acme), kind=kind, lines=lines)
        add_deal(self.partners, account=self.records_of("Accounts")[0])
        self.deliver()
        self.observe()

    # --- what is carried ---

    def carry(self, how, **more):
        """Do a part of the sync; whatever the CRM does meanwhile is told by entries, or raised and tried again."""
        self.sandbox.faults(**self.faults)
        with suppress(CrmError):
            how(**more)
        self.sandbox.faults(**CALM)
        self.faults = {}
        db.session.rollback()
        self.observe()

    def deliver(self, **more):
        deliver(self.partners, **more)

    def sync(self, **more):
        self.partners.sync(**more)

    def hear(self, kind, **more):
        """Notifications name every document of a kind."""
        module = CRM_MODULES[kind]
        open_client = more.get("open_client")
        client = open_client(self.partners.connection) if open_client else self.partners.client
        ids = [record["id"] for record in self.partners.records(module)]
        incoming.take(self.partners.connection, module, ids, client)

    def settle(self):
        """Nothing fails any more, time passes, and what waits is carried until all is quiet."""
        self.faults = {}
        self.time_goes_by(120)
        for _ in range(2):
            self.take_over()
            self.sync()
            due_now()
            self.deliver()
        self.observe(is_settled=True)

    def time_goes_by(self, seconds):
        self.sandbox.faults(clock_skew_seconds=self.sandbox.sandbox.clock.skew_seconds + seconds)

    def take_over(self):
        """Other workers go on with the runs whose workers died."""
        db.session.rollback()
        going = list(db.session.scalars(select(SyncRun.id).where(SyncRun.status.in_(["running", "queued"]))))
        with unit_of_work() as session:
            session.execute(update(SyncRun).values(lease_until=now() - timedelta(seconds=1)))
        for run_id in going:
            self.partners.carry_out(run_id)

    # --- what is seen ---

    def observe(self, *, is_settled=False):
        self._note_refusals()
        for document, link in self.pairs():
            record = self.partners.crm.get(link.crm_module, link.crm_id)
            if record is not None:
                there = theirs(record, LINES[link.crm_module])
                self.ledger.observe(document.id, ours(document), there, is_settled=is_settled)
        if is_settled:
            self.ledger.in_doubt = False
            self.ledger.refused.clear()

    def _note_refusals(self):
        statement = select(SyncEntry).where(
            SyncEntry.reason.in_([Reason.DOCUMENT_REFUSED, Reason.CRM_INSISTS]), SyncEntry.id > self.refusals
        )
        for entry in db.session.scalars(statement.order_by(SyncEntry.id)):
            self.ledger.refused.add(entry.entity_id)
            self.refusals = entry.id

    def documents(self, *kinds):
        db.session.rollback()
        statement = select(Transaction).where(Transaction.kind.in_(kinds or list(Kind))).order_by(Transaction.id)
        return list(db.session.scalars(statement.execution_options(populate_existing=True)))

    def links(self, *states):
        """Links of documents, oldest first."""
        db.session.rollback()
        statement = select(Link).where(Link.entity == "transaction", Link.connection_id == self.partners.connection_id)
        statement = statement.where(Link.state.in_(states)) if states else statement
        return list(db.session.scalars(statement.order_by(Link.id).execution_options(populate_existing=True)))

    def pairs(self):
        by_id = {each.id: each for each in self.documents()}
        links = self.links("active")
        return [(by_id[link.entity_id], link) for link in links]

    def records_of(self, module):
        return [record["id"] for record in self.partners.records(module)]

    # --- to write in the books ---

    def document(self, pick, *kinds):
        present = self.documents(*kinds)
        return at(present, pick) if present else None

    def attempt(self, work):
        """What a person tries here: done, or refused with a sentence and nothing changed."""
        try:
            with unit_of_work() as session:
                work(session)
        except AppError:
            return False
        return True

    def typed_there(self, module, crm_id, field, value):
        link = next((each for each in self.links("active") if (each.crm_module, each.crm_id) == (module, crm_id)), None)
        if link is not None:
            self.ledger.write(link.entity_id, field, THERE, value)
