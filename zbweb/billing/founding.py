"""The first day: an organisation, and the admin who lets everybody else in."""

from dataclasses import dataclass
from zoneinfo import available_timezones

from babel.numbers import is_currency
from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import members, settings
from zbweb.billing.journal import SYSTEM
from zbweb.billing.members import MemberDraft
from zbweb.billing.models import Membership, Organisation
from zbweb.billing.words import Role
from zbweb.db import work_for
from zbweb.errors import Invalid


@dataclass(frozen=True, slots=True)
class OrganisationDraft:
    """An organisation that may not exist yet; the currency and zone count only if it does not."""

    name: str
    base_currency: str = "USD"
    time_zone: str = "UTC"


def appoint_admin(session: Session, draft: OrganisationDraft, *, name: str, email: str, password: str) -> Membership:
    """Make somebody an admin of an organisation, and the organisation if it is new; raises Invalid by field."""
    work_for(session, None)
    organisation = session.scalar(select(Organisation).where(Organisation.name == draft.name.strip()))
    if organisation is None:
        organisation = _found(session, draft)
    work_for(session, organisation.id)
    settings.prepare_organisation(session, organisation)
    admin = MemberDraft(name=name, email=email, role=Role.ADMIN, password=password)
    return members.add(session, admin, actor=SYSTEM)


def _found(session: Session, draft: OrganisationDraft) -> Organisation:
    wrong = {}
    if not draft.name.strip():
        wrong["name"] = "Give the organisation a name."
    if not is_currency(draft.base_currency):
        wrong["base_currency"] = f"{draft.base_currency} is not a currency; give its three letters, such as USD."
    if draft.time_zone not in available_timezones():
        wrong["time_zone"] = f"{draft.time_zone} is not a time zone; give a name such as Europe/Berlin."
    if wrong:
        raise Invalid(" ".join(wrong.values()), wrong)
    organisation = Organisation(name=draft.name.strip(), base_currency=draft.base_currency, time_zone=draft.time_zone)
    session.add(organisation)
    session.flush()  # everything else belongs to its id
    return organisation
