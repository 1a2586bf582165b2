"""Demo data for a first look: two organisations with people, settings, items and customers.

Loaded by `make run` into an empty database only. Each loader fills one organisation's books for one topic,
in the order of the list; it finds the session fenced to that organisation.
"""

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing.models import Organisation
from zbweb.db import work_for
from zbweb.demo import catalogue, customers, transactions
from zbweb.demo.organisations import found

LOADERS: tuple[Callable[[Session, Organisation], None], ...] = (catalogue.load, customers.load, transactions.load)
"""What each organisation gets. A loader reads the organisation's name to know which of the two it is."""

WELCOME = "demo data are loaded: sign in as admin@example.com; README.md tells its password and how to connect Zoho CRM"


def load(session: Session) -> None:
    """Fill the database unless it holds an organisation already; the caller's unit of work commits."""
    work_for(session, None)
    if session.scalar(select(Organisation.id).limit(1)) is not None:
        return
    for organisation in found(session):
        work_for(session, organisation.id)
        for loader in LOADERS:
            loader(session, organisation)
    work_for(session, None)
