"""How the pages of quotes, sales orders and invoices differ, one row each; what they share is transactions.py."""

from dataclasses import dataclass

from flask import Blueprint

from zbweb.billing.status import FIRST_STEP, Status
from zbweb.billing.words import Kind

PATH = "/<any({}):kind>".format(",".join(f"'{kind}'" for kind in Kind))
"""The first part of these pages' URLs; a view gets it as a Kind."""


@dataclass(frozen=True, slots=True)
class KindPage:
    """The words of one kind, beyond its names."""

    kind: Kind
    icon: str
    date_label: str
    due_label: str
    due_hint: str

    @property
    def title(self) -> str:
        """Of the list."""
        return self.kind.plural

    @property
    def name(self) -> str:
        """As a title."""
        return self.kind.singular

    @property
    def noun(self) -> str:
        """In the middle of a sentence."""
        return self.kind.noun

    @property
    def first_step(self) -> Status:
        """The status a draft is moved to when it goes out."""
        return FIRST_STEP[self.kind]

    @property
    def has_terms(self) -> bool:
        """Whether payment terms set the due date."""
        return self.kind is Kind.INVOICE


PAGES = {
    Kind.QUOTE: KindPage(
        Kind.QUOTE, "quote", "Quote Date", "Expiry Date", "Open until then."
    ),
    Kind.SALES_ORDER: KindPage(
        Kind.SALES_ORDER, "order", "Order Date", "Expected Shipment", ""
    ),
    Kind.INVOICE: KindPage(
        Kind.INVOICE, "invoice", "Invoice Date", "Due Date", "Empty: by the payment terms."
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MoveButton:
    """The button that moves a document to a status; with `confirm` it asks first."""

    label: str
    confirm: str = ""
    tone: str = ""


MOVES: dict[tuple[Kind, Status], MoveButton] = {
    (Kind.QUOTE, Status.SENT): MoveButton("Mark as Sent"),
    (Kind.QUOTE, Status.ACCEPTED): MoveButton("Mark as Accepted"),
    (Kind.QUOTE, Status.DECLINED): MoveButton("Mark as Declined"),
    (Kind.SALES_ORDER, Status.CONFIRMED): MoveButton("Confirm"),
    (Kind.SALES_ORDER, Status.CLOSED): MoveButton("Close", "Close this sales order? Nothing more can be invoiced."),
    (Kind.SALES_ORDER, Status.VOID): MoveButton("Void", "Void this sales order? This cannot be undone.", "danger"),
    (Kind.INVOICE, Status.SENT): MoveButton("Mark as Sent"),
    (Kind.INVOICE, Status.VOID): MoveButton(
        "Void", "Void this invoice? Its payments become the customer's credit. This cannot be undone.", "danger"
    ),
}


def move_button(kind: Kind, status: Status, to: Status) -> MoveButton:
    """The button for a move; a closed order that goes back is reopened."""
    return MoveButton("Reopen") if status is Status.CLOSED else MOVES[kind, to]


def speak_kinds(blueprint: Blueprint) -> None:
    """Hand the views of `blueprint` a Kind where their URL has one."""

    @blueprint.url_value_preprocessor
    def _to_kind(_endpoint: str | None, values: dict[str, object] | None) -> None:
        if values and "kind" in values:
            values["kind"] = Kind(str(values["kind"]))
