"""What people typed into documents on either side, and what may come of it: told apart from the product's own merge."""

from collections import defaultdict
from decimal import Decimal

from zbweb.sync.core.words import Extent, Winner

HERE, THERE = "here", "there"
FIELDS = ("notes", "terms", "lines")
NAMES = {"notes": "Description", "terms": "Terms_and_Conditions"}


def number(value) -> str:
    return f"{Decimal(str(value)).normalize():f}"


def ours(document) -> dict:
    lines = tuple((number(line.quantity), number(line.rate)) for line in document.lines)
    return {"notes": document.notes, "terms": document.terms, "lines": lines}


def theirs(record, rows) -> dict:
    lines = tuple((number(row["Quantity"]), number(row["List_Price"])) for row in record[rows])
    return {"lines": lines} | {field: record[name] or "" for field, name in NAMES.items()}


class Ledger:
    """`typed` are the values that people gave a field since both books last agreed on it, with the side, in order.

    `agreed` is what it said then. `in_doubt`: a worker died or an answer got lost since, so nobody knows which of the
    two books had heard of what.
    """

    def __init__(self, winner, extent):
        self.winner, self.extent = winner, extent
        self.typed: dict[tuple[int, str], list[tuple[str, object]]] = defaultdict(list)
        self.agreed: dict[tuple[int, str], object] = {}
        self.refused: set[int] = set()
        self.in_doubt = False

    def write(self, document_id, field, side, value):
        self.typed[document_id, field].append((side, value))

    def forget(self, document_id):
        """The two are no pair any more, or a new one."""
        for field in FIELDS:
            self.typed.pop((document_id, field), None)
            self.agreed.pop((document_id, field), None)

    def observe(self, document_id, here, there, *, is_settled):
        """Both books as they are; where they agree on a field, it must be on what the rule says."""
        for field in FIELDS:
            if self.extent is Extent.PUSH:
                self._pushed(document_id, field, here[field], there[field], is_settled=is_settled)
            elif here[field] == there[field]:
                self._agree(document_id, field, here[field], is_settled=is_settled)
            else:
                assert not is_settled, (document_id, field, here[field], there[field], self.typed[document_id, field])

    def _agree(self, document_id, field, value, *, is_settled):
        key = document_id, field
        allowed = self._allowed(document_id, field)
        assert not allowed or value in allowed, (key, value, "instead of", allowed, self.typed[key])
        if is_settled or not self.in_doubt:
            self.agreed[key] = value
            self.typed.pop(key, None)

    def _allowed(self, document_id, field):
        """What a field may say; nothing where that is not known, as nobody ever agreed on it."""
        typed = self.typed[document_id, field]
        before = self.agreed.get((document_id, field))
        if not typed:
            return [] if before is None else [before]
        last = dict(typed)
        stays = [last.get(HERE, before)] if document_id in self.refused else []
        if len(last) == 1:
            return [*last.values(), *stays]
        if self.winner is Winner.NEWEST or self.in_doubt:
            return [*last.values(), *stays]
        return [last[HERE if self.winner is Winner.BILLING else THERE], *stays]

    def _pushed(self, document_id, field, here, there, *, is_settled):
        """What is only pushed: the CRM hears of what is typed here, and nothing comes back."""
        key = document_id, field
        last = dict(self.typed[key])
        assert here == last.get(HERE, self.agreed.get(key, here)), (key, here, self.typed[key])
        if is_settled and last:
            assert there in last.values(), (key, there, self.typed[key])
            self.typed.pop(key)
            self.agreed[key] = here
