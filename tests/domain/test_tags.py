"""Tags: what is added and removed, and what a search finds."""

import pytest

from penstock.domain import tags
from penstock.domain.errors import Invalid
from penstock.domain.tags import Search, Tagged

THING = Tagged("7", "clicks", {"team": "web", "env": ""})
BARE = Tagged("8", "views", {})


def test_an_added_tag_replaces_one_of_its_key() -> None:
    assert tags.added(THING.tags, {"team": "ops", "tier": "1"}) == {"team": "ops", "env": "", "tier": "1"}


def test_more_than_twenty_are_refused_and_twenty_can_be_replaced() -> None:
    full = {str(number): "old" for number in range(20)}
    with pytest.raises(Invalid, match="there would be 21, and 20 are the most"):
        tags.added(full, {"one more": ""})
    assert tags.added(full, {"0": "new"}) == {**full, "0": "new"}


def test_keys_that_are_not_there_do_not_matter_to_a_removal() -> None:
    assert tags.removed(THING.tags, {"team", "tier"}) == {"env": ""}


@pytest.mark.parametrize(
    ("search", "finds"),
    [
        (Search(), "78"),
        (Search({"team": ["ops", "web"]}), "7"),
        (Search({"team": ["ops"]}), ""),
        (Search({"team": []}), "7"),
        (Search({"env": [""]}), "7"),
        (Search({"team": ["web"], "tier": []}), ""),
        (Search(is_bare=True), "8"),
        (Search(name_part="ick"), "7"),
        (Search(name_part="Click"), ""),
        (Search({"team": []}, name_part="views"), ""),
    ],
)
def test_a_search_finds_what_fits_all_of_it(search: Search, finds: str) -> None:
    assert "".join(each.id for each in (THING, BARE) if search.finds(each)) == finds


def test_the_values_of_all_things_are_told_by_key_in_order() -> None:
    other = Tagged("9", "other", {"team": "ops", "env": ""})
    assert tags.values_by_key([THING, BARE, other]) == {"env": [""], "team": ["ops", "web"]}
