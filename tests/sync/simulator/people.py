"""What people do in either book: create, edit, rename, move, merge and delete."""

from contextlib import suppress
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import update

from tests.factories.customers import make_customer
from tests.sync.simulator.ledger import record_of
from tests.sync.simulator.world import ASHA, HIDDEN, KINDS, MODULES, NAME, PHONES, PICK, SHOWN, World, at
from zbweb.billing import contact_persons, customers
from zbweb.billing.contact_persons import PersonDraft
from zbweb.billing.models import ContactPerson
from zbweb.clock import now
from zbweb.db import unit_of_work
from zbweb.errors import Conflict
from zbweb.sandbox.merging import merge
from zbweb.sync.pairs import skipped_twins
from zbweb.sync.repair import merging

STEPS = st.integers(min_value=1, max_value=9)
IS_ANYBODY_HERE = precondition(lambda self: self.partners.customers())


def two_of(present, pick, step):
    """Two of several that are not the same."""
    first = pick % len(present)
    return present[first], present[(first + 1 + step % (len(present) - 1)) % len(present)]


class PeopleHere(World):
    """Names are unique, so whatever looks like a twin is a record of ours that was taken for somebody else's."""

    @rule(phone=PHONES, kind=KINDS)
    def create_here(self, phone, kind):
        self.make(next(self.names), phone, kind)

    def make(self, name, phone, kind):
        last_name = name if kind == "individual" else ""
        with unit_of_work() as session:
            make_customer(session, type=kind, display_name=name, last_name=last_name, phone=phone)

    @IS_ANYBODY_HERE
    @rule(pick=PICK, phone=PHONES)
    def edit_here(self, pick, phone):
        self.change(self.customer(pick).id, phone=phone)

    @IS_ANYBODY_HERE
    @rule(pick=PICK)
    def rename_here(self, pick):
        customer, name = self.customer(pick), next(self.names)
        more = {"last_name": name, "first_name": ""} if customer.type == "individual" else {}
        self.change(customer.id, display_name=name, **more)

    @IS_ANYBODY_HERE
    @rule(pick=PICK)
    def delete_here(self, pick):
        with unit_of_work() as session:
            customers.delete(session, customers.locked(session, self.customer(pick).id), actor=ASHA)

    @precondition(lambda self: len(self.partners.customers()) > 1)
    @rule(pick=PICK, step=STEPS)
    def merge_here(self, pick, step):
        """Whose namesake there was skipped gives the other's record that name, too."""
        kept_id, other_id = two_of([each.id for each in self.partners.customers()], pick, step)
        with unit_of_work() as session, suppress(Conflict):  # a business and an individual
            kept, other = merging.both_locked(session, kept_id, other_id)
            if skipped_twins(session, self.partners.connection_id, [kept_id]):
                self.allowed["there"][kept.display_name] += 1
            merging.merge(session, kept, other, actor=ASHA)
        self.ledger.forget()

    @IS_ANYBODY_HERE
    @rule(pick=PICK, phone=PHONES)
    def add_person_here(self, pick, phone):
        draft = PersonDraft(last_name=next(self.names), phone=phone)
        with unit_of_work() as session:
            contact_persons.add(session, customers.locked(session, self.customer(pick).id), draft, actor=ASHA)

    @precondition(lambda self: self.persons())
    @rule(pick=PICK, phone=PHONES, remove=st.booleans())
    def change_person_here(self, pick, phone, remove):
        person_id = at(self.persons(), pick).id
        if not remove:
            self.change_person(person_id, phone=phone)
            return
        with unit_of_work() as session:
            person = session.get_one(ContactPerson, person_id, populate_existing=True)
            contact_persons.remove(session, person, actor=ASHA)

    @IS_ANYBODY_HERE
    @rule(pick=PICK, kind=KINDS)
    def turn_into_here(self, pick, kind):
        self.change(self.customer(pick).id, type=kind)


class PeopleThere(World):
    """The same in the CRM. Nothing is merged there as long as a push is in doubt."""

    @rule(phone=PHONES, module=MODULES, shown=st.booleans())
    def create_there(self, phone, module, shown):
        self.partners.add(module, **{NAME[module]: next(self.names)}, Phone=phone or None, **SHOWN if shown else HIDDEN)

    @precondition(lambda self: self.partners.records("Accounts"))
    @rule(pick=PICK, phone=PHONES)
    def add_contact_there(self, pick, phone):
        account = self.record("Accounts", pick)
        self.partners.add("Contacts", Last_Name=next(self.names), Phone=phone or None, Account_Name={"id": account})

    @rule(pick=PICK, phone=PHONES, module=MODULES)
    def edit_there(self, pick, phone, module):
        if self.partners.records(module):
            self.partners.edit(module, self.record(module, pick), Phone=phone or None)

    @rule(pick=PICK, module=MODULES)
    def rename_there(self, pick, module):
        if self.partners.records(module):
            self.partners.edit(module, self.record(module, pick), **{NAME[module]: next(self.names)})

    @rule(pick=PICK, module=MODULES)
    def delete_there(self, pick, module):
        if self.partners.records(module):
            self.partners.drop(module, self.record(module, pick))

    @precondition(lambda self: self.partners.records("Accounts") and self.partners.records("Contacts"))
    @rule(pick=PICK, to=PICK)
    def move_contact_there(self, pick, to):
        account = {"id": self.record("Accounts", to)}
        self.partners.edit("Contacts", self.record("Contacts", pick), Account_Name=account)

    @precondition(lambda self: self.has_view and self.partners.records("Accounts"))
    @rule(pick=PICK, shown=st.booleans())
    def move_in_the_view(self, pick, shown):
        self.partners.edit("Accounts", self.record("Accounts", pick), **SHOWN if shown else HIDDEN)

    @precondition(lambda self: self.broken is None and len(self.partners.records("Accounts")) > 1)
    @rule(pick=PICK, step=STEPS)
    def merge_there(self, pick, step):
        self.merge_accounts(*two_of([each["id"] for each in self.partners.records("Accounts")], pick, step))

    def merge_accounts(self, survivor, duplicate):
        behind = self.sandbox.sandbox
        with behind.changing(behind.admin) as work:
            merge(work, "Accounts", int(survivor), duplicate_id=int(duplicate))


class PeopleOnBothSides(PeopleHere, PeopleThere):
    """Two people change one field of a pair between two syncs; the ledger knows what comes of it."""

    @rule(pick=PICK, here=PHONES, there=PHONES, later=st.booleans())
    def edit_one_pair_on_both_sides(self, pick, here, there, later):
        """`later`: the CRM's change is the later one, by a minute."""
        self.calm()
        pairs = self.ledger.pairs()
        if pairs:
            link = at(list(pairs.values()), pick).link
            self.edit_ours(link, here)
            self._date_ours(link, now() + timedelta(minutes=-1 if later else 1))
            self.partners.edit(link.crm_module, link.crm_id, Phone=there or None)
            self.ledger.later[link.id] = later
            self.sync()

    @rule(pick=PICK, phone=PHONES, begin_here=st.booleans())
    def edit_on_one_side_and_back_on_the_other(self, pick, phone, begin_here):
        self.calm()
        pairs = self.ledger.pairs()
        if not pairs:
            return
        pair = at(list(pairs.values()), pick)
        link, old = pair.link, pair.theirs[1]
        for is_here, value in ((begin_here, phone), (not begin_here, old)):
            if is_here:
                self.edit_ours(link, value)
            else:
                self.partners.edit(link.crm_module, link.crm_id, Phone=value or None)
            self.sync()

    def edit_ours(self, link, phone):
        edit = self.change if link.entity == "customer" else self.change_person
        edit(link.entity_id, phone=phone)

    def _date_ours(self, link, moment):
        model, entity_id = type(record_of(link)), link.entity_id
        with unit_of_work() as session:
            session.execute(update(model).where(model.id == entity_id).values(updated_at=moment))
