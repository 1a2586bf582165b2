"""The fields that the CRM computes from others: a contact's full name, a deal's odds, a document's totals."""

from collections.abc import Callable, Mapping
from typing import Any

from zbweb.sandbox.pipeline import LAYOUT_PIPELINE, stage_of
from zbweb.sandbox.schema import Module
from zbweb.sandbox.totals import document_totals


def derived(module: Module, body: dict[str, Any], *, written: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The body with its computed fields; `written` are the keys that this change set itself."""
    if module.items_field is not None:
        return {**body, **document_totals(body, body.get(module.items_field.api_name, []))}
    compute = _BY_MODULE.get(module.api_name)
    return compute(body, written) if compute else body


def _contact(body: dict[str, Any], _written: frozenset[str]) -> dict[str, Any]:
    parts = (body.get("First_Name"), body.get("Last_Name"))
    return {**body, "Full_Name": " ".join(part for part in parts if part)}


def _deal(body: dict[str, Any], written: frozenset[str]) -> dict[str, Any]:
    stage = stage_of(body.get("Stage", ""))
    odds = body.get("Probability")
    if stage and ("Probability" not in written) and ("Stage" in written or odds is None):
        odds = stage.probability
    values = {**body, "Pipeline": body.get("Pipeline", LAYOUT_PIPELINE)}
    values.pop("Expected_Revenue", None)
    if stage:
        values["Stage"] = stage.actual
    if odds is not None:
        values["Probability"] = odds
    if odds is not None and body.get("Amount") is not None:
        values["Expected_Revenue"] = round(body["Amount"] * odds / 100, 2)
    return values


_BY_MODULE: Mapping[str, Callable[[dict[str, Any], frozenset[str]], dict[str, Any]]] = {
    "Contacts": _contact,
    "Deals": _deal,
}
