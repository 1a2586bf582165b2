"""Reading records: lists of any length, single ones, searches, related ones, deletions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from zbweb.crm import parse
from zbweb.crm.ahead import one_ahead
from zbweb.crm.errors import MalformedAnswer, Refused
from zbweb.crm.port import FIELD_LIMIT, PAGE_SIZE, DeletedRecord, Page, Record
from zbweb.crm.transport import Ask, Transport
from zbweb.crm.wire import time_text

API = "/crm/v8"
_IDS_AT_ONCE = 100
_PLACE_OF_LIST = 2
_COQL_ROWS = 2000
_COQL_REACH = 100_000


def module_subject(module: str) -> str:
    """How errors speak of a module."""
    return f"the module {module}"


@dataclass(frozen=True, slots=True)
class Listing:
    """Which records to list, and how much of each."""

    module: str
    fields: Sequence[str]
    view_id: str | None = None
    modified_since: datetime | None = None
    per_page: int = PAGE_SIZE


def pages(transport: Transport, listing: Listing, *, page_token: str | None = None) -> Iterator[Page]:
    """See the port. Fields beyond the fifty of one request are read by id, page by page."""
    module = listing.module
    first, *further = _field_groups(listing.fields)
    headers = _since(listing.modified_since)
    question = {"fields": first, "per_page": str(listing.per_page)}
    if listing.view_id:
        question["cvid"] = listing.view_id

    def fetch(token: str | None) -> Page:
        page = _page(transport, _ask(module, params=_from(question, token), headers=headers))
        for group in further:
            _complete(page.records, _by_ids(transport, module, [record["id"] for record in page.records], group))
        return page

    return one_ahead(fetch, page_token)


def _ask(module: str, under: str = "", **rest: Any) -> Ask:
    return Ask("GET", f"{API}/{module}{under}", subject=module_subject(module), **rest)


def _since(moment: datetime | None) -> dict[str, str]:
    return {"If-Modified-Since": time_text(moment)} if moment else {}


def _field_groups(fields: Sequence[str]) -> list[str]:
    names = [name for name in dict.fromkeys(fields) if name != "id"] or ["id"]
    return [",".join(names[start : start + FIELD_LIMIT]) for start in range(0, len(names), FIELD_LIMIT)]


def _from(question: Mapping[str, str], token: str | None) -> dict[str, str]:
    return {**question, "page_token": token} if token else dict(question)


def _page(transport: Transport, ask: Ask) -> Page:
    body = transport.call(ask)
    if body is None:
        return Page(records=[], next_token=None)
    with parse.reading(ask.subject):
        more = body.get("info", {}).get("more_records", False)
        token = body["info"].get("next_page_token") if more else None
        page = Page(records=parse.records(body["data"]), next_token=token)
    if more and not token:
        raise MalformedAnswer(f"Zoho CRM says that {ask.subject} has more records, but not where. Try again.")
    return page


def _complete(records: Sequence[Record], more: Sequence[Record]) -> None:
    by_id = {record["id"]: record for record in more}
    for record in records:
        record.update(by_id.get(record["id"], {}))


def _by_ids(transport: Transport, module: str, crm_ids: Sequence[str], fields: str) -> list[Record]:
    found: list[Record] = []
    for start in range(0, len(crm_ids), _IDS_AT_ONCE):
        params = {"fields": fields, "ids": ",".join(crm_ids[start : start + _IDS_AT_ONCE])}
        found += _page(transport, _ask(module, params=params)).records
    return found


def get(transport: Transport, module: str, crm_id: str) -> Record | None:
    """One record with every field and its line items; None when it is not there (any more)."""
    body = transport.call(_ask(module, f"/{_quoted(crm_id)}"))
    if body is None:
        return None
    with parse.reading(module_subject(module)):
        return parse.records(body["data"])[0]


def get_many(transport: Transport, module: str, crm_ids: Sequence[str], fields: Sequence[str]) -> list[Record]:
    """The records of `crm_ids` that exist, in that order."""
    first, *further = _field_groups(fields)
    wanted = list(dict.fromkeys(crm_ids))
    found = _by_ids(transport, module, wanted, first)
    for group in further:
        _complete(found, _by_ids(transport, module, [record["id"] for record in found], group))
    by_id = {record["id"]: record for record in found}
    return [by_id[crm_id] for crm_id in wanted if crm_id in by_id]


def count(transport: Transport, module: str, *, view_id: str | None = None) -> int:
    """How many records the module, or one view of it, holds; may lag some minutes behind."""
    params = {"cvid": view_id} if view_id else {}
    body = transport.call(_ask(module, "/actions/count", params=params))
    with parse.reading(module_subject(module)):
        return 0 if body is None else int(body["count"])


def deleted(transport: Transport, module: str, *, since: datetime | None = None) -> Iterator[DeletedRecord]:
    """Deletions after `since`, newest first as far as the CRM remembers (60 to 120 days)."""
    ask = _ask(module, "/deleted", params={"type": "all", "per_page": str(PAGE_SIZE)}, headers=_since(since))
    for item in _numbered(transport, ask):
        with parse.reading(ask.subject):
            yield parse.deleted_record(item)


def search(
    transport: Transport,
    module: str,
    *,
    word: str,
    fields: Sequence[str],
    limit: int = 50,
) -> list[Record]:
    """At most `limit` records (the CRM itself stops at 2,000) that match a word."""
    params = {"word": word, "fields": _field_groups(fields)[0], "per_page": str(min(limit, PAGE_SIZE))}
    found: list[Record] = []
    for item in _numbered(transport, _ask(module, "/search", params=params)):
        found.append(item)
        if len(found) == limit:
            break
    return found


def _numbered(transport: Transport, ask: Ask) -> Iterator[dict[str, Any]]:
    """Items of a list that is paged by number."""
    number, more = 1, True
    while more:
        body = transport.call(replace(ask, params={**ask.params, "page": str(number)}))
        if body is None:
            return
        with parse.reading(ask.subject):
            items, more = parse.objects(body["data"]), bool(body.get("info", {}).get("more_records"))
        yield from items
        number += 1


def related(transport: Transport, module: str, crm_id: str, related_list: str, fields: Sequence[str]) -> list[Record]:
    """Every record of one related list, such as an account's `Deals`.

    Lists are named like the module they lead to, mostly; where the CRM knows another name, it is asked for it.
    """
    try:
        return _related(transport, module, crm_id, related_list, fields)
    except Refused as error:
        other = _name_of_list(transport, module, related_list) if _is_list_unknown(error) else None
        if other is None:
            raise
    return _related(transport, module, crm_id, other, fields)


def _related(transport: Transport, module: str, crm_id: str, related_list: str, fields: Sequence[str]) -> list[Record]:
    question = {"fields": _field_groups(fields)[0], "per_page": str(PAGE_SIZE)}
    ask = replace(_ask(module, f"/{_quoted(crm_id)}/{related_list}"), subject=module_subject(related_list))
    token = None
    found: list[Record] = []
    while True:
        page = _page(transport, replace(ask, params=_from(question, token)))
        found += page.records
        token = page.next_token
        if token is None:
            return found


def _is_list_unknown(error: Refused) -> bool:
    return error.code == "INVALID_DATA" and error.details.get("resource_path_index") == _PLACE_OF_LIST


def _name_of_list(transport: Transport, module: str, target: str) -> str | None:
    """What the list of `target` records is called in the CRM; None when there is none of another name."""
    ask = Ask("GET", f"{API}/settings/related_lists", {"module": module}, subject=module_subject(module))
    body = transport.call(ask)
    with parse.reading(ask.subject):
        lists = parse.listed(body, "related_lists")
        named = {item["api_name"]: (item.get("module") or {}).get("api_name") for item in lists}
    return next((name for name, leads_to in named.items() if leads_to == target and name != target), None)


def _quoted(crm_id: str) -> str:
    """An id may come from a browser: it must not lead to another path."""
    return quote(crm_id, safe="")


def coql(transport: Transport, query: str) -> list[Record]:
    """Every row of a query that says no limit of its own (the CRM reaches 100,000 rows)."""
    found: list[Record] = []
    for offset in range(0, _COQL_REACH, _COQL_ROWS):
        select = {"select_query": f"{query} limit {offset}, {_COQL_ROWS}"}
        body = transport.call(Ask("POST", f"{API}/coql", body=select, subject="the query's records"))
        if body is None:
            break
        with parse.reading("the query's records"):
            found += parse.objects(body["data"])
            if not body["info"]["more_records"]:
                break
    return found
