"""Which item here is which product of the CRM: one rule, from whichever side it is asked. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from zbweb.billing.naming import name_key

Id = TypeVar("Id")


@dataclass(frozen=True, slots=True)
class Good(Generic[Id]):
    """An item or a product, as far as it is recognised by it."""

    id: Id
    name: str
    code: str


_Likeness = Callable[[Good[Any], Good[Any]], bool]


def _of_one_code(one: Good[Any], other: Good[Any]) -> bool:
    return bool(one.code) and one.code.strip() == other.code.strip()


def _of_like_code(one: Good[Any], other: Good[Any]) -> bool:
    return bool(name_key(one.code)) and name_key(one.code) == name_key(other.code)


def _of_like_name(one: Good[Any], other: Good[Any]) -> bool:
    """Goods of the same name that have different codes are different goods."""
    is_other = bool(one.code and other.code)
    return not is_other and name_key(one.name) == name_key(other.name)


_TELLING: tuple[_Likeness, ...] = (_of_one_code, _of_like_code, _of_like_name)


def same_good(wanted: Good[Any], among: Iterable[Good[Id]]) -> Good[Id] | None:
    """The one that is the wanted good: by its code, else by its name; the first where several are."""
    goods = list(among)
    return next((each for is_same in _TELLING for each in goods if is_same(wanted, each)), None)
