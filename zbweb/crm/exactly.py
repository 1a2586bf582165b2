"""Records of the CRM by the exact text of a field. COQL is asked: the search takes "equals" for "contains" and lags."""

from collections.abc import Iterable, Sequence

from zbweb.crm.port import CrmClient, Record
from zbweb.crm.query import coql_text

_AT_ONCE = 50


def having(
    client: CrmClient, crm_module: str, field: str, values: Iterable[str], *, columns: Sequence[str]
) -> list[Record]:
    """Every record whose `field` is one of `values`, letter case as the CRM compares it."""
    wanted = list(dict.fromkeys(value for value in values if value))
    selected = ", ".join(dict.fromkeys(["id", field, *columns]))
    found: list[Record] = []
    for start in range(0, len(wanted), _AT_ONCE):
        texts = ", ".join(coql_text(value) for value in wanted[start : start + _AT_ONCE])
        found += client.coql(f"select {selected} from {crm_module} where {field} in ({texts})")  # noqa: S608  escaped
    return found
