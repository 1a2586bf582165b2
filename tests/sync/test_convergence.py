"""Whatever people do on both sides, two syncs later the books agree, nothing is there twice and all is quiet."""

import itertools

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import select, update

from tests.factories.customers import make_customer
from tests.factories.sync import connected
from zbweb.billing import contact_persons, customers
from zbweb.billing.contact_persons import PersonDraft
from zbweb.billing.journal import Actor
from zbweb.billing.models import ContactPerson, Customer
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync.models import Connection, Link

ASHA = Actor("Asha Rao", user_id=None)
PHONES = st.sampled_from(["", "1", "2", "3"])
PICK = st.integers(min_value=0, max_value=9)


class BothSides(RuleBasedStateMachine):
    """People here and there create, edit, rename and delete; names are unique, so there are no twins to decide."""

    app = sandbox = None
    winner = "crm"

    @initialize()
    def connect(self):
        self.sandbox.reset(empty=True)
        self.sandbox.faults(token_throttle=False)
        with unit_of_work() as session:
            work_for(session, None)
            session.execute(update(Connection).values(status="disabled"))
        self.names = (f"Name{number}" for number in itertools.count(1))
        self.partners = connected(
            self.app, self.sandbox, scope="accounts_and_contacts", include_loose=True, extent="both",
            policy="skip", winner=self.winner,
        )  # fmt: skip

    # --- what people do here ---

    @rule(phone=PHONES, kind=st.sampled_from(["business", "individual"]))
    def create_here(self, phone, kind):
        name = next(self.names)
        last_name = name if kind == "individual" else ""
        with unit_of_work() as session:
            make_customer(session, type=kind, display_name=name, last_name=last_name, phone=phone)

    @precondition(lambda self: self.partners.customers())
    @rule(pick=PICK, phone=PHONES)
    def edit_here(self, pick, phone):
        self._change(self._customer(pick), phone=phone)

    @precondition(lambda self: self.partners.customers())
    @rule(pick=PICK)
    def rename_here(self, pick):
        customer, name = self._customer(pick), next(self.names)
        more = {"last_name": name, "first_name": ""} if customer.type == "individual" else {}
        self._change(customer, display_name=name, **more)

    @precondition(lambda self: self.partners.customers())
    @rule(pick=PICK)
    def delete_here(self, pick):
        with unit_of_work() as session:
            customers.delete(session, customers.locked(session, self._customer(pick).id), actor=ASHA)

    @precondition(lambda self: self.partners.customers())
    @rule(pick=PICK, phone=PHONES)
    def add_person_here(self, pick, phone):
        draft = PersonDraft(last_name=next(self.names), phone=phone)
        with unit_of_work() as session:
            contact_persons.add(session, customers.locked(session, self._customer(pick).id), draft, actor=ASHA)

    # --- what people do there ---

    @rule(phone=PHONES, module=st.sampled_from(["Accounts", "Contacts"]))
    def create_there(self, phone, module):
        self.partners.add(module, **{_NAME[module]: next(self.names)}, Phone=phone or None)

    @precondition(lambda self: self.partners.records("Accounts"))
    @rule(pick=PICK, phone=PHONES)
    def add_contact_there(self, pick, phone):
        account = self._record("Accounts", pick)
        self.partners.add("Contacts", Last_Name=next(self.names), Phone=phone or None, Account_Name={"id": account})

    @rule(pick=PICK, phone=PHONES, module=st.sampled_from(["Accounts", "Contacts"]))
    def edit_there(self, pick, phone, module):
        if self.partners.records(module):
            self.partners.edit(module, self._record(module, pick), Phone=phone or None)

    @rule(pick=PICK, module=st.sampled_from(["Accounts", "Contacts"]))
    def rename_there(self, pick, module):
        if self.partners.records(module):
            self.partners.edit(module, self._record(module, pick), **{_NAME[module]: next(self.names)})

    @rule(pick=PICK, module=st.sampled_from(["Accounts", "Contacts"]))
    def delete_there(self, pick, module):
        if self.partners.records(module):
            self.partners.drop(module, self._record(module, pick))

    @rule()
    def sync(self):
        run = self.partners.sync()
        assert run.status == "succeeded", (run.error_message, [each.crm_words for each in self.partners.entries(run)])

    # --- what must hold in the end ---

    def teardown(self):
        if not hasattr(self, "partners"):
            return
        self.sync()
        self.sync()
        self._agrees()
        self.partners.forget_calls()
        run = self.partners.sync()
        assert self.partners.writes() == []
        assert (run.added, run.updated, run.deleted, run.failed) == (0, 0, 0, 0)
        self._agrees()

    def _agrees(self):
        links = list(db.session.scalars(select(Link).execution_options(populate_existing=True)))
        active = [link for link in links if link.state == "active"]
        past = [link for link in links if link.state != "active"]
        accounts = {link.crm_id for link in active if link.crm_module == "Accounts"}
        for module in ("Accounts", "Contacts"):
            there = {each["id"]: each for each in self.partners.records(module, "Account_Name", "Full_Name", "Phone")}
            paired = {link.crm_id: link for link in active if link.crm_module == module}
            assert paired.keys() <= there.keys()
            left = {link.crm_id for link in past if link.crm_module == module}
            stray = {crm_id for crm_id, each in there.items() if _account(each) and _account(each) not in accounts}
            assert there.keys() - paired.keys() <= left | stray, "every record there is here, or was removed here"
            for crm_id, link in paired.items():
                assert _ours(link) == _theirs(module, there[crm_id])
        linked = {(link.entity, link.entity_id) for link in active}
        parted = {(link.entity, link.entity_id) for link in past}
        for customer in self.partners.customers():
            assert ("customer", customer.id) in linked | parted, "every customer here is there, or was deleted there"

    def _customer(self, pick):
        present = self.partners.customers()
        return present[pick % len(present)]

    def _record(self, module, pick):
        present = self.partners.records(module)
        return present[pick % len(present)]["id"]

    def _change(self, customer, **values):
        with unit_of_work() as session:
            customers.change(session, customers.locked(session, customer.id), values=values, actor=ASHA)


_NAME = {"Accounts": "Account_Name", "Contacts": "Last_Name"}


def _account(record):
    """The account of a contact; its contacts stay away with an account that was removed here."""
    account = record.get("Account_Name")
    return account["id"] if isinstance(account, dict) else None


def _ours(link):
    model = Customer if link.entity == "customer" else ContactPerson
    record = db.session.get(model, link.entity_id, populate_existing=True)
    return (record.display_name if model is Customer else record.full_name), record.phone


def _theirs(module, record):
    return record["Account_Name" if module == "Accounts" else "Full_Name"], record["Phone"] or ""


@pytest.mark.parametrize("winner", ["crm", "billing"])
def test_both_sides_converge(app, sandbox, winner):
    machine = type("Machine", (BothSides,), {"app": app, "sandbox": sandbox, "winner": winner})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8, stateful_step_count=10, deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )  # fmt: skip
