"""Short reasons out of Flink's stack traces."""

import pytest

from penstock.flink import failures

_TASK = """\
org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy
\tat org.apache.flink.runtime.executiongraph.failover.ExecutionFailureHandler.handleFailure(E.java:213)
Caused by: java.lang.RuntimeException: Error while getting state
\tat org.apache.flink.Some.method(Some.java:1)
\t... 2 more
Caused by: org.apache.flink.util.StateMigrationException: The new serializer does not fit.
\tat org.apache.flink.Some.other(Some.java:2)
"""


def test_the_innermost_cause_is_told() -> None:
    assert failures.root_cause(_TASK) == "StateMigrationException: The new serializer does not fit."


def test_a_cause_that_says_nothing_is_passed_over() -> None:
    trace = (
        "java.io.IOException: disk full\n\tat a.B.c(B.java)\nCaused by: java.lang.NullPointerException\n\tat a.B"
    )
    assert failures.root_cause(trace) == "IOException: disk full"


def test_an_exception_without_any_text_is_told_by_its_name() -> None:
    assert failures.root_cause("java.lang.NullPointerException\n\tat a.B.c(B.java)") == "NullPointerException"


def test_no_more_than_two_lines_of_a_cause_are_told() -> None:
    trace = "org.x.ParseException: wrong\nexpected one of\n  A\n  B\n\tat org.x.Y"
    assert failures.root_cause(trace) == "ParseException: wrong\nexpected one of"


_OF_PYTHON = """\
java.lang.RuntimeException: Failed to close remote bundle
\tat org.apache.flink.Some.method(Some.java:1)
Caused by: java.lang.RuntimeException: Error received from SDK harness: Traceback (most recent call last):
  File "/cache/python/lib/python3.11/site-packages/apache_beam/sdk_worker.py", line 311, in _execute
    response = task()
               ^^^^^^
  File "pyflink/fn_execution/beam/beam_operations_fast.pyx", line 177, in process
  File "engines/default/tmp/rules.py", line 16, in half
    return int(text)
           ^^^^^^^^^
  File "/python3.11/lib/python3.11/numbers.py", line 3, in check
ValueError: odd: 7

\tat org.apache.beam.Some.other(Some.java:2)
\t... 1 more
"""


def test_what_python_has_thrown_is_told_with_its_place() -> None:
    assert failures.root_cause(_OF_PYTHON) == "ValueError: odd: 7 (rules.py:16)"


def test_a_text_that_is_no_trace_is_told_as_it_is() -> None:
    assert failures.root_cause("Not found: /jobs/x\n") == "Not found: /jobs/x"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "Internal server error.\n\njava.util.concurrent.CompletionException: "
            "org.apache.flink.client.program.ProgramInvocationException: "
            "The program's entry point class 'no.Such' was not found in the jar file.\n\tat a.B",
            "The program's entry point class 'no.Such' was not found in the jar file.",
        ),
        (
            "a.RestHandlerException: Could not execute application.\n\tat a.B\n"
            "Caused by: java.lang.RuntimeException: java.lang.IllegalArgumentException: "
            "bogus is an unknown value of RestartStrategyType.\n\t... 5 more",
            "bogus is an unknown value of RestartStrategyType.",
        ),
        (
            "java.lang.IllegalArgumentException: Could not parse value 'x' for key 'parallelism.default'.\n\tat a",
            "Could not parse value 'x' for key 'parallelism.default'.",
        ),
    ],
)
def test_what_will_never_run_is_told_apart(said: str, reason: str) -> None:
    assert failures.permanent(said) == reason


@pytest.mark.parametrize(
    "said",
    [
        "java.io.IOException: No space left on device\n\tat a.B",
        "Caused by: java.net.ConnectException: Connection refused",
        "Caused by: java.lang.OutOfMemoryError: Metaspace. The metaspace out-of-memory error has occurred.",
        "java.util.concurrent.TimeoutException: Invocation of [...] timed out.",
        "Request rejected by a proxy, quoting: Could not parse value 'x' for key 'y'",
        "",
    ],
)
def test_what_may_work_later_is_not_taken_for_what_never_will(said: str) -> None:
    assert failures.permanent(said) is None


def test_a_duplicate_is_recognised_but_not_where_it_is_only_quoted() -> None:
    thrown = "org.apache.flink.runtime.client.DuplicateJobSubmissionException"
    assert failures.is_duplicate(f"a.B: Could not run\nCaused by: java.lang.RuntimeException: {thrown}: Job has")
    assert not failures.is_duplicate(f"java.io.IOException: disk full while writing '{thrown}'")


@pytest.mark.parametrize(
    "said",
    [
        _TASK,
        "java.lang.IllegalStateException: Failed to rollback to checkpoint/savepoint obs://a/b. Cannot map",
        "java.lang.IllegalStateException: Max parallelism mismatch between checkpoint/savepoint state and program",
        "org.apache.flink.runtime.state.BackendBuildingException: Failed when trying to restore heap backend",
    ],
)
def test_state_that_does_not_fit_is_recognised(said: str) -> None:
    assert failures.is_restore_failure(said)


def test_an_ordinary_failure_is_not_one_of_state() -> None:
    assert not failures.is_restore_failure("java.lang.NumberFormatException: For input string: 'x'")
