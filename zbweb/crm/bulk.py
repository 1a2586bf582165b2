"""Exports: up to 200,000 records per job, far fewer requests than pages for a large first sync.

The CRM answers with a zipped CSV. It goes to a temporary file and is read row by row, so memory does
not grow with it, and each value is typed by its field so that a record looks as a list would give it.
In CSV a lookup is only an id; its name is asked for as a second column and both are put together.
"""

import csv
import io
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import IO, Any

from zbweb.crm import metadata, parse
from zbweb.crm.errors import MalformedAnswer, Refused
from zbweb.crm.port import NAME_FIELDS, BulkJob, BulkState, FieldMeta, Record
from zbweb.crm.records import module_subject
from zbweb.crm.transport import Ask, Transport

_BULK = "/crm/bulk/v8/read"
_EXPORT = "the export"
_USERS = frozenset({"ownerlookup", "userlookup"})
_NAME_OF_CUSTOM_MODULE = "Name"
_TAGS = "Tag"
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, csv.Error, LookupError, ValueError, ArithmeticError)


def start(
    transport: Transport,
    module: str,
    fields: Sequence[str],
    *,
    view_id: str | None = None,
    page_token: str | None = None,
) -> BulkJob:
    """Ask for an export of a module, of one view of it, or (by token) of what follows an earlier one."""
    query: dict[str, Any] = {"page_token": page_token}
    if page_token is None:
        columns = _columns(metadata.fields(transport, module), fields)
        query = {"module": {"api_name": module}, "fields": columns} | ({"cvid": view_id} if view_id else {})
    body = transport.call(
        Ask("POST", _BULK, body={"query": query, "file_type": "csv"}, verdicts="data", subject=module_subject(module))
    )
    with parse.reading(_EXPORT):
        item = body["data"][0]
        if item["status"] == "success":
            return BulkJob(id=str(item["details"]["id"]), state=BulkState.WAITING)
    raise Refused(
        f"Zoho CRM did not start an export of {module_subject(module)}: {item.get('message')} ({item.get('code')}).",
        code=item.get("code"),
        details=item.get("details"),
    )


def job(transport: Transport, job_id: str) -> BulkJob:
    """How far an export is."""
    body = transport.call(Ask("GET", f"{_BULK}/{job_id}", subject=_EXPORT))
    with parse.reading(_EXPORT):
        return parse.bulk_job(body["data"][0])


def rows(transport: Transport, job_id: str, fields: Sequence[FieldMeta]) -> Iterator[Record]:
    """The records of a finished export. `fields` are the module's, those that were asked for at least."""
    with tempfile.TemporaryFile() as file:
        transport.download(Ask("GET", f"{_BULK}/{job_id}/result", subject=_EXPORT), file)
        yield from read_export(file, fields)


def read_export(file: IO[bytes], fields: Sequence[FieldMeta]) -> Iterator[Record]:
    """The records in a zipped CSV."""
    readers = {field.api_name: _reader(field) for field in fields}
    try:
        with zipfile.ZipFile(file) as archive, archive.open(archive.namelist()[0]) as member:
            lines = csv.reader(io.TextIOWrapper(member, encoding="utf-8-sig", newline=""))
            header = next(lines, [])
            for line in lines:
                yield _record(dict(zip(header, line, strict=True)), readers)
    except _UNREADABLE as error:
        raise MalformedAnswer("Zoho CRM's export could not be read. Start it again.") from error


def _columns(metas: Sequence[FieldMeta], fields: Sequence[str]) -> list[str]:
    """Unknown fields are left out, as a list leaves them out; an export would be refused for them."""
    known = {meta.api_name: meta for meta in metas}
    names = [name for name in dict.fromkeys(fields) if name in known and name != "id"]
    return [*names, *(column for name in names for column in _name_columns(known[name]))]


def _name_columns(field: FieldMeta) -> list[str]:
    """The extra columns that hold a lookup's name."""
    if field.data_type in _USERS:
        return [f"{field.api_name}.first_name", f"{field.api_name}.last_name"]
    if field.lookup_module:
        return [f"{field.api_name}.{NAME_FIELDS.get(field.lookup_module, _NAME_OF_CUSTOM_MODULE)}"]
    return []


def _record(cells: Mapping[str, str], readers: Mapping[str, Callable[[Mapping[str, str]], Any]]) -> Record:
    record: Record = {"id": cells.get("Id") or cells["id"]}
    for name in cells:
        if name in readers:
            record[name] = readers[name](cells)
    return record


def _reader(field: FieldMeta) -> Callable[[Mapping[str, str]], Any]:
    """How to read the field from a row's cells."""
    if field.json_type == "jsonobject":
        return _lookup_reader(field.api_name, _name_columns(field))
    kind = field.json_type if field.api_name != _TAGS else _TAGS
    read = _READERS.get(kind, str)
    empty: Any = [] if kind in {"jsonarray", _TAGS} else None
    return lambda cells: read(cells[field.api_name]) if cells[field.api_name] else empty


def _lookup_reader(name: str, name_columns: Sequence[str]) -> Callable[[Mapping[str, str]], Any]:
    def read(cells: Mapping[str, str]) -> Any:
        if not cells[name]:
            return None
        called = " ".join(filter(None, (cells.get(column, "") for column in name_columns)))
        return {"name": called or None, "id": cells[name]}

    return read


def _boolean(text: str) -> bool:
    return text.lower() == "true"


def _several(text: str) -> list[str]:
    return text.split(";")


def _tags(text: str) -> list[Record]:
    return [{"name": name.strip()} for name in re.split("[;,]", text)]


_READERS: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "long": int,
    "double": Decimal,
    "boolean": _boolean,
    "jsonarray": _several,
    _TAGS: _tags,
}
