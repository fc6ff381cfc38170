"""`operator_config`: what it says of operators."""

import pytest

from penstock.domain import graph
from penstock.domain.errors import Invalid


def test_the_parallelism_of_operators_is_read_by_their_ids() -> None:
    text = '{"operator_list": [{"id": "a", "parallelism": 2}, {"id": "b", "parallelism": "3", "more": 1}]}'
    assert graph.parallelism(text) == {"a": 2, "b": 3}


@pytest.mark.parametrize("text", [None, "", '{"operator_list": []}'])
def test_none_is_given_to_none(text: str | None) -> None:
    assert graph.parallelism(text) == {}


@pytest.mark.parametrize("text", ["{}", "[]", "x", '{"operator_list": [{"id": "a"}]}'])
def test_what_an_older_penstock_has_taken_and_makes_no_sense_is_told(text: str) -> None:
    with pytest.raises(Invalid, match="operator_config must be an object with an operator_list"):
        graph.parallelism(text)
