"""Customers, the people to talk to at them, and the fields an organisation adds to its records."""

from sqlalchemy import DDL, JSON, Computed, ForeignKey, Index, String, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zbweb.billing.models.settings import PaymentTerm
from zbweb.billing.words import CustomerType, CustomFieldType
from zbweb.clock import now
from zbweb.db import REMEMBERED, Base, Code, JsonObject, LongText, Name, OrganisationOwned, PrimaryKey, UtcTime


class Customer(OrganisationOwned, Base):
    """Somebody we sell to. `name_key` is the folded display name that duplicates are found by.

    `version` grows with every change: it tells a second editor that the first was quicker, and the
    sync whether anything happened here since the two books last agreed. `search_key` is what searches
    look through; the database writes it. SQLite looks through its index without reading the rows,
    PostgreSQL has its trigrams.
    `loose_key` and `domain` are what near matches are found by; customers fetched from the CRM have none.
    """

    __tablename__ = "customers"
    __table_args__ = (
        Index("ix_customers_search", "organisation_id", "name_key", "search_key"),
        Index(
            "ix_customers_trigrams", "search_key",
            postgresql_using="gin", postgresql_ops={"search_key": "gin_trgm_ops"},
        ).ddl_if(dialect="postgresql"),
        Index(None, "organisation_id", "type", "name_key"),
        Index(
            "ix_customers_inactive", "organisation_id", "name_key",
            sqlite_where=text("active = 0"), postgresql_where=text("active = false"),
        ),
        Index(None, "organisation_id", "email"),
        Index(
            "ix_customers_loose_key", "organisation_id", "loose_key",
            sqlite_where=text("loose_key IS NOT NULL"), postgresql_where=text("loose_key IS NOT NULL"),
        ),
        Index(
            "ix_customers_domain", "organisation_id", "domain",
            sqlite_where=text("domain IS NOT NULL"), postgresql_where=text("domain IS NOT NULL"),
        ),
        Index(None, "organisation_id", "updated_at"),
        REMEMBERED,
    )  # fmt: skip

    id: Mapped[PrimaryKey]
    type: Mapped[Code] = mapped_column(default=CustomerType.BUSINESS)
    display_name: Mapped[Name]
    name_key: Mapped[Name]
    search_key: Mapped[str] = mapped_column(
        String(300),
        Computed(
            "substr(name_key || ' ' || lower(email) || ' ' || phone || ' ' || lower(company_name), 1, 300)",
            persisted=True,
        ),
        deferred=True,
    )
    loose_key: Mapped[Name | None]
    domain: Mapped[Name | None]
    company_name: Mapped[Name] = mapped_column(default="")
    salutation: Mapped[Code] = mapped_column(default="")
    first_name: Mapped[Name] = mapped_column(default="")
    last_name: Mapped[Name] = mapped_column(default="")
    email: Mapped[Name] = mapped_column(default="")
    phone: Mapped[Code] = mapped_column(default="")
    mobile: Mapped[Code] = mapped_column(default="")
    fax: Mapped[Code] = mapped_column(default="")
    website: Mapped[Name] = mapped_column(default="")
    currency: Mapped[Code] = mapped_column(default="")
    payment_term_id: Mapped[int | None] = mapped_column(ForeignKey("payment_terms.id", ondelete="SET NULL"))
    billing_street: Mapped[Name] = mapped_column(default="")
    billing_city: Mapped[Name] = mapped_column(default="")
    billing_state: Mapped[Name] = mapped_column(default="")
    billing_code: Mapped[Code] = mapped_column(default="")
    billing_country: Mapped[Name] = mapped_column(default="")
    shipping_street: Mapped[Name] = mapped_column(default="")
    shipping_city: Mapped[Name] = mapped_column(default="")
    shipping_state: Mapped[Name] = mapped_column(default="")
    shipping_code: Mapped[Code] = mapped_column(default="")
    shipping_country: Mapped[Name] = mapped_column(default="")
    notes: Mapped[LongText] = mapped_column(default="")
    custom: Mapped[JsonObject] = mapped_column(default=dict)
    active: Mapped[bool] = mapped_column(default=True)
    origin: Mapped[Code] = mapped_column(default="user")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[UtcTime] = mapped_column(default=now)
    updated_at: Mapped[UtcTime] = mapped_column(default=now)
    payment_term: Mapped[PaymentTerm | None] = relationship()
    contact_persons: Mapped[list["ContactPerson"]] = relationship(
        back_populates="customer",
        cascade="all, delete-orphan",
        order_by="ContactPerson.id",
        passive_deletes=True,
    )


_TRIGRAMS = DDL("CREATE EXTENSION IF NOT EXISTS pg_trgm")  # type: ignore[no-untyped-call]
event.listen(Customer.__table__, "before_create", _TRIGRAMS.execute_if(dialect="postgresql"))


class ContactPerson(OrganisationOwned, Base):
    """A person to talk to at a customer."""

    __tablename__ = "contact_persons"
    __table_args__ = REMEMBERED

    id: Mapped[PrimaryKey]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    salutation: Mapped[Code] = mapped_column(default="")
    first_name: Mapped[Name] = mapped_column(default="")
    last_name: Mapped[Name] = mapped_column(default="")
    email: Mapped[Name] = mapped_column(default="")
    phone: Mapped[Code] = mapped_column(default="")
    mobile: Mapped[Code] = mapped_column(default="")
    designation: Mapped[Name] = mapped_column(default="")
    department: Mapped[Name] = mapped_column(default="")
    primary: Mapped[bool] = mapped_column(default=False)
    custom: Mapped[JsonObject] = mapped_column(default=dict)
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[UtcTime] = mapped_column(default=now)
    customer: Mapped[Customer] = relationship(back_populates="contact_persons")

    @property
    def full_name(self) -> str:
        """First and last name, as one would address a letter."""
        return " ".join(part for part in (self.first_name, self.last_name) if part)


class CustomField(OrganisationOwned, Base):
    """A field that the organisation added; its values stand in the record's `custom` under `key`."""

    __tablename__ = "custom_fields"
    __table_args__ = (UniqueConstraint("organisation_id", "entity", "key"),)

    id: Mapped[PrimaryKey]
    entity: Mapped[Code] = mapped_column(default="customer")
    label: Mapped[Name]
    key: Mapped[Code]
    type: Mapped[Code] = mapped_column(default=CustomFieldType.TEXT)
    choices: Mapped[list[str]] = mapped_column(JSON, default=list)
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[UtcTime] = mapped_column(default=now)
