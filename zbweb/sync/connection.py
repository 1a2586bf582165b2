"""A connection's life: checked before it is saved, paused and resumed, disabled and enabled.

`examine` asks the CRM and touches no database; everything below it changes rows and asks nobody, so that no
unit of work waits for the network and a refused sign-in leaves the old one as it was.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zbweb import config
from zbweb.billing import journal
from zbweb.billing.journal import Actor
from zbweb.clock import now
from zbweb.crm import datacentres
from zbweb.crm.credentials import CrmCredential, save_credential
from zbweb.crm.grants import Grant
from zbweb.crm.port import CrmClient, CrmModule, CrmOrganisation, CrmUser
from zbweb.db import organisation_of
from zbweb.sync import runs, withdrawal
from zbweb.sync.core import schedule
from zbweb.sync.core.words import ConnectionStatus, LinkReason, LinkState
from zbweb.sync.currency import require_same_currency
from zbweb.sync.errors import NotConnected, Taken, Unfit, WouldReplace
from zbweb.sync.models import Connection, Link

NEEDED_MODULES = ("Accounts", "Contacts", "Deals", "Products", "Quotes", "Sales_Orders", "Invoices")
"""What the connected user must be able to see: everything that is ever synced."""

_READ_MODULES = ("Accounts", "Contacts", "Deals")


@dataclass(frozen=True, slots=True)
class Proof:
    """What the checks found: the CRM organisation behind a sign-in, and the user who will own pushed records."""

    organisation: CrmOrganisation
    user: CrmUser


def examine(client: CrmClient, *, email: str, base_currency: str) -> Proof:
    """Check that a sign-in can be integrated; raises Unfit or a CrmError, each with its own sentence.

    Without an e-mail address (OAuth) the user is whoever said yes.
    """
    organisation = client.organisation()
    if not organisation.professional_or_above:
        raise Unfit(_plan_sentence(organisation))
    user = _user(client, email, organisation)
    _check_modules(client.modules(), user)
    for name in _READ_MODULES:
        client.count(name)  # what the list of modules promises, tried: raises PermissionDenied or ModuleUnavailable
    require_same_currency(base_currency, organisation)
    return Proof(organisation, user)


def _plan_sentence(organisation: CrmOrganisation) -> str:
    return (
        f"{organisation.name} is on Zoho CRM's {organisation.edition.capitalize()} plan. The integration needs the "
        "Professional plan or above: upgrade in Zoho CRM, then connect again."
    )


def _user(client: CrmClient, email: str, organisation: CrmOrganisation) -> CrmUser:
    if email:
        wanted = email.strip().casefold()
        user = next((each for each in client.users() if each.email.casefold() == wanted), None)
    else:
        user = client.current_user()
    if user is None:
        raise Unfit(
            f"{email or 'This person'} is not a user of {organisation.name} in Zoho CRM. "
            "Enter the email address of one."
        )
    if not user.active:
        raise Unfit(f"{user.email} is deactivated in Zoho CRM. Activate the user there or enter another email.")
    return user


def _check_modules(modules: Iterable[CrmModule], user: CrmUser) -> None:
    open_to_user = {module.api_name for module in modules if module.api_supported and module.viewable}
    missing = [name.replace("_", " ") for name in NEEDED_MODULES if name not in open_to_user]
    if missing:
        raise Unfit(
            f"{user.name} has no access to {_listed(missing)} in Zoho CRM. Show the {_modules(missing)} there and give "
            "the user access, then connect again."
        )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _modules(names: list[str]) -> str:
    return "module" if len(names) == 1 else "modules"


def active(session: Session) -> Connection | None:
    """This organisation's connection, disabled or not."""
    statement = select(Connection).where(Connection.status != ConnectionStatus.REPLACED).order_by(Connection.id.desc())
    return session.scalars(statement.limit(1)).first()


def active_or_refuse(session: Session) -> Connection:
    """The same where there must be one; raises NotConnected."""
    connection = active(session)
    if connection is None:
        raise NotConnected("Zoho CRM is not connected. Choose Connect in Settings, Integrations, Zoho Apps.")
    return connection


def page_of_record(session: Session, module: str, crm_id: str) -> str:
    """The address of a record's own page in Zoho CRM; raises NotConnected."""
    credential_id = active_or_refuse(session).credential_id
    credential = session.get(CrmCredential, credential_id) if credential_id else None
    if credential is None:
        raise NotConnected("The sign-in to Zoho CRM was removed. Choose Update Credentials in its settings.")
    return datacentres.page_of_record(credential.accounts_url, module, crm_id)


def connect(session: Session, grant: Grant, proof: Proof, *, actor: Actor, replace: bool = False) -> Connection:
    """Save a sign-in that was examined, for the first time or in place of the one that stands.

    The same CRM organisation keeps its row, links and settings; a disabled one stays disabled. Another CRM
    organisation raises WouldReplace unless `replace` says that a person confirmed it. Raises Taken when another
    organisation here syncs with this CRM organisation. A refresh token that nothing uses any more is withdrawn at
    Zoho after the commit.
    """
    present = active(session)
    other = present if present and present.crm_organisation_id != proof.organisation.id else None
    if other and not replace:
        raise WouldReplace(
            f"{other.crm_organisation_name} is connected already, but this sign-in belongs to "
            f"{proof.organisation.name}."
        )
    connection = _row_for(session, proof.organisation)
    if connection.status == ConnectionStatus.REPLACED:
        _take_links_up_again(session, connection)
    if connection.status != ConnectionStatus.DISABLED:
        _refuse_if_taken(session, proof.organisation.id, proof.organisation.name)
        connection.status = ConnectionStatus.CONNECTED
    if other:
        _retire(session, other, actor=actor)
    _describe(connection, proof, actor)
    held = session.get(CrmCredential, connection.credential_id) if connection.credential_id else None
    withdrawal.keep_what_is_replaced(session, held, grant)
    connection.credential_id = save_credential(session, grant, organisation_of(session), replaces=held).id
    _flush_or_taken(session, connection)
    _note(session, connection, "connected", actor)
    return connection


def _row_for(session: Session, organisation: CrmOrganisation) -> Connection:
    known = session.scalar(select(Connection).where(Connection.crm_organisation_id == organisation.id))
    return known or Connection(
        organisation_id=organisation_of(session),
        crm_organisation_id=organisation.id,
        status=ConnectionStatus.CONNECTED,
        hook_token=secrets.token_urlsafe(32),
    )


def _describe(connection: Connection, proof: Proof, actor: Actor) -> None:
    connection.crm_organisation_name = proof.organisation.name
    connection.crm_currency = proof.organisation.iso_code
    connection.crm_edition = proof.organisation.edition
    connection.crm_user_id = proof.user.id
    connection.crm_user_name = proof.user.name
    connection.crm_user_email = proof.user.email
    connection.connected_at, connection.connected_by = now(), actor.name
    connection.problem = ""


def _retire(session: Session, connection: Connection, *, actor: Actor) -> None:
    connection.status = ConnectionStatus.REPLACED
    connection.next_sync_at = None
    runs.cancel_waiting(session, connection, "Another Zoho CRM organisation was connected.")
    withdrawal.leave(session, connection)
    _set_links_aside(session, connection)
    _note(session, connection, "replaced", actor)
    session.flush()  # the new row may only become the connected one once this one is not


def _set_links_aside(session: Session, connection: Connection) -> None:
    links = update(Link).where(Link.connection_id == connection.id, Link.state == LinkState.ACTIVE)
    session.execute(links.values(state=LinkState.ARCHIVED, reason=LinkReason.REPLACED))


def _take_links_up_again(session: Session, connection: Connection) -> None:
    links = update(Link).where(Link.connection_id == connection.id, Link.reason == LinkReason.REPLACED)
    session.execute(links.values(state=LinkState.ACTIVE, reason=""))


def _refuse_if_taken(session: Session, crm_organisation_id: str, name: str) -> None:
    statement = (
        select(Connection.id)
        .where(
            Connection.crm_organisation_id == crm_organisation_id,
            Connection.organisation_id != organisation_of(session),
            Connection.status == ConnectionStatus.CONNECTED,
        )
        .execution_options(unfenced=True)
    )
    if session.scalars(statement).first() is not None:
        raise Taken(_taken_sentence(name))


def _flush_or_taken(session: Session, connection: Connection) -> None:
    """The database has the last word when two organisations connect in the same moment."""
    session.add(connection)
    name = connection.crm_organisation_name
    try:
        session.flush()  # for the journal entry's id, and for the unique index
    except IntegrityError as error:
        raise Taken(_taken_sentence(name)) from error


def _taken_sentence(name: str) -> str:
    return (
        f"{name} is already connected to another organisation here, and a Zoho CRM organisation can be synced with one "
        "only. Choose Disable Integration there first."
    )


def pause(session: Session, connection: Connection, *, actor: Actor) -> None:
    """Start no further sync; one that is running goes on to its end. Pausing twice keeps who was first."""
    ensure_live(connection)
    if connection.is_paused:
        return
    connection.paused_at, connection.paused_by = now(), actor.name
    _note(session, connection, "paused", actor)


def resume(session: Session, connection: Connection, *, actor: Actor) -> None:
    """Let syncs begin again: held runs at once, the automatic ones at their next slot."""
    ensure_live(connection)
    if not connection.is_paused:
        return
    connection.paused_at, connection.paused_by = None, ""
    _move_to_next_slot(connection)
    runs.release(session, connection.id)
    _note(session, connection, "resumed", actor)


def disable(session: Session, connection: Connection, *, actor: Actor) -> None:
    """Let nothing leave or arrive; links and settings stay. Runs that have not begun are cancelled."""
    if not connection.is_live:
        return
    connection.status, connection.disabled_at = ConnectionStatus.DISABLED, now()
    runs.cancel_waiting(session, connection, "The integration was disabled before the sync began.")
    _note(session, connection, "disabled", actor)


def enable(session: Session, connection: Connection, *, actor: Actor) -> None:
    """Go on where it stopped; raises Taken when the CRM organisation found another partner here meanwhile."""
    if connection.status != ConnectionStatus.DISABLED:
        return
    _refuse_if_taken(session, connection.crm_organisation_id, connection.crm_organisation_name)
    connection.status, connection.disabled_at = ConnectionStatus.CONNECTED, None
    _move_to_next_slot(connection)
    _flush_or_taken(session, connection)
    _note(session, connection, "enabled", actor)


def ensure_live(connection: Connection) -> None:
    """Raise NotConnected while disabled: what would have to be told to the CRM, or asked of it, is not begun."""
    if not connection.is_live:
        raise NotConnected("The integration is disabled. Choose Enable Integration first.")


def _move_to_next_slot(connection: Connection) -> None:
    if connection.next_sync_at is not None:
        interval = config.current().auto_sync_minutes
        connection.next_sync_at = schedule.next_slot(connection.next_sync_at, now(), interval)


def _note(session: Session, connection: Connection, action: str, actor: Actor) -> None:
    journal.record(session, "connection", connection.id, action=action, actor=actor)
