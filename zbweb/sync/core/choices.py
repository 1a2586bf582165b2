"""The choices a run works by, frozen when it starts: edits made meanwhile apply to the next run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from zbweb.sync.core.fields import Table, tables_for
from zbweb.sync.core.words import Extent, Policy, Scope, Winner


@dataclass(frozen=True, slots=True)
class View:
    """A CRM view: "" is every record; `shows_all` views cannot lose a record."""

    id: str = ""
    name: str = ""
    shows_all: bool = True


@dataclass(frozen=True, slots=True)
class Choices:
    """The five choices of the customers' setup, with the version they were saved as."""

    version: int
    scope: Scope
    include_loose: bool
    extent: Extent
    policy: Policy
    winner: Winner
    fire_triggers: bool
    account_view: View
    contact_view: View
    mappings: Mapping[str, list[dict[str, str]]]

    @property
    def tables(self) -> tuple[Table, ...]:
        """The mapping tables of what is fetched anew."""
        return tables_for(self.scope, include_loose=self.include_loose)

    @property
    def tables_read(self) -> tuple[Table, ...]:
        """The mapping tables of what is read: both ways, whatever is paired is followed, fetched anew or not."""
        return tuple(Table) if self.extent is Extent.BOTH else self.tables

    def fetches(self, crm_module: str) -> bool:
        """Whether new records of Accounts or Contacts are brought in."""
        return any(table.crm_module == crm_module for table in self.tables)

    def reads(self, crm_module: str) -> bool:
        """Whether records of Accounts or Contacts are read at all."""
        return any(table.crm_module == crm_module for table in self.tables_read)

    def view_of(self, crm_module: str) -> View:
        """The view chosen for Accounts or Contacts."""
        return self.account_view if crm_module == "Accounts" else self.contact_view

    def to_json(self) -> dict[str, Any]:
        """As a run keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Choices":
        """As a run kept it."""
        return cls(
            version=kept["version"],
            scope=Scope(kept["scope"]),
            include_loose=kept["include_loose"],
            extent=Extent(kept["extent"]),
            policy=Policy(kept["policy"]),
            winner=Winner(kept["winner"]),
            fire_triggers=kept["fire_triggers"],
            account_view=View(**kept["account_view"]),
            contact_view=View(**kept["contact_view"]),
            mappings=kept["mappings"],
        )
