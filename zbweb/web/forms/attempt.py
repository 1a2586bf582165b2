"""One unit of work for one form: what is refused comes back to the form, with everything typed still in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms.fields import Field

from zbweb.db import unit_of_work
from zbweb.errors import Conflict, Invalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """How saving went: the value, or none and the HTTP status of the page that shows the form again."""

    value: T | None
    status: int = 200

    @property
    def refused(self) -> bool:
        """Whether nothing was saved."""
        return self.status != 200


def attempt(form: FlaskForm, write: Callable[[Session], T]) -> Attempt[T]:
    """Validate the form and do `write` in a unit of work; sentences of a refusal are placed at their fields."""
    if not form.validate():
        return Attempt(None, 422)
    try:
        with unit_of_work() as session:
            return Attempt(write(session))
    except Invalid as refusal:
        _place(form, refusal)
        return Attempt(None, refusal.status)
    except Conflict as refusal:
        form.form_errors.append(refusal.message)
        return Attempt(None, refusal.status)


def version_in(field: Field) -> int | None:
    """The version that the form was opened with, if it says one: whoever saved since then is not overwritten."""
    typed = str(field.data or "")
    return int(typed) if typed.isdecimal() else None


def _place(form: FlaskForm, refusal: Invalid) -> None:
    places = {name: _field(form, name) for name in refusal.fields}
    for name, field in places.items():
        if field is not None:
            field.errors = [*field.errors, refusal.fields[name]]
    if not any(places.values()):
        form.form_errors.append(refusal.message)


def _field(form: FlaskForm, name: str) -> Field | None:
    """The field of that name; `custom.tier` is the field `tier` of the nested form `custom`."""
    outer, _, inner = name.partition(".")
    field = form[outer] if outer in form else None  # noqa: SIM401  a form has no get()
    if field is None or not inner:
        return field
    return field.form[inner] if inner in field.form else None  # noqa: SIM401  nor has a nested one
