"""What both books must say after a sync: a merge of names and phones that is told apart from the product's own."""

from dataclasses import dataclass

from sqlalchemy import select

from zbweb.billing.models import ContactPerson, Customer
from zbweb.db import db
from zbweb.sync.models import Link

Values = tuple[str, str]
"""A name and a phone."""


@dataclass(frozen=True)
class Pair:
    """A linked pair as both books have it now."""

    link: Link
    ours: Values
    theirs: Values


class Ledger:
    """`agreed` is what the CRM said when both had last seen each other, by link; empty when that is not known.

    `later` says of links whether the CRM's change is the later one, where somebody made sure of it.
    """

    def __init__(self, partners, winner, extent):
        self.partners, self.winner, self.extent = partners, winner, extent
        self.agreed: dict[int, Values] = {}
        self.later: dict[int, bool] = {}
        self._expected: dict[int, tuple[tuple[str | None, ...], Values]] = {}

    def forget(self):
        """Something was synced, nobody knows what."""
        self.agreed = {}

    def before_sync(self):
        pairs = self.pairs()
        known = [link_id for link_id in pairs if link_id in self.agreed]
        self._expected = {link_id: (self._merged(pairs[link_id]), pairs[link_id].theirs) for link_id in known}

    def after_sync(self):
        pairs = self.pairs()
        for link_id, (expected, theirs) in self._expected.items():
            pair = pairs.get(link_id)
            if pair is not None:
                ours = tuple(value if value is not None else pair.ours[n] for n, value in enumerate(expected))
                wanted = (ours, ours if self.extent == "both" else theirs)
                assert (pair.ours, pair.theirs) == wanted, f"agreed on before: {self.agreed[link_id]}"
        in_step = [pair for pair in pairs.values() if self.extent == "fetch" or pair.ours == pair.theirs]
        self.agreed = {pair.link.id: pair.theirs for pair in in_step}
        self.later = {}

    def _merged(self, pair):
        """What we must say after the sync; None where it takes a clock to know."""
        fields = zip(pair.ours, pair.theirs, self.agreed[pair.link.id], strict=True)
        return tuple(self.settled(pair.link.id, ours, theirs, agreed) for ours, theirs, agreed in fields)

    def settled(self, link_id, ours, theirs, agreed):
        if ours == theirs or theirs == agreed:
            return ours
        if ours == agreed or self.extent == "fetch" or self.winner == "crm":
            return theirs
        if self.winner == "billing":
            return ours
        is_later = self.later.get(link_id)
        return None if is_later is None else theirs if is_later else ours

    def agrees(self):
        for pair in self.pairs().values():
            assert pair.ours == pair.theirs

    def pairs(self) -> dict[int, Pair]:
        """The linked pairs that are there on both sides and, if there is a view, in it."""
        db.session.rollback()
        links = select(Link).where(Link.state == "active", Link.excluded_at.is_(None)).order_by(Link.id)
        there = {(module, each["id"]): each for module in ("Accounts", "Contacts") for each in self.records(module)}
        found = {}
        for link in db.session.scalars(links.execution_options(populate_existing=True)):
            ours, theirs = record_of(link), there.get((link.crm_module, link.crm_id))
            if ours is not None and theirs is not None:
                found[link.id] = Pair(link, _ours(ours), _theirs(link.crm_module, theirs))
        return found

    def records(self, module):
        return self.partners.records(module, "Account_Name", "Full_Name", "Phone")


def record_of(link):
    model = Customer if link.entity == "customer" else ContactPerson
    return db.session.get(model, link.entity_id, populate_existing=True)


def account_of(record):
    """The account of a contact; its contacts stay away with an account that was removed here."""
    account = record.get("Account_Name")
    return account["id"] if isinstance(account, dict) else None


def _ours(record) -> Values:
    return (record.display_name if isinstance(record, Customer) else record.full_name), record.phone


def _theirs(module, record) -> Values:
    return record["Account_Name" if module == "Accounts" else "Full_Name"], record["Phone"] or ""
