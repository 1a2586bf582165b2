"""The demo data: enough to look at, loaded once, and apart from the sandbox CRM's."""

import pytest
from sqlalchemy import func, select

from tests.product import DATABASE
from zbweb import demo
from zbweb.billing.models import Customer, Item, Membership, NumberSeries, Organisation, PaymentTerm, Tax, User
from zbweb.billing.naming import loose_key
from zbweb.db import unit_of_work, work_for
from zbweb.sandbox.seed import company_name


@pytest.fixture
def first_database(demo_data):
    return demo_data / DATABASE


@pytest.fixture
def loaded(app):
    with unit_of_work() as session:
        work_for(session, None)
        yield session


def count(session, model):
    return session.scalar(select(func.count()).select_from(model))


def test_there_is_enough_to_look_at(loaded):
    assert count(loaded, Organisation) == 2
    assert count(loaded, Item) >= 25
    assert count(loaded, Customer) >= 30
    for model in (Tax, PaymentTerm, NumberSeries):
        assert count(loaded, model) > 0


def test_the_three_demo_users_sign_in_with_their_roles(loaded, client):
    rows = loaded.execute(select(User.email, Membership.role).join(Membership, Membership.user_id == User.id))
    assert {("admin@example.com", "admin"), ("sales@example.com", "sales"), ("finance@example.com", "finance")} <= {
        tuple(row) for row in rows
    }
    loaded.commit()
    for name in ("admin", "sales", "finance"):
        answer = client.post("/login", data={"email": f"{name}@example.com", "password": "zbweb-demo"})
        assert answer.location == "/"


def test_loading_again_changes_nothing(loaded):
    before = count(loaded, Customer)
    demo.load(loaded)
    assert count(loaded, Customer) == before


def test_the_first_organisation_counts_in_dollars(loaded):
    first = loaded.scalars(select(Organisation).order_by(Organisation.id)).first()
    assert first.base_currency == "USD"


def test_no_demo_customer_could_be_taken_for_one_of_the_sandbox_crm(loaded):
    crm = {loose_key(company_name(number)) for number in range(20_000)}
    assert not crm & {loose_key(name) for name in loaded.scalars(select(Customer.display_name))}
