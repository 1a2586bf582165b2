"""Workers die, answers get lost, syncs fail, time passes."""

import itertools
from contextlib import suppress

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.factories.sync import hasty_client
from tests.sync.simulator.twins import Twins
from tests.sync.simulator.world import KINDS, MODULES, PHONES
from zbweb.clock import now
from zbweb.crm.errors import Refused
from zbweb.db import unit_of_work
from zbweb.sync import runs
from zbweb.sync.core.words import Trigger
from zbweb.sync.models import SyncRun

CALLS = st.sampled_from(["insert", "update", "coql", "get_many", "deleted", "pages"])
PASSED = st.integers(min_value=0, max_value=1)


class Killed(BaseException):
    """kill -9 of a worker."""


class Mishaps(Twins):
    """Whatever becomes of a sync, people go on before the next one."""

    @rule()
    def time_passes(self):
        """So much that no overlap hides what was not read."""
        self.sandbox.faults(clock_skew_seconds=self.sandbox.sandbox.clock.skew_seconds + 120)

    @rule(module=MODULES)
    def lose_an_answer(self, module):
        self.lossy = module

    @precondition(lambda self: self.broken is None)
    @rule(call=CALLS, after=st.booleans(), passed=PASSED)
    def die_in_a_sync(self, call, after, passed):
        """The worker dies at a call to the CRM, before it or after it."""
        with unit_of_work() as session:
            actor = {"trigger": Trigger.INSTANT, "actor_name": "Asha Rao"}
            run_id = runs.queue_run(session, self.partners.connection, **actor).id
        with suppress(Killed):
            self.partners.carry_out(run_id, open_client=ending(call, Killed(), after=after, passed=passed))
        with unit_of_work() as session:
            run = session.get_one(SyncRun, run_id, populate_existing=True)
            if run.status == "running":
                run.lease_until, self.broken = now(), run_id
        self.ledger.forget()

    @precondition(lambda self: self.broken is None)
    @rule(after=st.booleans(), phone=PHONES, kind=KINDS)
    def die_while_a_newcomer_is_sent(self, after, phone, kind):
        self.create_here(phone=phone, kind=kind)
        self.die_in_a_sync(call="insert", after=after, passed=0)

    @precondition(lambda self: self.broken is None)
    @rule(call=CALLS, passed=PASSED)
    def fail_in_a_sync(self, call, passed):
        """The CRM refuses a call, so the run ends, and the next one begins anew; no overlap helps it."""
        self.time_passes()
        refusal = Refused("Zoho CRM is not in the mood.", code="INTERNAL_ERROR")
        self.partners.sync(open_client=ending(call, refusal, after=False, passed=passed))
        self.ledger.forget()

    @precondition(lambda self: self.broken is None)
    @rule(phone=PHONES, module=MODULES)
    def fail_while_a_newcomer_is_read(self, phone, module):
        self.create_there(phone=phone, module=module, shown=True)
        self.fail_in_a_sync(call="pages", passed=0)


def ending(name, error, *, after, passed):
    """A way to open clients that end with `error` at the named call, once it was passed so often."""

    def open_client(connection):
        client = hasty_client(connection)
        inner, seen = getattr(client, name), itertools.count()

        def call(*args, **kwargs):
            is_last = next(seen) == passed
            if is_last and not after:
                raise error
            answer = inner(*args, **kwargs)
            if is_last:
                raise error
            return answer

        setattr(client, name, call)
        return client

    return open_client
