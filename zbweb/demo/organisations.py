"""The two demo organisations and the people who sign in to them."""

from sqlalchemy.orm import Session

from zbweb.billing.members import hash_password
from zbweb.billing.models import Membership, Organisation, User
from zbweb.billing.settings import prepare_organisation
from zbweb.billing.words import Role

PASSWORD = "zbweb-demo"  # noqa: S105  the demo's password is public on purpose
TRADING = "Zylker Trading"
STUDIO = "Zylker Studio"

_PEOPLE = (
    ("admin@example.com", "Asha Rao", Role.ADMIN),
    ("sales@example.com", "Ben Okafor", Role.SALES),
    ("finance@example.com", "Chen Wei", Role.FINANCE),
)


def found(session: Session) -> list[Organisation]:
    """Make both organisations. Everybody works for the first; the admin works for the second, too."""
    trading = Organisation(
        name=TRADING, base_currency="USD", time_zone="America/Los_Angeles", country="US",
        address="480 Harbor Boulevard\nLong Beach, CA 90802\nUnited States", email="billing@zylker.example",
    )  # fmt: skip
    studio = Organisation(
        name=STUDIO, base_currency="EUR", time_zone="Europe/Berlin", country="DE",
        address="Torstraße 12\n10119 Berlin\nGermany", email="hello@zylker-studio.example",
    )  # fmt: skip
    hashed = hash_password(PASSWORD)
    people = [User(email=email, name=name, password_hash=hashed) for email, name, _ in _PEOPLE]
    session.add_all([trading, studio, *people])
    session.flush()  # memberships need the ids
    for user, (_, _, role) in zip(people, _PEOPLE, strict=True):
        session.add(Membership(organisation_id=trading.id, user_id=user.id, role=role))
    session.add(Membership(organisation_id=studio.id, user_id=people[0].id, role=Role.ADMIN))
    for organisation in (trading, studio):
        prepare_organisation(session, organisation)
    return [trading, studio]
