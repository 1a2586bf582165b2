"""How alike two customers are whose names are not the same: worth a person's look, never enough to pair them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from zbweb.billing.naming import domain_of, loose_key, name_key
from zbweb.sync.core.fieldtypes import Value


class Likeness(StrEnum):
    """What two customers share, the most telling first."""

    NAME = "name"
    EMAIL = "email"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True)
class Keys:
    """What a customer is compared by; None or "" is never alike. Only businesses have a domain."""

    name: str
    loose: str | None
    email: str
    domain: str | None


def keys_of(values: Mapping[str, Value], *, is_business: bool) -> Keys:
    """The keys of mapped values."""
    name, email = str(values.get("display_name") or ""), str(values.get("email") or "")
    domain = domain_of(str(values.get("website") or ""), email) if is_business else None
    return Keys(name_key(name), loose_key(name), email.casefold(), domain)


def likeness(one: Keys, other: Keys) -> Likeness | None:
    """What two customers of one type share; None for equal names, which the policy decides about."""
    if one.name == other.name:
        return None
    for shared, mine, theirs in (
        (Likeness.NAME, one.loose, other.loose),
        (Likeness.EMAIL, one.email, other.email),
        (Likeness.DOMAIN, one.domain, other.domain),
    ):
        if mine and mine == theirs:
            return shared
    return None


def nearest(one: Keys, others: Iterable[tuple[int, Keys]]) -> tuple[int, Likeness] | None:
    """Of several customers by id the one that shares the most telling thing, the oldest of equals."""
    order = list(Likeness)
    found = [(order.index(shared), other_id) for other_id, other in others if (shared := likeness(one, other))]
    if not found:
        return None
    rank, other_id = min(found)
    return other_id, order[rank]
