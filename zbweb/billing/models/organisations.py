"""Who works here: organisations, users, their roles, and the sessions they are signed in with."""

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zbweb.clock import now
from zbweb.db import Base, Code, LongText, Name, OrganisationOwned, PrimaryKey, UtcTime


class Organisation(Base):
    """One business with books of its own; every other row belongs to one."""

    __tablename__ = "organisations"

    id: Mapped[PrimaryKey]
    name: Mapped[Name]
    base_currency: Mapped[Code]
    time_zone: Mapped[Code]
    country: Mapped[Code] = mapped_column(default="")
    address: Mapped[LongText] = mapped_column(default="")
    email: Mapped[Name] = mapped_column(default="")
    tax_rounding: Mapped[Code] = mapped_column(default="line")
    created_at: Mapped[UtcTime] = mapped_column(default=now)


class User(Base):
    """A person who signs in; what they may do is said per organisation by a membership."""

    __tablename__ = "users"

    id: Mapped[PrimaryKey]
    email: Mapped[Name] = mapped_column(unique=True)
    name: Mapped[Name]
    password_hash: Mapped[Name]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[UtcTime] = mapped_column(default=now)
    memberships: Mapped[list["Membership"]] = relationship(back_populates="user", cascade="all, delete-orphan")


class Membership(OrganisationOwned, Base):
    """A user's role in an organisation.

    `name` is what the organisation calls somebody whose account was there before: what the account calls itself was
    said to others, and is not told to whoever guesses its address.
    """

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("organisation_id", "user_id"),)

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    role: Mapped[Code]
    active: Mapped[bool] = mapped_column(default=True)
    name: Mapped[Name | None]
    user: Mapped[User] = relationship(back_populates="memberships")
    organisation: Mapped[Organisation] = relationship()

    @property
    def shown_name(self) -> str:
        """What the person is called here."""
        return self.name or self.user.name


class LoginSession(Base):
    """One signed-in browser: made anew at each log-in, so that a stolen older cookie is worth nothing."""

    __tablename__ = "login_sessions"

    id: Mapped[PrimaryKey]
    token_hash: Mapped[Code] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"))
    created_at: Mapped[UtcTime] = mapped_column(default=now)
    expires_at: Mapped[UtcTime]
    user: Mapped[User] = relationship()
