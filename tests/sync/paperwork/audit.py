"""What must hold once all is quiet."""

from collections import Counter
from decimal import Decimal

from sqlalchemy import func, select

from tests.factories.documents import due_now, waiting
from tests.sync.paperwork.office import Office
from zbweb.billing.models import JournalEntry
from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.db import db
from zbweb.sync.core.document_words import CRM_MODULES, STATUS_IN, STATUS_OUT
from zbweb.sync.core.reasons import HOLDS, Reason
from zbweb.sync.core.words import Extent, LinkReason
from zbweb.sync.models import Link, SyncEntry

UNSENT = {Status.DRAFT, Status.VOID}


class Audit(Office):
    """Every document is in the CRM once or has a reason not to be, figures agree, and nothing is echoed."""

    def teardown(self):
        if not hasattr(self, "ledger"):
            return
        self.settle()
        self.audit()
        self._nothing_is_echoed()

    def audit(self):
        there = {
            kind: {crm_id: self.partners.crm.get(module, crm_id) for crm_id in self.records_of(module)}
            for kind, module in CRM_MODULES.items()
        }
        self._what_waits_has_a_reason()
        self._everything_here_is_there_once(there)
        self._everything_there_is_here(there)
        for document, link in self.pairs():
            record = there[Kind(document.kind)].get(link.crm_id)
            if record is not None:
                self._figures_agree(document, link, record)

    def _what_waits_has_a_reason(self):
        for row in waiting():
            words = (row.entity_id, row.error_code, row.error_message)
            assert row.error_code in HOLDS, words
            told = select(SyncEntry.reason).where(
                SyncEntry.entity == "transaction", SyncEntry.entity_id == row.entity_id
            )
            assert row.error_code in set(db.session.scalars(told)), words

    def _everything_here_is_there_once(self, there):
        paired = {link.entity_id: link for link in self.links("active")}
        archived = self.links("archived")
        past = {link.entity_id: link.reason for link in archived}
        twice_by_people = self.copies | {link.crm_id for link in archived if link.reason == LinkReason.SENT_AGAIN}
        waits = {row.entity_id for row in waiting()}
        for document in self.documents():
            name = (document.id, document.kind, document.number, document.status)
            link, kind = paired.get(document.id), Kind(document.kind)
            mine = [
                crm_id
                for crm_id, each in there[kind].items()
                if each["Billing_Document_Id"] == str(document.id) and crm_id not in twice_by_people
            ]
            assert len(mine) <= 1, (name, "is there twice", mine)
            if link is None:
                is_idle = document.status in UNSENT or document.id in waits
                assert is_idle or past.get(document.id) == LinkReason.DELETED_IN_CRM, (name, "is not there")
                assert not mine, (name, "is there and not linked", past.get(document.id))
            elif self.extent is Extent.BOTH:
                assert mine == [link.crm_id] or link.crm_id in self.copies, (name, "is not there", mine)

    def _everything_there_is_here(self, there):
        if self.extent is not Extent.BOTH:
            return
        known = {link.crm_id: link for link in self.links()}
        open_failures = select(SyncEntry.crm_id, SyncEntry.reason).where(
            SyncEntry.direction == "in", SyncEntry.outcome == "failed", SyncEntry.resolved_at.is_(None)
        )
        told = dict(db.session.execute(open_failures).all())
        for kind, records in there.items():
            for crm_id, record in records.items():
                link = known.get(crm_id)
                if link is None:
                    assert told.get(crm_id) == Reason.DOCUMENT_NO_CUSTOMER, (kind, record, told.get(crm_id))
                elif link.state != "active":
                    is_left = link.reason in (LinkReason.DELETED_ON_BOTH_SIDES, LinkReason.SENT_AGAIN)
                    is_left |= (link.reason, link.made_by) == (LinkReason.DELETED_HERE, "crm")
                    assert is_left, (kind, record, link.reason)

    def _figures_agree(self, document, link, record):
        name = (document.id, document.kind, document.number, document.status)
        if document.id in self.stubborn():
            return
        kind = Kind(document.kind)
        field = "Quote_Stage" if kind is Kind.QUOTE else "Status"
        meant = STATUS_IN[kind].get(record[field])
        is_same_status = record[field] == STATUS_OUT[kind].get(document.status) or meant is Status(document.status)
        if self.extent is Extent.BOTH:
            assert Decimal(str(record["Grand_Total"])) == document.total, (name, record)
            is_vague = link.made_by == "crm" and document.status == Status.DRAFT
            assert is_same_status or is_vague, (name, record[field])
            if "Deal_Name" in record:
                deal = record["Deal_Name"]
                assert (deal["id"] if deal else None) == document.potential_id, (name, deal, document.potential_id)
        self._belongs_to_its_customer(document, link, record, name)

    def _belongs_to_its_customer(self, document, link, record, name):
        owner = select(Link.crm_id).where(
            Link.entity == "customer", Link.entity_id == document.customer_id, Link.state == "active",
            Link.crm_module == "Accounts",
        )  # fmt: skip
        account = db.session.scalar(owner)
        is_ours = link.made_by == "billing" and link.crm_id not in self.handed_over
        if self.extent is Extent.BOTH and account and record["Account_Name"] and is_ours:
            assert record["Account_Name"]["id"] == account, (name, record["Account_Name"])

    def stubborn(self):
        """Documents of which the CRM and we keep different words, as the history says."""
        statement = select(SyncEntry.entity_id).where(SyncEntry.reason == Reason.CRM_INSISTS)
        return set(db.session.scalars(statement))

    def _nothing_is_echoed(self):
        before = self._state()
        self.partners.forget_calls()
        self.sync()
        due_now()
        self.deliver()
        for kind in Kind:
            self.hear(kind)
        self.deliver()
        assert self.partners.writes() == []
        assert self._state() == before

    def _state(self):
        """What would differ if anything had been written here."""
        lines = db.session.scalar(select(func.count()).select_from(JournalEntry))
        entries = Counter(db.session.scalars(select(SyncEntry.reason).where(SyncEntry.entity == "transaction")))
        entries.pop(Reason.DOCUMENT_NO_CUSTOMER, None)  # which each look tells again
        versions = {each.id: (each.version, each.status) for each in self.documents()}
        return lines, entries, versions, {row.entity_id for row in waiting()}
