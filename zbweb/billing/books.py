"""Whose books these are: the organisation of the session, its calendar day and its currencies."""

from datetime import date

from sqlalchemy.orm import Session

from zbweb import clock
from zbweb.billing.models import Customer, Organisation
from zbweb.db import organisation_of


def own(session: Session) -> Organisation:
    """The organisation that this session works for."""
    return session.get_one(Organisation, organisation_of(session))


def today(session: Session) -> date:
    """The day it is for the organisation: what is due today is not overdue before its midnight."""
    return clock.today(own(session).time_zone)


def currency_of(session: Session, customer: Customer) -> str:
    """The currency a customer is billed in; the base currency unless they have one of their own."""
    return customer.currency or own(session).base_currency
