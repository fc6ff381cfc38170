from penstock.flink import runner

RUN_ERROR = """org.apache.flink.runtime.rest.handler.RestHandlerException: Could not execute application.
\tat org.apache.flink.runtime.webmonitor.handlers.JarRunHandler.lambda$handleRequest$1(JarRunHandler.java:114)
Caused by: org.apache.flink.client.program.ProgramInvocationException: The main method caused an error: {message}
\tat org.apache.flink.client.program.PackagedProgram.callMainMethod(PackagedProgram.java:376)
\t... 2 more
Caused by: {cause}: {message}
"""


def test_the_script_comes_first_and_untouched_and_the_rules_follow() -> None:
    script = "SET 'a' = 'b c';\r\n-- 表 = \"own=x\""

    arguments = runner.program_arguments(
        script, owned=["pipeline.name"], denied=["rest.*"], jars=["obs://b/x.jar"], skips_dirty_records=True
    )

    assert arguments == [script, "own=pipeline.name", "deny=rest.*", "jar=obs://b/x.jar", "dirty=skip"]


def test_operators_are_given_their_parallelism_by_their_ids() -> None:
    assert runner.operator_arguments({"ab": 2, "cd": 1}) == ["parallelism=ab=2", "parallelism=cd=1"]


def test_nothing_is_allowed_and_nothing_skipped_unless_asked_for() -> None:
    assert runner.program_arguments("") == [""]


def test_a_refusal_is_found_in_the_error_of_a_run() -> None:
    text = RUN_ERROR.format(cause="io.penstock.runner.Refusal", message="line 3, column 1: no sink")

    assert runner.refusal(text) == "line 3, column 1: no sink"


def test_an_error_that_is_not_the_scripts_is_no_refusal() -> None:
    assert runner.refusal(RUN_ERROR.format(cause="java.lang.IllegalStateException", message="gone")) is None


def test_the_name_of_an_upload_is_a_jar_named_by_its_content() -> None:
    assert runner.upload_name().startswith("penstock-sql-runner-")
    assert runner.upload_name().endswith(".jar")
