"""One name on both sides: by chance, by hand, or because the CRM has the company twice and merges the two."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import select

from tests.sync.simulator.ledger import record_of
from tests.sync.simulator.people import PeopleOnBothSides
from tests.sync.simulator.world import ASHA, KINDS, NAME, PHONES, PICK, SHOWN, at
from zbweb.billing.models import Customer
from zbweb.db import db, unit_of_work
from zbweb.sync.models import Link
from zbweb.sync.repair import links

MODULE = {"business": "Accounts", "individual": "Contacts"}


class Twins(PeopleOnBothSides):
    """Whoever is set apart by the policy is never pushed; whoever is paired takes over what the CRM says."""

    @rule(kind=KINDS, here=PHONES, there=PHONES)
    def create_on_both_sides(self, kind, here, there):
        self._create_twins(kind, here, there)

    def _create_twins(self, kind, here, there):
        name, module = next(self.names), MODULE[kind]
        more = 1 if self.policy == "clone" else 0
        self.allowed["here"][name] = more
        self.allowed["there"][name] = more
        self.make(name, here, kind)
        self.partners.add(module, **{NAME[module]: name}, Phone=there or None, **SHOWN)
        return name

    @rule(kind=KINDS, here=PHONES, there=PHONES)
    def create_on_both_sides_and_sync(self, kind, here, there):
        self.calm()
        name = self._create_twins(kind, here, there)
        self.sync()
        phones_here = sorted(each.phone for each in self.partners.customers() if each.display_name == name)
        phones_there = sorted(
            each["Phone"] or "" for each in self.ledger.records(MODULE[kind]) if name in each.values()
        )
        assert (phones_here, phones_there) == self._after_meeting(here, there)

    def _after_meeting(self, here, there):
        if self.policy == "skip":
            return [here], [there]
        if self.policy == "overwrite":
            met = there or here
            return [met], [met if self.extent == "both" else there]
        both = sorted([here, there])
        return both, both if self.extent == "both" else [there]

    # --- by hand ---

    @rule(pick=PICK, here=PHONES, there=PHONES)
    def part_and_pair_again(self, pick, here, there):
        """What was changed while the two were apart is compared as if nobody had ever agreed on it."""
        self.calm()
        customers = self._pairs_of_customers()
        if not customers:
            return
        pair = at(customers, pick)
        entity_id, module, crm_id = pair.link.entity_id, pair.link.crm_module, pair.link.crm_id
        with unit_of_work() as session:
            links.unlink(session, session.get_one(Link, pair.link.id), actor=ASHA)
        self.change(entity_id, phone=here)
        self.partners.edit(module, crm_id, Phone=there or None)
        self.sync()
        with unit_of_work() as session:
            links.link_to(session, session.get_one(Customer, entity_id), module, crm_id, actor=ASHA)
        self.sync()
        (again,) = [each for each in self.ledger.pairs().values() if each.link.crm_id == crm_id]
        wanted = {here, there} if self.winner == "newest" else {self.ledger.settled(0, here, there, "")}
        if self.extent == "fetch":
            assert (again.ours[1], again.theirs[1]) == (there or here, there)
        else:
            assert again.ours[1] == again.theirs[1]
            assert again.ours[1] in wanted

    def _pairs_of_customers(self):
        """Those whose CRM record is of the module that their type belongs to, and who have no other one."""
        db.session.rollback()
        busy = set(db.session.scalars(select(Link.entity_id).where(Link.entity == "customer", Link.state == "apart")))
        return [
            each
            for each in self.ledger.pairs().values()
            if each.link.entity == "customer"
            and each.link.entity_id not in busy
            and MODULE[record_of(each.link).type] == each.link.crm_module
        ]

    # --- namesakes in the CRM ---

    @precondition(lambda self: self.policy != "clone")
    @rule(pick=PICK, phone=PHONES, merge=st.sampled_from([True, True, False]))
    def create_namesake_there(self, pick, phone, merge):
        """The CRM has a company twice; whoever merges the two keeps the one that was not synced."""
        self.calm()
        accounts = [each for each in self._pairs_of_customers() if each.link.crm_module == "Accounts"]
        if not accounts:
            return
        pair = at(accounts, pick)
        name, entity_id, duplicate = pair.ours[0], pair.link.entity_id, pair.link.crm_id
        self.allowed["there"][name] += 1
        namesake = self.partners.add("Accounts", Account_Name=name, Phone=phone or None, **SHOWN)
        self.sync()
        if not merge:
            return
        self.merge_accounts(namesake, duplicate)
        self.sync()
        now_with = [
            each.link.crm_id
            for each in self.ledger.pairs().values()
            if each.link.entity_id == entity_id and each.link.entity == "customer"
        ]
        assert now_with == [namesake], "who is merged in the CRM stays one customer here"
