"""Whatever people do on both sides and whatever dies: soon the books agree, nothing is there twice, all is quiet."""

import itertools
import os
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import select, update

from tests.factories.customers import make_customer
from tests.factories.sync import connected, hasty_client
from zbweb.billing import contact_persons, customers
from zbweb.billing.contact_persons import PersonDraft
from zbweb.billing.journal import Actor
from zbweb.billing.models import ContactPerson, Customer
from zbweb.clock import now
from zbweb.db import db, unit_of_work, work_for
from zbweb.sandbox.merging import merge
from zbweb.sync import runs
from zbweb.sync.core.words import Trigger
from zbweb.sync.models import Connection, Link, SyncRun

ASHA = Actor("Asha Rao", user_id=None)
PHONES = st.sampled_from(["", "1", "2", "3"])
PICK = st.integers(min_value=0, max_value=9)
CALLS = st.sampled_from(["insert", "update", "coql", "get_many", "deleted", "pages"])


EXAMPLES, STEPS = int(os.environ.get("ZBWEB_TEST_EXAMPLES", "8")), int(os.environ.get("ZBWEB_TEST_STEPS", "12"))
"""A few for every day; more of both find rarer things."""


class Killed(BaseException):
    """kill -9 of a worker."""


class BothSides(RuleBasedStateMachine):
    """People here and there create, edit, rename, move, merge and delete, workers die and answers are lost.

    Names are unique, so there are no twins: whatever looks like one is a record of ours that was taken for somebody
    else's. `broken` is a run whose worker died; until another takes it over, nothing is merged there or turned into
    the other type here. `lossy` is the module of which the next sync will lose an answer.
    """

    app = sandbox = broken = None
    winner, lossy = "crm", ""

    @initialize(policy=st.sampled_from(["skip", "overwrite", "clone"]))
    def connect(self, policy):
        self.sandbox.reset(empty=True)
        self.sandbox.faults(token_throttle=False)
        with unit_of_work() as session:
            work_for(session, None)
            session.execute(update(Connection).values(status="disabled"))
        self.names = (f"Name{number}" for number in itertools.count(1))
        self.partners = connected(
            self.app, self.sandbox, scope="accounts_and_contacts", include_loose=True, extent="both",
            policy=policy, winner=self.winner,
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

    @precondition(lambda self: self._persons())
    @rule(pick=PICK, phone=PHONES, remove=st.booleans())
    def change_person_here(self, pick, phone, remove):
        person_id = _at(self._persons(), pick).id
        with unit_of_work() as session:
            person = session.get_one(ContactPerson, person_id, populate_existing=True)
            if remove:
                contact_persons.remove(session, person, actor=ASHA)
            else:
                contact_persons.change(session, person, values={"phone": phone}, actor=ASHA)

    @precondition(lambda self: self.broken is None and self.partners.customers())
    @rule(pick=PICK, kind=st.sampled_from(["business", "individual"]))
    def turn_into_here(self, pick, kind):
        self._change(self._customer(pick), type=kind)

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

    @precondition(lambda self: self.partners.records("Accounts") and self.partners.records("Contacts"))
    @rule(pick=PICK, to=PICK)
    def move_contact_there(self, pick, to):
        account = {"id": self._record("Accounts", to)}
        self.partners.edit("Contacts", self._record("Contacts", pick), Account_Name=account)

    @precondition(lambda self: self.broken is None and len(self.partners.records("Accounts")) > 1)
    @rule(pick=PICK, step=st.integers(min_value=1, max_value=9))
    def merge_there(self, pick, step):
        ids = [int(each["id"]) for each in self.partners.records("Accounts")]
        survivor = pick % len(ids)
        duplicate = (survivor + 1 + step % (len(ids) - 1)) % len(ids)
        behind = self.sandbox.sandbox
        with behind.changing(behind.admin) as work:
            merge(work, "Accounts", ids[survivor], duplicate_id=ids[duplicate])

    # --- what happens meanwhile ---

    @rule()
    def time_passes(self):
        """So much that no overlap hides what was not read."""
        self.sandbox.faults(clock_skew_seconds=self.sandbox.sandbox.clock.skew_seconds + 120)

    @rule(module=st.sampled_from(["Accounts", "Contacts"]))
    def lose_an_answer(self, module):
        self.lossy = module

    @precondition(lambda self: self.broken is None)
    @rule(call=CALLS, after=st.booleans(), passed=st.integers(min_value=0, max_value=1))
    def die_in_a_sync(self, call, after, passed):
        """The worker dies at a call to the CRM, before it or after it; people go on before another takes over."""
        with unit_of_work() as session:
            actor = {"trigger": Trigger.INSTANT, "actor_name": "Asha Rao"}
            run_id = runs.queue_run(session, self.partners.connection, **actor).id
        with suppress(Killed):
            self.partners.carry_out(run_id, open_client=_mortal(call, after=after, passed=passed))
        with unit_of_work() as session:
            run = session.get_one(SyncRun, run_id, populate_existing=True)
            if run.status == "running":
                run.lease_until, self.broken = now(), run_id

    @precondition(lambda self: self.broken is None)
    @rule(after=st.booleans(), phone=PHONES, kind=st.sampled_from(["business", "individual"]))
    def die_while_a_newcomer_is_sent(self, after, phone, kind):
        self.create_here(phone=phone, kind=kind)
        self.die_in_a_sync(call="insert", after=after, passed=0)

    @rule()
    def sync(self):
        if self.lossy:
            fault = {"status": 500, "path": f"/crm/v8/{self.lossy}", "method": "POST", "after_applying": True}
            self.sandbox.faults(fail_next=[fault])
        if self.broken is not None:
            self.partners.carry_out(self.broken)
            self.broken = None
        run = self.partners.sync()
        wanted = {"succeeded", "partly_failed"} if self.lossy else {"succeeded"}
        words = [(each.reason, each.crm_words) for each in self.partners.entries(run)]
        assert run.status in wanted, (run.status, run.error_message, words)
        self.lossy = ""
        self.sandbox.faults(fail_next=[])

    # --- what must hold in the end ---

    def teardown(self):
        if not hasattr(self, "partners"):
            return
        for _ in range(3):
            self.sync()
        self._agrees()
        self.partners.forget_calls()
        run = self.partners.sync()
        assert self.partners.writes() == []
        assert (run.added, run.updated, run.deleted, run.failed) == (0, 0, 0, 0)
        self._agrees()

    def _agrees(self):
        for module in ("Accounts", "Contacts"):
            ours = [each.get("Billing_Customer_Id") for each in self.partners.records(module, "Billing_Customer_Id")]
            known = [each for each in ours if each]
            assert len(known) == len(set(known)), "no customer is there twice"
            names = [
                _theirs(module, each)[0] for each in self.partners.records(module, "Account_Name", "Full_Name", "Phone")
            ]
            assert len(names) == len(set(names)), "nothing is there twice"
        names = [each.display_name for each in self.partners.customers()]
        assert len(names) == len(set(names)), "nobody is here twice"
        links = list(db.session.scalars(select(Link).execution_options(populate_existing=True)))
        assert not [link for link in links if link.state == "apart"], "nobody has a twin"
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
        return _at(self.partners.customers(), pick)

    def _persons(self):
        db.session.rollback()
        return list(db.session.scalars(select(ContactPerson).order_by(ContactPerson.id)))

    def _record(self, module, pick):
        return _at(self.partners.records(module), pick)["id"]

    def _change(self, customer, **values):
        with unit_of_work() as session:
            customers.change(session, customers.locked(session, customer.id), values=values, actor=ASHA)


_NAME = {"Accounts": "Account_Name", "Contacts": "Last_Name"}


def _at(present, pick):
    return present[pick % len(present)]


def _mortal(name, *, after, passed):
    """A way to open clients that die at the named call, once it was passed so often."""

    def open_client(connection):
        client = hasty_client(connection)
        inner, seen = getattr(client, name), itertools.count()

        def call(*args, **kwargs):
            is_last = next(seen) == passed
            if is_last and not after:
                raise Killed
            answer = inner(*args, **kwargs)
            if is_last:
                raise Killed
            return answer

        setattr(client, name, call)
        return client

    return open_client


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


@pytest.mark.parametrize("winner", ["crm", "billing", "newest"])
def test_both_sides_converge(app, sandbox, winner):
    machine = type("Machine", (BothSides,), {"app": app, "sandbox": sandbox, "winner": winner})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )  # fmt: skip
