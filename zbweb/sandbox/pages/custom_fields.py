"""Setup: the fields that were added to a module, by people here or by programs through the API."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from zbweb.sandbox.custom_fields import FieldRefused, create_field
from zbweb.sandbox.pages.collections import COLLECTIONS
from zbweb.sandbox.pages.outcome import Outcome
from zbweb.sandbox.schema import Kind, Module
from zbweb.sandbox.state import current_sandbox

blueprint = Blueprint("fields", __name__, url_prefix="/setup/fields")
Page = str | Response | tuple[str, int]
LONGEST_LABEL = 50
TYPES = {
    Kind.TEXT: "Single line",
    Kind.TEXTAREA: "Several lines",
    Kind.EMAIL: "E-mail",
    Kind.PHONE: "Phone",
    Kind.WEBSITE: "Web address",
    Kind.PICKLIST: "Pick list",
    Kind.MULTIPICK: "Pick list, several choices",
    Kind.INTEGER: "Whole number",
    Kind.DOUBLE: "Decimal number",
    Kind.CURRENCY: "Currency",
    Kind.PERCENT: "Percent",
    Kind.DATE: "Date",
    Kind.DATETIME: "Date and time",
    Kind.BOOLEAN: "Check box",
}
_LISTS = (Kind.PICKLIST, Kind.MULTIPICK)
_SENTENCES = {
    "MANDATORY_NOT_FOUND": "Enter a label and choose a type.",
    "DUPLICATE_DATA": "This module already has a field of this name. Choose another label.",
    "LIMIT_EXCEEDED": "This module has as many custom fields as it can hold.",
}


@blueprint.get("")
def index() -> Page:
    return _page(_asked_module(), MultiDict())


@blueprint.post("")
def create() -> Page:
    module, form = _asked_module(), request.form
    choices = [line.strip() for line in form.get("choices", "").splitlines() if line.strip()]
    error = _problem(form, choices)
    if not error:
        wish = {
            "field_label": form["label"].strip(), "data_type": form["data_type"],
            "pick_list_values": [{"display_value": choice, "actual_value": choice} for choice in choices],
        }  # fmt: skip
        try:
            create_field(current_sandbox(), module, wish)
        except FieldRefused as refusal:
            error = _SENTENCES.get(refusal.code, "The CRM refuses this field.")
    if error:
        return _page(module, form, error=error), 422
    return redirect(url_for(".index", module=module.api_name, done=Outcome.FIELD_MADE), 303)


def _problem(form: MultiDict[str, str], choices: list[str]) -> str:
    if not 0 < len(form.get("label", "").strip()) <= LONGEST_LABEL:
        return f"Enter a label of at most {LONGEST_LABEL} characters."
    if form.get("data_type") not in set(TYPES):
        return "Choose a type."
    return "Enter the choices of the list, one a line." if form["data_type"] in _LISTS and not choices else ""


def _asked_module() -> Module:
    name = request.values.get("module", "Accounts")
    if name not in {collection.module for collection in COLLECTIONS}:
        abort(404)
    return current_sandbox().catalog.module(name)


def _page(module: Module, form: MultiDict[str, str], *, error: str = "") -> str:
    return render_template(
        "pages/setup/fields.html",
        module=module,
        modules=[current_sandbox().catalog.module(collection.module) for collection in COLLECTIONS],
        fields=[field for field in module.fields if field.custom],
        types=TYPES,
        form=form,
        error=error,
    )
