"""What a provider's groups are called here: a group there is not another one by being called so."""

import pytest

from portal.directory.models import IdentityProvider
from portal.identity.operations.keep_groups import group_names


@pytest.mark.parametrize(
    ("told", "here"),
    [
        (["0f1e"], {"platform admins"}),
        (["payments"], {"payments"}),
        (["platform admins"], set()),
        (["platform admins", "payments"], {"payments"}),
        (["old"], {"kept"}),
        (["kept"], {"kept"}),
        (["x" * 201, ""], set()),
    ],
)
def test_a_name_that_stands_for_another_group_is_nobodys_to_take(told: list[str], here: set[str]) -> None:
    names = {"0f1e": "platform admins", "old": "kept", "kept": "kept"}
    assert group_names(IdentityProvider(group_names=names), told) == here
