"""A connection's life: what is checked before it is saved, pause, disable, reconnect."""

from datetime import timedelta

import pytest

from tests.factories.runs import make_connection, make_run, make_setup
from zbweb.billing.journal import Actor
from zbweb.clock import now
from zbweb.crm.credentials import CrmCredential
from zbweb.crm.grants import Grant, GrantKind
from zbweb.crm.port import CrmModule, CrmOrganisation, CrmUser
from zbweb.db import unit_of_work, work_for
from zbweb.sync import connection as connections
from zbweb.sync import runs
from zbweb.sync.connection import NEEDED_MODULES, Proof, connect, examine
from zbweb.sync.core.words import ConnectionStatus, Entity, RunStatus, Trigger
from zbweb.sync.errors import NotConnected, Paused, Taken, Unfit, WouldReplace
from zbweb.sync.models import Connection, Link
from zbweb.sync.repair import links

ASHA = Actor("Asha Rao")
PATRICIA = CrmUser("u1", "Patricia Boyle", "Admin@crm.example", active=True, admin=True)


def organisation(**changes):
    described = {
        "id": "o1", "name": "Zylker", "edition": "professional", "iso_code": "USD", "multi_currency": False,
        "time_zone": "UTC",
    }  # fmt: skip
    return CrmOrganisation(**(described | changes))


def module(name, **changes):
    described = {"api_supported": True, "viewable": True, "creatable": True, "editable": True}
    return CrmModule(name, name, **(described | changes))


class Crm:
    """The answers that the checks ask for."""

    def __init__(self, *, org=None, users=(PATRICIA,), modules=None):
        self._org, self._users = org or organisation(), list(users)
        self._modules = [module(name) for name in NEEDED_MODULES] if modules is None else modules

    def organisation(self):
        return self._org

    def users(self):
        return self._users

    def current_user(self):
        return self._users[0] if self._users else None

    def modules(self):
        return self._modules

    def count(self, module):
        return 0


def without(name):
    return [module(each) for each in NEEDED_MODULES if each != name]


def hidden(name):
    return [module(each, viewable=each != name) for each in NEEDED_MODULES]


REFUSED = [
    # plan
    (Crm(org=organisation(edition="free")), ("Free", "Professional")),
    (Crm(org=organisation(edition="standard")), ("Standard", "Professional")),
    # base currency
    (Crm(org=organisation(multi_currency=True, iso_code="EUR")), ("currency", "EUR", "USD")),
    # user
    (Crm(users=()), ("admin@crm.example", "not a user")),
    (Crm(users=(CrmUser("u", "P", "admin@crm.example", active=False, admin=True),)), ("deactivated",)),
    # modules
    (Crm(modules=without("Accounts")), ("no access to Accounts",)),
    (Crm(modules=hidden("Contacts")), ("no access to Contacts",)),
    (Crm(modules=[]), ("Accounts, Contacts", "Sales Orders and Invoices")),
]


@pytest.mark.parametrize(("crm", "words"), REFUSED)
def test_what_does_not_fit_is_refused_with_a_sentence_that_names_it(crm, words):
    with pytest.raises(Unfit) as refused:
        examine(crm, email="admin@crm.example", base_currency="USD")
    assert all(word in refused.value.message for word in words), refused.value.message


@pytest.mark.parametrize("edition", ["professional", "enterprise", "ultimate"])
def test_professional_and_above_fit(edition):
    proof = examine(Crm(org=organisation(edition=edition)), email=" ADMIN@crm.example ", base_currency="USD")
    assert proof.user is PATRICIA


def test_another_base_currency_is_no_matter_without_multi_currency():
    assert examine(Crm(org=organisation(iso_code="EUR")), email="", base_currency="USD").organisation.iso_code == "EUR"


def grant(key="key"):
    return Grant(
        kind=GrantKind.ZSC, accounts_url="http://crm.test", api_url="http://crm.test", access_token="token",
        expires_at=now() + timedelta(hours=1), email="admin@crm.example", zsc_key=key,
    )  # fmt: skip


def proof(**changes):
    return Proof(organisation(**changes), PATRICIA)


def test_the_connection_says_who_and_what_and_keeps_the_key_sealed(session, asha):
    with unit_of_work() as session:
        connection = connect(session, grant("very secret"), proof(), actor=ASHA)
    credential = session.get(CrmCredential, connection.credential_id)
    assert (connection.crm_organisation_name, connection.crm_user_name) == ("Zylker", "Patricia Boyle")
    assert connection.connected_by == "Asha Rao"
    assert connection.is_live
    assert "very secret" not in credential.sealed_secrets


def test_reconnecting_to_the_same_crm_organisation_takes_up_its_row_and_links(session, asha):
    with unit_of_work() as session:
        first = connect(session, grant(), proof(), actor=ASHA)
        session.add(
            Link(organisation_id=asha.organisation_id, connection_id=first.id, entity="customer", entity_id=1,
                 crm_module="Accounts", crm_id="1")
        )  # fmt: skip
        connect(session, grant(), proof(id="o2", name="Other"), actor=ASHA, replace=True)
    assert first.status == ConnectionStatus.REPLACED
    assert links.inspect(session, Entity.CUSTOMER, 1) is None, "it is linked with nothing in the other organisation"
    with unit_of_work() as session:
        again = connect(session, grant(), proof(), actor=ASHA, replace=True)
    assert again.id == first.id
    assert connections.active(session) is again
    assert session.query(Link).one().connection_id == again.id
    assert links.inspect(session, Entity.CUSTOMER, 1) is not None
    assert session.query(CrmCredential).count() == 2


def test_another_crm_organisation_has_to_be_confirmed(session, asha):
    with unit_of_work() as session:
        first = connect(session, grant(), proof(), actor=ASHA)
        waiting = make_run(session, first)
    with pytest.raises(WouldReplace, match=r"Zylker.*Other"), unit_of_work() as session:
        connect(session, grant(), proof(id="o2", name="Other"), actor=ASHA)
    with unit_of_work() as session:
        second = connect(session, grant(), proof(id="o2", name="Other"), actor=ASHA, replace=True)
    assert (first.status, second.status) == (ConnectionStatus.REPLACED, ConnectionStatus.CONNECTED)
    assert waiting.status == RunStatus.CANCELLED


def test_a_crm_organisation_has_one_partner_here(session, asha, dora):
    work_for(session, dora.organisation_id)
    with unit_of_work() as session:
        theirs = connect(session, grant(), proof(), actor=dora.actor)
    work_for(session, asha.organisation_id)
    with pytest.raises(Taken, match=r"Zylker is already connected"), unit_of_work() as session:
        connect(session, grant(), proof(), actor=ASHA)

    work_for(session, dora.organisation_id)
    with unit_of_work() as session:
        connections.disable(session, session.get(Connection, theirs.id), actor=dora.actor)
    work_for(session, asha.organisation_id)
    with unit_of_work() as session:
        assert connect(session, grant(), proof(), actor=ASHA).is_live
    work_for(session, dora.organisation_id)
    with pytest.raises(Taken), unit_of_work() as session:
        connections.enable(session, session.get(Connection, theirs.id), actor=dora.actor)


def test_the_database_lets_nobody_slip_past_the_check(any_app):
    from sqlalchemy.exc import IntegrityError

    from tests.people import Person

    here = Person.make(any_app, "a@a.example", "A", "admin")
    there = Person.make(any_app, "b@b.example", "B", "admin", organisation="Other GmbH")
    with unit_of_work() as session:
        work_for(session, here.organisation_id)
        make_connection(session)
    work_for(session, there.organisation_id)
    with pytest.raises(IntegrityError, match=r"(?i)unique"), unit_of_work() as session:
        make_connection(session, hook_token="another")


@pytest.fixture
def connection(session, asha):
    with unit_of_work() as session:
        made = make_connection(session, next_sync_at=now() - timedelta(minutes=30))
        make_setup(session, made)
    return made


def change(action, connection, actor=ASHA):
    with unit_of_work() as session:
        action(session, session.get(Connection, connection.id), actor=actor)


def test_pausing_says_who_and_when_and_the_first_one_stands(session, connection):
    change(connections.pause, connection)
    change(connections.pause, connection, Actor("Somebody else"))
    assert connection.is_paused
    assert connection.paused_by == "Asha Rao"


def test_while_paused_instant_sync_is_refused_and_other_runs_wait_as_one(session, connection):
    change(connections.pause, connection)
    with pytest.raises(Paused), unit_of_work() as session:
        runs.queue_run(session, connection, trigger=Trigger.INSTANT, actor_name="Asha Rao")
    woken = []
    runs.on_queued(woken.append)
    with unit_of_work() as session:
        held = {runs.queue_run(session, connection, trigger=Trigger.AUTO, actor_name="").id for _ in range(3)}
    assert len(held) == 1
    assert woken == []
    change(connections.resume, connection)
    assert woken == list(held)


def test_after_resume_the_automatic_sync_goes_on_at_its_next_slot(session, connection):
    slot = connection.next_sync_at
    change(connections.pause, connection)
    change(connections.resume, connection)
    assert not connection.is_paused
    assert connection.next_sync_at == slot + timedelta(minutes=120)


def test_a_running_sync_is_left_to_finish_when_somebody_pauses(session, connection):
    with unit_of_work() as session:
        run = make_run(session, connection, status=RunStatus.RUNNING, done=3, total=10)
    change(connections.pause, connection)
    assert run.status == RunStatus.RUNNING
    assert runs.remaining(run) == 7


def test_disabling_cancels_what_has_not_begun_and_keeps_the_settings(session, connection):
    with unit_of_work() as session:
        waiting = make_run(session, connection)
    change(connections.disable, connection)
    assert not connection.is_live
    assert waiting.status == RunStatus.CANCELLED
    assert runs.setup_of(session, connection.id, "customers").enabled
    with pytest.raises(NotConnected):
        connections.pause(session, connection, actor=ASHA)
    change(connections.enable, connection)
    assert connection.is_live
    assert connection.next_sync_at > now()


def test_new_credentials_of_a_disabled_connection_leave_it_disabled(session, asha):
    with unit_of_work() as session:
        connection = connect(session, grant(), proof(), actor=ASHA)
        connections.disable(session, connection, actor=ASHA)
    with unit_of_work() as session:
        again = connect(session, grant("new"), proof(), actor=ASHA)
    assert again.status == ConnectionStatus.DISABLED
    assert session.query(CrmCredential).count() == 1


def test_a_customer_deleted_while_its_partner_was_replaced_is_not_fetched_again(session, asha):
    with unit_of_work() as session:
        first = connect(session, grant(), proof(), actor=ASHA)
        session.add(
            Link(organisation_id=asha.organisation_id, connection_id=first.id, entity="customer", entity_id=1,
                 crm_module="Accounts", crm_id="1")
        )  # fmt: skip
        connect(session, grant(), proof(id="o2", name="Other"), actor=ASHA, replace=True)
        links.archive_removed(session, Entity.CUSTOMER, 1)
    with unit_of_work() as session:
        connect(session, grant(), proof(), actor=ASHA, replace=True)
    link = session.query(Link).one()
    assert (link.state, link.reason) == ("archived", "deleted_here")
