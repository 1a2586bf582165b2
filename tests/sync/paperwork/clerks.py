"""What people do with documents, and with what these point at, in either book."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import select

from tests.factories.documents import LINES, add_customer
from tests.factories.potentials import add_deal
from tests.factories.recycle_bin import recover, recycled
from tests.factories.transactions import make_line, make_transaction, pay
from tests.sync.paperwork.audit import Audit
from tests.sync.paperwork.ledger import HERE, NAMES
from tests.sync.paperwork.office import KINDS, PICK
from tests.sync.simulator.world import ASHA, at
from zbweb.billing import convert, customers, moves, transactions
from zbweb.billing.drafts import Potential, from_transaction
from zbweb.billing.models import Customer, Item, Transaction
from zbweb.billing.status import FIRST_STEP, MOVES, Status
from zbweb.billing.words import Kind
from zbweb.sandbox.merging import merge
from zbweb.sync.core.document_words import CRM_MODULES, STATUS_IN
from zbweb.sync.core.words import Extent
from zbweb.sync.documents import state
from zbweb.sync.repair import merging

TEXTS = st.sampled_from(["notes", "terms"])
ROWS = st.sampled_from(["reprice", "add", "remove"])
WORD_FIELD = {Kind.QUOTE: "Quote_Stage", Kind.SALES_ORDER: "Status", Kind.INVOICE: "Status"}


class ClerksHere(Audit):
    """Everything people type is typed once, so that it can be told where it went."""

    @rule(kind=KINDS, pick=PICK, is_draft=st.booleans(), has_item=st.booleans(), count=st.integers(1, 2))
    def make_here(self, kind, pick, is_draft, has_item, count):
        def work(session):
            item = session.scalar(select(Item).order_by(Item.id)) if has_item else None
            more = {"item_id": item.id, "name": item.name} if item else {"name": next(self.words)}
            lines = [make_line(rate=str(next(self.prices)), **more) for _ in range(count)]
            customer = session.get_one(Customer, at(self.partners.customers(), pick).id)
            make_transaction(session, customer, kind=kind, is_draft=is_draft, lines=lines, notes=next(self.words))

        self.attempt(work)

    def rewrite(self, document, **values):
        """Save these values over a document; the ledger knows what was typed where that was possible."""

        def work(session):
            held = session.get_one(Transaction, document.id)
            draft = replace(from_transaction(held), **values)
            transactions.edit(session, held, draft, version=None, actor=ASHA)

        return self.attempt(work)

    @rule(pick=PICK, field=TEXTS)
    def reword_here(self, pick, field):
        document = self.document(pick)
        if document is not None:
            self.reword(document, field)

    def reword(self, document, field):
        word = next(self.words)
        if self.rewrite(document, **{field: word}):
            self.ledger.write(document.id, field, HERE, word)

    @rule(pick=PICK, how=ROWS)
    def change_lines_here(self, pick, how):
        document = self.document(pick)
        if document is None:
            return
        first, *others = from_transaction(document).lines
        price = Decimal(next(self.prices))
        lines = {
            "reprice": (replace(first, rate=price), *others),
            "add": (first, *others, make_line(rate=str(price))),
            "remove": (first, *others[:-1]),
        }[how]
        if self.rewrite(document, lines=lines):
            told = tuple((f"{line.quantity.normalize():f}", f"{line.rate.normalize():f}") for line in lines)
            self.ledger.write(document.id, "lines", HERE, told)

    @rule(pick=PICK, to=PICK)
    def move_here(self, pick, to):
        document = self.document(pick)
        allowed = MOVES[Kind(document.kind)][Status(document.status)] if document is not None else ()
        if allowed:
            self.attempt(lambda session: moves.move(session, self._held(session, document), at(allowed, to), ASHA))

    def _held(self, session, document):
        return session.get_one(Transaction, document.id)

    @rule(pick=PICK, into=st.sampled_from([convert.to_order, convert.to_invoice]), is_draft=st.booleans())
    def convert_here(self, pick, into, is_draft):
        document = self.document(pick, Kind.QUOTE, Kind.SALES_ORDER)
        if document is None:
            return

        def work(session):
            made = into(session, self._held(session, document), actor=ASHA)
            if made.status == Status.DRAFT and not is_draft:
                moves.move(session, made, FIRST_STEP[Kind(made.kind)], ASHA)

        self.attempt(work)

    @rule(pick=PICK, part=st.sampled_from(["5", "all"]))
    def pay_here(self, pick, part):
        invoice = self.document(pick, Kind.INVOICE)
        if invoice is None or invoice.status != Status.SENT or not invoice.balance:
            return

        def work(session):
            held = self._held(session, invoice)
            amount = str(held.balance) if part == "all" else part
            pay(session, held.customer, amount, invoices={held: amount})

        self.attempt(work)

    @rule(pick=PICK)
    def delete_here(self, pick):
        drafts = [each for each in self.documents() if each.status == Status.DRAFT]
        if drafts:
            document = at(drafts, pick)
            self.attempt(lambda session: transactions.delete(session, self._held(session, document), actor=ASHA))

    @rule(pick=PICK)
    def send_again_here(self, pick):
        gone = {link.entity_id for link in self.links("archived") if link.reason == "deleted_in_crm"}
        lost = [each for each in self.documents() if each.id in gone]
        if lost:
            self.attempt(lambda session: state.send_again(session, self._held(session, at(lost, pick))))

    @rule(pick=PICK, deal=PICK, is_tied=st.booleans())
    def tie_potential_here(self, pick, deal, is_tied):
        document, deals = self.document(pick), self.records_of("Deals")
        if document is None or (is_tied and not deals):
            return

        def work(session):
            held = self._held(session, document)
            if is_tied:
                potential = Potential(at(deals, deal), "Big Deal", "Qualification")
                transactions.link_potential(session, held, potential, actor=ASHA)
            else:
                transactions.dissociate_potential(session, held, actor=ASHA)

        self.attempt(work)

    @precondition(lambda self: len(self.partners.customers()) > 1)
    @rule(pick=PICK, other=PICK)
    def merge_customers_here(self, pick, other):
        kept, merged = (at(self.partners.customers(), each).id for each in (pick, other))

        def work(session):
            merging.merge(session, *merging.both_locked(session, kept, merged), actor=ASHA)

        if kept != merged:
            self.attempt(work)

    @rule(pick=PICK)
    def delete_customer_here(self, pick):
        customer = at(self.partners.customers(), pick)
        if len(self.partners.customers()) > 1:
            self.attempt(lambda session: customers.delete(session, customers.locked(session, customer.id), actor=ASHA))


class ClerksThere(Audit):
    """The same in the CRM, for what exists there."""

    def pick_there(self, kind, pick):
        """A document of the CRM, whole."""
        module = CRM_MODULES[kind]
        ids = self.records_of(module)
        return self.partners.crm.get(module, at(ids, pick)) if ids else None

    def change_there(self, kind, record, **values):
        self.partners.edit(CRM_MODULES[kind], record["id"], **values)

    @precondition(lambda self: self.records_of("Accounts"))
    @rule(kind=KINDS, account=PICK, product=PICK, word=PICK, tax=st.sampled_from([0, 0, 20]))
    def make_there(self, kind, account, product, word, tax):
        if not self.records_of("Products"):
            self.partners.add("Products", Product_Name=next(self.names))
        row = {
            "Product_Name": {"id": at(self.records_of("Products"), product)}, "Quantity": 2,
            "List_Price": next(self.prices), "Line_Tax": [{"name": "Vat", "percentage": tax}] if tax else [],
        }  # fmt: skip
        module = CRM_MODULES[kind]
        self.partners.add(
            module, Subject=next(self.names), Account_Name={"id": at(self.records_of("Accounts"), account)},
            Description=next(self.words),
            **{LINES[module]: [row], WORD_FIELD[kind]: at(list(STATUS_IN[kind]), word)},
        )  # fmt: skip

    @rule(kind=KINDS, pick=PICK, field=TEXTS)
    def reword_there(self, kind, pick, field):
        record, word = self.pick_there(kind, pick), next(self.words)
        if record is not None:
            self.change_there(kind, record, **{NAMES[field]: word})
            self.typed_there(CRM_MODULES[kind], record["id"], field, word)

    @rule(kind=KINDS, pick=PICK, how=ROWS)
    def change_rows_there(self, kind, pick, how):
        record, module = self.pick_there(kind, pick), CRM_MODULES[kind]
        if record is None or self.extent is Extent.PUSH:
            return
        first, *others = record[LINES[module]]
        price = next(self.prices)
        if how == "remove" and not others:
            return
        change = {
            "reprice": {"id": first["id"], "List_Price": price},
            "add": {"Product_Name": {"id": at(self.records_of("Products"), pick)}, "Quantity": 1, "List_Price": price}
            if self.records_of("Products") else {"id": first["id"], "List_Price": price},
            "remove": {"id": others[-1]["id"], "_delete": None} if others else {},
        }[how]  # fmt: skip
        self.change_there(kind, record, **{LINES[module]: [change]})
        now = self.partners.crm.get(module, record["id"])[LINES[module]]
        told = tuple(
            (f"{Decimal(str(row['Quantity'])).normalize():f}", f"{Decimal(str(row['List_Price'])).normalize():f}")
            for row in now
        )
        self.typed_there(module, record["id"], "lines", told)

    @rule(kind=KINDS, pick=PICK, word=PICK)
    def move_there(self, kind, pick, word):
        record = self.pick_there(kind, pick)
        if record is not None:
            self.change_there(kind, record, **{WORD_FIELD[kind]: at(list(STATUS_IN[kind]), word)})

    @rule(kind=KINDS, pick=PICK, amount=st.sampled_from([0, 1, 2]), field=st.sampled_from(["Adjustment", "Discount"]))
    def change_sums_there(self, kind, pick, amount, field):
        record = self.pick_there(kind, pick)
        if record is not None and self.extent is Extent.BOTH:
            self.change_there(kind, record, **{field: amount})

    @rule(kind=KINDS, pick=PICK, to=PICK)
    def hand_over_there(self, kind, pick, to):
        """Somebody gives a document to another account, where it stays until it changes here."""
        record, accounts = self.pick_there(kind, pick), self.records_of("Accounts")
        if record is not None and accounts:
            self.handed_over.add(record["id"])
            self.change_there(kind, record, Account_Name={"id": at(accounts, to)})

    @rule(kind=KINDS, pick=PICK)
    def drop_there(self, kind, pick):
        record = self.pick_there(kind, pick)
        if record is not None:
            self.partners.drop(CRM_MODULES[kind], record["id"])

    @rule(pick=PICK)
    def recover_there(self, pick):
        """Somebody takes a document out of the CRM's recycle bin."""
        found = recycled(self.partners, *CRM_MODULES.values())
        if found:
            recover(self.partners, at(found, pick))

    @rule(kind=KINDS, pick=PICK)
    def copy_there(self, kind, pick):
        """The copy carries our id, too."""
        record, module = self.pick_there(kind, pick), CRM_MODULES[kind]
        if record is None or not record["Account_Name"]:
            return
        same = {name: record[name] for name in ("Subject", "Billing_Document_Id", "Description", WORD_FIELD[kind])}
        rows = [{key: row[key] for key in ("Product_Name", "Quantity", "List_Price")} for row in record[LINES[module]]]
        products = set(self.records_of("Products"))
        if all(row["Product_Name"]["id"] in products for row in rows):
            account = {"id": record["Account_Name"]["id"]}
            self.copies.add(self.partners.add(module, Account_Name=account, **same, **{LINES[module]: rows}))

    @rule(pick=PICK, module=st.sampled_from(["Accounts", "Contacts", "Deals", "Products"]))
    def lose_there(self, pick, module):
        """Somebody deletes what documents point at."""
        if self.records_of(module):
            self.partners.drop(module, at(self.records_of(module), pick))

    @rule(pick=PICK, other=PICK)
    def merge_accounts_there(self, pick, other):
        accounts = self.records_of("Accounts")
        if len(accounts) > 1 and at(accounts, pick) != at(accounts, other):
            behind = self.sandbox.sandbox
            with behind.changing(behind.admin) as work:
                merge(work, "Accounts", int(at(accounts, pick)), duplicate_id=int(at(accounts, other)))

    @rule(pick=PICK)
    def rename_product_there(self, pick):
        if self.records_of("Products"):
            self.partners.edit("Products", at(self.records_of("Products"), pick), Product_Name=next(self.names))

    @rule(kind=st.sampled_from([Kind.QUOTE, Kind.SALES_ORDER]), pick=PICK, deal=PICK, is_tied=st.booleans())
    def tie_potential_there(self, kind, pick, deal, is_tied):
        record, deals = self.pick_there(kind, pick), self.records_of("Deals")
        if record is not None and self.extent is Extent.BOTH:
            self.change_there(kind, record, Deal_Name={"id": at(deals, deal)} if is_tied and deals else None)


class Clerks(ClerksHere, ClerksThere):
    """People on both sides."""

    @rule(pick=PICK, who=st.sampled_from(["business", "individual", "account", "potential"]))
    def somebody_new(self, pick, who):
        accounts = self.records_of("Accounts")
        if who in ("business", "individual"):
            name = next(self.names)
            add_customer(type=who, display_name=name, last_name=name if who == "individual" else "")
        elif who == "account":
            self.partners.add("Accounts", Account_Name=next(self.names))
        else:
            add_deal(self.partners, next(self.names), account=at(accounts, pick) if accounts else None)

    @rule(pick=PICK, field=TEXTS, begin_here=st.booleans())
    def reword_on_both_sides(self, pick, field, begin_here):
        pairs = self.pairs()
        if not pairs:
            return
        document, link = at(pairs, pick)
        kind = Kind(document.kind)
        there = self.records_of(link.crm_module)
        if link.crm_id not in there:
            return
        if begin_here:
            self.reword(document, field)
        self.reword_there(kind, there.index(link.crm_id), field)
        if not begin_here:
            self.reword(document, field)
