"""The CRM's recycle bin, out of which people take what was deleted."""

import json

from tests.factories.sync import Partners
from zbweb.sandbox import records
from zbweb.sandbox.queries import Row


def recycled(partners: Partners, *modules: str) -> list[str]:
    """Ids of what is in the bin, in the order in which it was made."""
    behind = partners.sandbox.sandbox
    with behind.store.write() as connection:
        found = connection.execute("SELECT id, module FROM deleted ORDER BY id").fetchall()
    return [str(each["id"]) for each in found if each["module"] in modules]


def recover(partners: Partners, crm_id: str) -> None:
    """Somebody takes a record out of the bin."""
    behind = partners.sandbox.sandbox
    with behind.changing(behind.admin) as work:
        gone = work.connection.execute("SELECT * FROM deleted WHERE id = ?", (int(crm_id),)).fetchone()
        work.connection.execute("DELETE FROM deleted WHERE id = ?", (gone["id"],))
        author, body = gone["created_by"], json.loads(gone["body"])
        row = Row(gone["id"], gone["module"], "", author, author, author, gone["deleted"], work.now, body)
        records.add_rows(work, work.catalog.module(gone["module"]), [row])
