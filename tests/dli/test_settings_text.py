import re

import pytest

from penstock.dli import settings_text
from penstock.dli.settings_text import ResourceConfig, ResourceSpec
from penstock.domain.errors import Invalid, NotAllowed


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[]",
        '[{"key":"k","value":"v"},{"key":"n","value":1}]',
        ' {"k":"v","flag":true}',
        "k=v",
        "k = v=w\n\n  other.key=\r\n",
    ],
)
def test_each_spelling_of_a_runtime_configuration_is_accepted(text: str | None) -> None:
    settings_text.check_runtime_config(text)


@pytest.mark.parametrize(
    "text",
    ["k", "=v", " = v", '[{"key":"k"}]', '[{"key":"","value":"v"}]', '["k=v"]', '{"k":[]}', '{"":1}', "[" * 5000],
)
def test_anything_else_is_no_runtime_configuration(text: str) -> None:
    with pytest.raises(Invalid, match="runtime_config must be"):
        settings_text.check_runtime_config(text)


@pytest.mark.parametrize("key", ["rest.bind-address", "security.kerberos.login.keytab", "env.java.opts.all", "$x"])
@pytest.mark.parametrize(
    "text", ['[{{"key":"a","value":1}},{{"key":"{}","value":"v"}}]', '{{" {} ":1}}', "a=b\n {} = v"]
)
def test_a_key_that_belongs_to_the_operator_is_refused_by_its_name(text: str, key: str) -> None:
    with pytest.raises(NotAllowed, match=rf"^runtime_config must not set {re.escape(key)}: "):
        settings_text.check_runtime_config(text.format(key))


@pytest.mark.parametrize(
    "text",
    [
        r'{"a\u0000":"v"}',
        r'{"a":"\u0000"}',
        r'[{"key":"a","value":"x\ny"}]',
        r'[{"key":"a\u0085","value":1}]',
        "a=b\x0brest.port=1",
        "a\x1cb=c",
    ],
)
def test_a_runtime_configuration_holds_no_control_characters(text: str) -> None:
    with pytest.raises(Invalid, match=r"runtime_config: 'a.*' must not hold control characters"):
        settings_text.check_runtime_config(text)


@pytest.mark.parametrize("memory", ["2", "2GB", "2 gb", "2048M", "2048 MB", "2.5 G"])
def test_two_gigabytes_are_enough(memory: str) -> None:
    spec = ResourceSpec(memory=memory)
    assert settings_text.resource_config(ResourceConfig(jobmanager_resource_spec=spec)) == {
        "jobmanager_resource_spec": {"memory": memory}
    }


@pytest.mark.parametrize("memory", ["1", "2047 MB", "1.9 GB", "2 TB", "much", "", "-2", "9" * 400])
def test_less_memory_or_none_that_can_be_read_is_refused(memory: str) -> None:
    with pytest.raises(Invalid, match="at least 2 GB"):
        settings_text.resource_config(ResourceConfig(taskmanager_resource_spec=ResourceSpec(memory=memory)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", ": operator_list must be a list, each an object"),
        ('{"operator_list":[{"parallelism":1}]}', ": operator_list[0].id must be a text"),
        (
            '{"operator_list":[{"id":"a","parallelism":2001}]}',
            ": operator_list[0].parallelism must be an integer between 1 and 2000",
        ),
        ("x", " must be valid JSON"),
    ],
)
def test_an_operator_configuration_is_checked(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        settings_text.check_operator_config(text)
    assert str(caught.value) == f"operator_config{message}"


@pytest.mark.parametrize("setting", ["taskmanager.memory.process.size=4", "taskmanager.numberOfTaskSlots=many"])
def test_a_size_in_a_runtime_configuration_must_be_one(setting: str) -> None:
    with pytest.raises(Invalid, match=rf"^runtime_config: {setting.partition('=')[0]} must be "):
        settings_text.check_runtime_config(setting)


def test_a_log_configuration_names_classes_and_levels() -> None:
    settings_text.check_log_config('{"root_logger_level":"WARN","loggers_level_of_class":{"a.B":"DEBUG"}}')
    for text in ('{"root_logger_level":"LOUD"}', '{"loggers_level_of_class":{"a b":"DEBUG"}}'):
        with pytest.raises(Invalid, match="flink_log_config: "):
            settings_text.check_log_config(text)
