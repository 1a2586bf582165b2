"""Writing records, with a verdict about each one.

HTTP says nothing about success here; the per-item results do. Writes go out a hundred at a time.
When a later hundred fails as a whole, what the earlier ones achieved must not be forgotten: the rest
then carries the failure as verdicts (`Verdict.error`) instead of an exception.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from zbweb.crm import parse
from zbweb.crm.errors import AnswerLost, CrmError, MalformedAnswer, NotAsked
from zbweb.crm.port import WRITE_SIZE, Record, Verdict
from zbweb.crm.records import API, module_subject
from zbweb.crm.transport import Ask, Transport

Item = TypeVar("Item")


def insert(transport: Transport, module: str, records: Sequence[Record], *, trigger: bool = True) -> list[Verdict]:
    """Add records. Raises AnswerLost when they may have been added although nobody said so."""

    def ask(chunk: Sequence[Record]) -> Ask:
        return _ask("POST", module, body=_body(chunk, trigger=trigger), repeatable=False)

    return _in_chunks(transport, records, ask)


def update(transport: Transport, module: str, records: Sequence[Record], *, trigger: bool = True) -> list[Verdict]:
    """Change the sent fields of records, each of which carries its `id`."""

    def ask(chunk: Sequence[Record]) -> Ask:
        return _ask("PUT", module, body=_body(chunk, trigger=trigger))

    return _in_chunks(transport, records, ask)


def delete(transport: Transport, module: str, crm_ids: Sequence[str], *, trigger: bool = True) -> list[Verdict]:
    """Move records to the CRM's recycle bin. One that is not there is refused with INVALID_DATA."""

    def ask(chunk: Sequence[str]) -> Ask:
        params = {"ids": ",".join(chunk)} | ({} if trigger else {"wf_trigger": "false"})
        return _ask("DELETE", module, params=params)

    return _in_chunks(transport, crm_ids, ask)


def _body(records: Sequence[Record], *, trigger: bool) -> dict[str, Any]:
    """`trigger` false keeps the CRM's workflows still; left out, they all run."""
    return {"data": list(records)} | ({} if trigger else {"trigger": []})


def _ask(method: str, module: str, *, under: str = "", **rest: Any) -> Ask:
    return Ask(method, f"{API}/{module}{under}", verdicts="data", subject=module_subject(module), **rest)


def _in_chunks(transport: Transport, items: Sequence[Item], ask: Callable[[Sequence[Item]], Ask]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for start in range(0, len(items), WRITE_SIZE):
        chunk = items[start : start + WRITE_SIZE]
        try:
            verdicts += _send(transport, ask(chunk), len(chunk))
        except CrmError as error:
            if not verdicts:
                raise
            unsent = len(items) - start - len(chunk)
            return [*verdicts, *[_failed(error)] * len(chunk), *[_failed(_not_sent(error))] * unsent]
    return verdicts


def _send(transport: Transport, ask: Ask, expected: int) -> list[Verdict]:
    body = transport.call(ask)
    try:
        return _verdicts(body, ask.subject, expected)
    except MalformedAnswer as error:
        if ask.repeatable:
            raise
        raise AnswerLost(
            "Zoho CRM answered a write in words that cannot be read, so the record may exist there. "
            "It is looked up before it is sent again."
        ) from error


def _verdicts(body: Mapping[str, Any] | None, subject: str, expected: int) -> list[Verdict]:
    with parse.reading(subject):
        if body is None:
            raise ValueError("a write was answered with nothing")
        verdicts = [parse.verdict(item) for item in body["data"]]
        if len(verdicts) != expected:
            raise ValueError(f"{expected} records were written and {len(verdicts)} results came back")
        if any(verdict.ok and verdict.crm_id is None for verdict in verdicts):
            raise ValueError("a record was written and its id is not told")
        return verdicts


def _not_sent(error: CrmError) -> CrmError:
    if not isinstance(error, AnswerLost):
        return error
    return NotAsked("This record was not sent, because the answer about the ones before it was lost.")


def _failed(error: CrmError) -> Verdict:
    return Verdict(
        ok=False,
        crm_id=None,
        code=error.word,
        message=error.message,
        details=error.details,
        modified_at=None,
        error=error,
    )
