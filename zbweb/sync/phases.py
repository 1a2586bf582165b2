"""The phases of a customers' run, in order: pull before push, accounts before contacts.

Each phase goes on from the checkpoint and moves its watermark only when all it read is settled: done, or
failed and kept for the next run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zbweb.sync.core.words import Automation, Extent, Scope
from zbweb.sync.documents import incoming
from zbweb.sync.figures import metrics
from zbweb.sync.live import LiveRun
from zbweb.sync.models import Connection, SyncRun
from zbweb.sync.potentials import deals
from zbweb.sync.pull import reading
from zbweb.sync.push import customers


@dataclass(frozen=True, slots=True)
class Phase:
    """A named part of a run: whether a run has it, and the work."""

    name: str
    applies: Callable[[LiveRun], bool]
    work: Callable[[LiveRun], None]


def _reads_accounts(live: LiveRun) -> bool:
    return not live.only and live.choices.reads("Accounts")


def _reads_contacts(live: LiveRun) -> bool:
    return not live.only and live.choices.reads("Contacts")


def _fetches_both(live: LiveRun) -> bool:
    return not live.only and live.choices.scope is Scope.ACCOUNTS_AND_CONTACTS


def _is_whole(live: LiveRun) -> bool:
    return not live.only


def _is_partial(live: LiveRun) -> bool:
    return bool(live.only)


def _pushes(live: LiveRun) -> bool:
    return live.choices.extent is Extent.BOTH


def _automates(live: LiveRun) -> bool:
    connection = live.session.get_one(Connection, live.connection_id)
    return connection.automation != Automation.NONE and (not live.only or "Deals" in live.only.get("crm", {}))


def _always(_live: LiveRun) -> bool:
    return True


PHASES: Sequence[Phase] = (
    Phase("lost_pushes", _always, customers.settle_lost),
    Phase("accounts", _reads_accounts, reading.read_accounts),
    Phase("accounts_deleted", _reads_accounts, reading.follow_deleted_accounts),
    Phase("newcomers", _fetches_both, reading.read_newcomers),
    Phase("contacts", _reads_contacts, reading.read_contacts),
    Phase("contacts_deleted", _reads_contacts, reading.follow_deleted_contacts),
    Phase("failed_before", _is_whole, reading.read_failed_before),
    Phase("chosen", _is_partial, reading.read_chosen),
    Phase("push", _pushes, customers.push_customers),
    Phase("deals", _automates, deals.poll),
    Phase("documents", _always, incoming.poll),
    Phase("figures", _always, metrics.owe_newcomers),
)


def work(live: LiveRun) -> None:
    """Do the phases that are left, from the one that the checkpoint names."""
    run = live.session.get_one(SyncRun, live.run_id, populate_existing=True)
    names = [phase.name for phase in PHASES]
    reached = names.index(run.checkpoint["phase"]) if run.checkpoint else 0
    for phase in PHASES[reached:]:
        if phase.applies(live):
            live.spare_credits()
            _enter(live, phase)
            phase.work(live)


def _enter(live: LiveRun, phase: Phase) -> None:
    with live.unit() as (run, _):
        run.phase = phase.name
        if run.checkpoint.get("phase") != phase.name:
            run.checkpoint = {"phase": phase.name, "read_until": run.checkpoint.get("read_until", {})}
