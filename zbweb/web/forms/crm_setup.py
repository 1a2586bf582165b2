"""The wizard's forms, one per step. `changes()` is what a step adds to the draft: only values that may be chosen."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import InputRequired, Length

from zbweb.sync.core.fields import BillingField, Table
from zbweb.sync.core.words import Extent, Policy, Scope, Winner
from zbweb.sync.setup.offer import OfferedView
from zbweb.web.crm_words import EXTENTS, LOOSE, POLICIES, SCOPES, WINNERS

_EXTENTS: dict[str, str] = {key: EXTENTS[key] for key in (Extent.FETCH, Extent.BOTH)}


class StepForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """One step: after `validate()`, `changes()` holds what was typed well, even when something else was not."""

    def changes(self) -> dict[str, Any]:
        """What the draft takes over."""
        return {field.name: field.data for field in self if field.name != "csrf_token" and not field.errors}


class ModuleForm(StepForm):
    """Step 1."""

    scope = RadioField(
        "Module in Zoho CRM",
        [InputRequired("Choose a module.")],
        coerce=Scope,
        choices=dict(SCOPES),
    )
    include_loose = BooleanField(LOOSE)


class ExtentForm(StepForm):
    """Step 2."""

    extent = RadioField(
        "Extent of sync",
        [InputRequired("Choose how information flows.")],
        coerce=Extent,
        choices=_EXTENTS,
    )
    winner = RadioField(
        "When both sides changed the same field",
        [InputRequired("Choose one.")],
        coerce=Winner,
        choices=dict(WINNERS),
    )
    fire_triggers = BooleanField("Let Zoho CRM’s workflows run for records that Billing sends")


class DuplicatesForm(StepForm):
    """Step 3."""

    policy = RadioField("Duplicate records", [InputRequired("Choose one.")], coerce=Policy, choices=dict(POLICIES))


class ViewsForm(StepForm):
    """Step 4. A select that its module does not need is taken out."""

    account_view_id = SelectField("Account view", [Length(max=64)], validate_choice=False)
    contact_view_id = SelectField("Contact view", [Length(max=64)], validate_choice=False)

    def offer(self, field: str, views: Iterable[OfferedView] | None, chosen: str) -> None:
        """Put the CRM's views into a select; without them (the CRM is away) what is chosen stays choosable."""
        select = self[field]
        if views is None:
            every = f"All {field.split('_', maxsplit=1)[0].capitalize()}s"
            before = [SelectChoice(chosen, "The view chosen before")] if chosen else []
            select.choices = [SelectChoice("", every), *before]
        else:
            select.choices = [SelectChoice(view.id, view.name, {"data-note": _count(view)}) for view in views]
        known = [choice.value for choice in select.choices]
        if select.data not in known:
            select.data = known[0]


def _count(view: OfferedView) -> str:
    if view.count is None:
        return ""
    return "1 record" if view.count == 1 else f"{view.count:,} records"


def mapping_typed(
    typed: Mapping[str, str], fields: Mapping[Table, Iterable[BillingField]]
) -> dict[str, dict[str, str]]:
    """The mapping selects of a request: table → billing field → CRM field. Selects are named table-field."""
    return {
        table: {each.key: typed.get(f"{table}-{each.key}", "").strip()[:100] for each in each_fields}
        for table, each_fields in fields.items()
    }
