"""Settings: the profile, taxes, payment terms, number series and members, and what each refuses."""

from datetime import date
from decimal import Decimal

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from tests.factories.customers import make_customer
from zbweb.billing import members, number_series, numbering, payment_terms, settings, taxes
from zbweb.billing.books import own
from zbweb.billing.journal import SYSTEM, Actor
from zbweb.billing.members import MemberDraft
from zbweb.billing.models import JournalEntry, LoginSession, Membership, NumberSeries, PaymentTerm, Transaction, User
from zbweb.billing.number_series import SeriesDraft
from zbweb.billing.payment_terms import TermDraft
from zbweb.billing.settings import ProfileDraft
from zbweb.db import unit_of_work
from zbweb.errors import Conflict, Invalid, NotFound


@pytest.fixture
def work(asha):
    """An open unit of work for Asha's organisation, prepared as a new one is."""
    with unit_of_work() as session:
        settings.prepare_organisation(session, own(session))
        yield session


def bill(session, number=None):
    customer = make_customer(session)
    session.add(
        Transaction(
            organisation_id=customer.organisation_id, kind="invoices", number=number, customer_id=customer.id,
            currency="USD", date=date(2026, 3, 1),
        )
    )  # fmt: skip
    session.flush()


class TestOrganisation:
    profile = ProfileDraft(name="Zylker", base_currency="USD", time_zone="Europe/Berlin")

    def test_preparing_twice_is_preparing_once(self, work):
        settings.prepare_organisation(work, own(work))
        names = work.scalars(select(PaymentTerm.name)).all()
        assert len(names) == len(set(names)) == 7
        assert set(work.scalars(select(NumberSeries.kind))) == set(numbering.PREFIXES)
        assert payment_terms.default(work).name == "Due on Receipt"

    def test_the_profile_is_saved_and_journalled(self, work, asha):
        settings.edit_profile(work, own(work), self.profile, actor=asha.actor)
        assert own(work).time_zone == "Europe/Berlin"
        entry = work.scalars(select(JournalEntry).where(JournalEntry.entity == "organisation")).one()
        assert entry.changes["time_zone"] == ["America/New_York", "Europe/Berlin"]

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"name": " "}, "name"),
            ({"base_currency": "XQZ"}, "base_currency"),
            ({"time_zone": "Mars/Olympus"}, "time_zone"),
            ({"tax_rounding": "never"}, "tax_rounding"),
        ],
    )
    def test_nonsense_is_refused_at_its_field(self, work, asha, values, field):
        draft = ProfileDraft(**({"name": "Z", "base_currency": "USD", "time_zone": "UTC"} | values))
        with pytest.raises(Invalid) as refusal:
            settings.edit_profile(work, own(work), draft, actor=asha.actor)
        assert list(refusal.value.fields) == [field]

    def test_the_base_currency_is_fixed_by_the_first_transaction(self, work, asha):
        euro = ProfileDraft(name="Z", base_currency="EUR", time_zone="UTC")
        settings.edit_profile(work, own(work), euro, actor=asha.actor)
        bill(work)
        with pytest.raises(Invalid, match="base currency"):
            settings.edit_profile(work, own(work), self.profile, actor=asha.actor)


class TestTaxes:
    def test_a_name_is_taken_whatever_its_case_and_a_rate_is_a_percentage(self, work):
        taxes.create(work, name="VAT", rate=Decimal("19"), actor=SYSTEM)
        with pytest.raises(Invalid) as refusal:
            taxes.create(work, name=" vat", rate=Decimal("100.1"), actor=SYSTEM)
        assert set(refusal.value.fields) == {"name", "rate"}

    def test_an_inactive_tax_is_not_offered(self, work):
        tax = taxes.create(work, name="VAT", rate=Decimal("7.25"), actor=SYSTEM)
        taxes.edit(work, tax, name="VAT", rate=Decimal("7.5"), actor=SYSTEM)
        taxes.set_active(work, tax, active=False, actor=SYSTEM)
        assert taxes.active(work) == []
        assert taxes.all_taxes(work) == [tax]
        changes = [entry.changes for entry in work.scalars(select(JournalEntry).where(JournalEntry.entity == "tax"))]
        assert changes[1] == {"rate": ["7.25", "7.5"]}


class TestPaymentTerms:
    def test_they_are_listed_by_kind_then_days(self, work):
        names = [term.name for term in payment_terms.all_terms(work)]
        assert names == ["Due on Receipt", "Net 15", "Net 30", "Net 45", "Net 60", "Due end of the month",
                         "Due end of next month"]  # fmt: skip

    def test_there_is_one_default_at_a_time(self, work):
        payment_terms.create(work, TermDraft("Net 7", days=7, is_default=True), actor=SYSTEM)
        assert work.scalars(select(PaymentTerm.name).where(PaymentTerm.is_default)).all() == ["Net 7"]
        with pytest.raises(Conflict):
            payment_terms.edit(work, payment_terms.default(work), TermDraft("Net 7", days=7), actor=SYSTEM)

    def test_terms_that_somebody_has_and_the_default_cannot_be_deleted(self, work):
        by_name = {term.name: term for term in payment_terms.all_terms(work)}
        make_customer(work, payment_term_id=by_name["Net 30"].id)
        with pytest.raises(Conflict, match="1 customer has"):
            payment_terms.delete(work, by_name["Net 30"], actor=SYSTEM)
        with pytest.raises(Conflict, match="default"):
            payment_terms.delete(work, by_name["Due on Receipt"], actor=SYSTEM)
        payment_terms.delete(work, by_name["Net 60"], actor=SYSTEM)
        with pytest.raises(NotFound):
            payment_terms.find(work, by_name["Net 60"].id)

    @pytest.mark.parametrize(
        ("draft", "field"),
        [(TermDraft(""), "name"), (TermDraft("net 30"), "name"), (TermDraft("X", kind="someday"), "kind"),
         (TermDraft("X", days=-1), "days")],
    )  # fmt: skip
    def test_nonsense_is_refused_at_its_field(self, work, draft, field):
        with pytest.raises(Invalid) as refusal:
            payment_terms.create(work, draft, actor=SYSTEM)
        assert list(refusal.value.fields) == [field]


class TestNumberSeries:
    def test_a_changed_series_numbers_the_next_document(self, work):
        series = number_series.locked(work, "invoices")
        number_series.edit(work, series, SeriesDraft(" INV-2026-", 41, 4), actor=SYSTEM)
        assert number_series.example(series) == "INV-2026-0041"
        assert numbering.take(work, "invoices") == "INV-2026-0041"

    def test_the_next_number_must_be_free(self, work):
        bill(work, number="INV-000007")
        with pytest.raises(Invalid, match="INV-000007"):
            number_series.edit(work, number_series.locked(work, "invoices"), SeriesDraft("INV-", 7, 6), actor=SYSTEM)

    @pytest.mark.parametrize(
        "draft", [SeriesDraft("x" * 33, 1, 6), SeriesDraft("", 0, 6), SeriesDraft("", 2**31, 6), SeriesDraft("", 1, 13)]
    )
    def test_nonsense_is_refused(self, work, draft):
        with pytest.raises(Invalid):
            number_series.edit(work, number_series.locked(work, "quotes"), draft, actor=SYSTEM)

    def test_an_unknown_kind_has_no_series(self, work):
        with pytest.raises(NotFound):
            number_series.locked(work, "receipts")


class TestMembers:
    def test_a_new_user_signs_in_with_the_password_given(self, work, asha):
        draft = MemberDraft("Eva Lund", " Eva@Zylker.Example ", "finance", "ten letters")
        member = members.add(work, draft, actor=asha.actor)
        assert (member.user.email, member.role) == ("eva@zylker.example", "finance")
        assert PasswordHasher().verify(member.user.password_hash, "ten letters")

    def test_somebody_of_another_organisation_keeps_their_account(self, dora, asha):
        with unit_of_work() as session:
            before = session.get(User, dora.id).password_hash
            member = members.add(session, MemberDraft("", "dora@other.example", "sales"), actor=asha.actor)
            assert (member.user_id, member.user.password_hash) == (dora.id, before)

    @pytest.mark.parametrize(
        ("draft", "field"),
        [
            (MemberDraft("Eva", "nobody", "sales", "ten letters"), "email"),
            (MemberDraft("Eva", "asha@zylker.example", "sales", "ten letters"), "email"),
            (MemberDraft("", "eva@x.example", "sales", "ten letters"), "name"),
            (MemberDraft("Eva", "eva@x.example", "king", "ten letters"), "role"),
            (MemberDraft("Eva", "eva@x.example", "sales", "short"), "password"),
        ],
    )
    def test_nonsense_is_refused_at_its_field(self, work, asha, draft, field):
        with pytest.raises(Invalid) as refusal:
            members.add(work, draft, actor=asha.actor)
        assert list(refusal.value.fields) == [field]

    def test_the_last_admin_stays_one(self, work, asha):
        only = work.scalars(select(Membership)).one()
        with pytest.raises(Conflict, match="only admin"):
            members.change_role(work, only, "sales", actor=asha.actor)
        with pytest.raises(Conflict, match="only admin"):
            members.set_active(work, only, active=False, actor=Actor("Somebody"))

    def test_nobody_locks_themselves_out(self, work, asha):
        members.add(work, MemberDraft("Eva", "eva@x.example", "admin", "ten letters"), actor=asha.actor)
        mine = work.scalars(select(Membership).where(Membership.user_id == asha.id)).one()
        with pytest.raises(Conflict, match="yourself"):
            members.set_active(work, mine, active=False, actor=asha.actor)

    def test_a_deactivated_member_is_signed_out_at_once_and_can_come_back(self, asha, ben):
        with unit_of_work() as session:
            theirs = session.scalars(select(Membership).where(Membership.user_id == ben.id)).one()
            members.set_active(session, theirs, active=False, actor=asha.actor)
            assert session.scalars(select(LoginSession).where(LoginSession.user_id == ben.id)).all() == []
        assert ben.get("/customers").location.startswith("/login")
        login = {"email": "ben@zylker.example", "password": "correct horse"}
        assert ben.post("/login", login).status_code == 422
        with unit_of_work() as session:
            members.set_active(session, session.get(Membership, theirs.id), active=True, actor=asha.actor)
        assert ben.post("/login", login).location == "/"
        assert ben.get("/customers").status_code == 200
