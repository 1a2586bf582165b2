"""How the machines that let anything happen are run: by as many examples and steps as one has time for."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def let_happen(machine: type[RuleBasedStateMachine], *, examples: int, steps: int, **given: object) -> None:
    """Run the machine with these attributes."""
    run_state_machine_as_test(
        type("Machine", (machine,), given),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )  # fmt: skip
