"""When a document falls due: pure date arithmetic, where months end when they end."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from zbweb.billing.words import TermKind


@dataclass(frozen=True, slots=True)
class Term:
    """A rule for due dates; `days` counts for NET only."""

    kind: TermKind
    days: int = 0


def due_date(term: Term, day: date) -> date:
    """The day by which a document of `day` is to be paid."""
    match term.kind:
        case TermKind.NET:
            return day + timedelta(days=term.days)
        case TermKind.ON_RECEIPT:
            return day
        case TermKind.END_OF_MONTH:
            return _month_end(day)
        case TermKind.END_OF_NEXT_MONTH:
            return _month_end(add_months(day, 1))


def due_date_after_edit(old: tuple[Term | None, date, date | None], new: tuple[Term | None, date, date | None]) -> date:
    """The due date of an edited document, from (term, date, due date) before and as now typed.

    A due date that the terms gave follows a new date or new terms; one that a person typed stays.
    """
    (old_term, old_day, old_due), (term, day, typed) = old, new
    followed = old_due == due_date(old_term or Term(TermKind.ON_RECEIPT), old_day)
    is_moved = (term, day) != (old_term, old_day)
    if typed is None or (is_moved and followed and typed == old_due):
        return due_date(term or Term(TermKind.ON_RECEIPT), day)
    return typed


def add_months(day: date, months: int) -> date:
    """The same day so many months on, or that month's last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])
