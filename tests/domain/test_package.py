"""What packages hold, as far as their names say it."""

import pytest

from penstock.domain import package
from penstock.domain.errors import Invalid
from penstock.domain.package import Kind


@pytest.mark.parametrize(
    ("name", "kind"), [("a.jar", Kind.JAR), ("a.py", Kind.PYTHON), ("a.zip", Kind.FILE), ("py", Kind.FILE)]
)
def test_the_name_of_a_file_says_its_kind(name: str, kind: Kind) -> None:
    assert package.kind_of(name) is kind


@pytest.mark.parametrize(
    ("reference", "file"),
    [
        ("rules.py", "rules.py"),
        ("fraud/rules.py", "rules.py"),
        ("obs://code/2024/rules.v2.zip", "functions.zip"),
        ("fraud/rules.jar", None),
        ("zip", None),
    ],
)
def test_python_code_is_told_by_its_name(reference: str, file: str | None) -> None:
    assert package.python_file(reference) == file


@pytest.mark.parametrize("reference", ["my-rules.py", "rules.v2.py", "fraud/.py", "2rules.py"])
def test_a_module_must_have_a_name_that_can_be_imported(reference: str) -> None:
    with pytest.raises(Invalid, match="is not a name that Python can import"):
        package.python_file(reference)
