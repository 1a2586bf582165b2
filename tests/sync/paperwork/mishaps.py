"""Documents are carried, and workers die, answers get lost, the CRM is busy, time passes."""

from contextlib import suppress
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.factories.documents import due_now
from tests.sync.paperwork.clerks import Clerks
from tests.sync.paperwork.office import KINDS
from tests.sync.simulator.mishaps import PASSED, Killed, ending
from zbweb.sync.core.document_words import CRM_MODULES
from zbweb.sync.documents import delivery

CALLS = st.sampled_from(["insert", "update", "delete", "get", "get_many", "coql"])
MODULES = st.sampled_from([*CRM_MODULES.values(), "Products", "Accounts"])


class Mishaps(Clerks):
    """Whatever becomes of a delivery, people go on before the next one."""

    @rule(is_all_due=st.booleans())
    def deliver_now(self, is_all_due):
        if is_all_due:
            due_now()
        self.carry(self.deliver)

    @rule(kind=KINDS)
    def hear_now(self, kind):
        self.carry(self.hear, kind=kind)

    @rule()
    def sync_now(self):
        self.carry(self.sync)

    @rule()
    def settle_now(self):
        self.settle()
        self.audit()

    @rule(seconds=st.sampled_from([1, 11, 120]))
    def time_passes(self, seconds):
        self.time_goes_by(seconds)

    # --- what goes wrong ---

    @rule(module=MODULES, method=st.sampled_from(["POST", "PUT"]), after=st.booleans())
    def lose_an_answer(self, module, method, after):
        fault = {"status": 500, "path": f"/crm/v8/{module}", "method": method, "after_applying": after}
        self.go_wrong(fail_next=[fault])

    @rule(fault=st.sampled_from(["retry", "drop_connections", "apply_then_drop", "malformed"]))
    def be_busy(self, fault):
        self.go_wrong(**{fault: 1})

    def go_wrong(self, **faults):
        self.faults |= faults
        self.ledger.in_doubt = True

    @rule(call=CALLS, after=st.booleans(), passed=PASSED)
    def die_in_a_delivery(self, call, after, passed):
        due_now()
        with mock.patch.object(delivery, "_let_go"):  # the dead write nothing down
            self.die(self.deliver, call=call, after=after, passed=passed)

    @rule(kind=KINDS, passed=PASSED)
    def die_while_hearing(self, kind, passed):
        self.die(self.hear, kind=kind, call="get", after=True, passed=passed)

    @rule(call=CALLS, after=st.booleans(), passed=PASSED)
    def die_in_a_sync(self, call, after, passed):
        self.die(self.sync, call=call, after=after, passed=passed)

    def die(self, how, *, call, after, passed, **more):
        self.ledger.in_doubt = True
        with suppress(Killed):
            self.carry(how, open_client=ending(call, Killed(), after=after, passed=passed), **more)
