"""The two books must count in one currency: the rule, for connecting, for every run, and for what brings amounts."""

from decimal import Decimal

from sqlalchemy.orm import Session

from zbweb.billing import books
from zbweb.billing.models import Customer
from zbweb.crm.port import CrmOrganisation, Record
from zbweb.errors import Invalid
from zbweb.sync.errors import Unfit


class CurrencyMismatch(Unfit):
    """The base currencies differ while the CRM counts in several currencies."""


def require_same_currency(base_currency: str, crm: CrmOrganisation) -> None:
    """Raise CurrencyMismatch when multi-currency is on in the CRM and its base currency is not ours."""
    if crm.multi_currency and crm.iso_code != base_currency:
        raise CurrencyMismatch(
            f"The base currency of Zoho CRM is {crm.iso_code}, and here it is {base_currency}. With multi-currency "
            "enabled in Zoho CRM the two must be the same. Change one of them, then try again."
        )


def ensure_same_currency(session: Session, *, named: str, what: str, customer: Customer) -> None:
    """Raise Invalid when the CRM counts a record in another currency than its customer is billed in here.

    A CRM that counts in one currency only does not name it: then it is the base currency.
    """
    ours, theirs = books.currency_of(session, customer), named or books.own(session).base_currency
    if theirs != ours:
        raise Invalid(
            f"The {what} is in {theirs}, but {customer.display_name} is billed in {ours}. "
            "Change the currency of one of them, then choose Retry."
        )


def rate_of(record: Record) -> Decimal | None:
    """What one unit of a record's currency is worth in the base currency; None where the CRM does not say.

    The CRM says it the other way round: how much of the currency one unit of the base currency buys.
    """
    rate = Decimal(str(record.get("Exchange_Rate") or 0))
    return 1 / rate if rate > 0 else None
