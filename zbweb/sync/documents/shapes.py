"""Which fields the CRM's quotes, sales orders and invoices really have: asked when a module is configured, then kept.

They stand among the module setup's mappings, so that a push costs no question about fields.
"""

from sqlalchemy.orm import Session

from zbweb.billing.words import Kind
from zbweb.crm import own_fields
from zbweb.crm.port import CrmClient, FieldMeta
from zbweb.sync.core.document_words import CRM_MODULES, FIELDS, ID_LABEL
from zbweb.sync.core.documents import Column, Shape
from zbweb.sync.models import ModuleSetup

_ID_LENGTH = 40


def describe(client: CrmClient, kind: Kind) -> Shape:
    """Ask the CRM; the field for our document's id is made if it may be."""
    module = CRM_MODULES[kind]
    id_field = own_fields.find_or_make(client, module, label=ID_LABEL, length=_ID_LENGTH)
    there = {each.api_name: each for each in client.fields(module)}
    names = {each.key: each.name_in(kind) for each in FIELDS} | {"our_id": id_field or ""}
    return {key: _column(key, there[name]) for key, name in names.items() if name in there and _is_open(there[name])}


def _is_open(field: FieldMeta) -> bool:
    return field.creatable and field.updatable


def _column(key: str, field: FieldMeta) -> Column:
    return Column(key, field.api_name, field.required, field.length, field.picklist)


def keep(setup: ModuleSetup, kind: Kind, shape: Shape) -> None:
    """Remember a shape with the module's setup."""
    rows = [column.to_json() for column in shape.values()]
    setup.mappings = {**setup.mappings, CRM_MODULES[kind]: rows}


def kept(setup: ModuleSetup, kind: Kind) -> Shape:
    """The shape that was remembered; empty when none was."""
    columns = [Column.from_json(row) for row in setup.mappings.get(CRM_MODULES[kind], ())]
    return {column.key: column for column in columns}


def setup_of(session: Session, setup_id: int) -> ModuleSetup:
    """The setup as it is now."""
    return session.get_one(ModuleSetup, setup_id, populate_existing=True)
