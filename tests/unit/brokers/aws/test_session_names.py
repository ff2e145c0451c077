"""Names made from UUIDs: legal everywhere, one to one, and back."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.aws import limits
from brokers.aws.session_names import (
    TAG_GRANT,
    TAG_PARTNER,
    TAG_PERSON,
    check_tags,
    grant_of,
    person_of,
    session_name,
    source_identity,
)
from brokers.errors import LimitExceeded

GRANT = UUID("0b7e4f5a-1111-4222-8333-444455556666")


@given(st.uuids())
def test_there_and_back_within_every_limit(grant: UUID) -> None:
    name, identity = session_name(grant), source_identity(grant)
    limits.role_session_name(name)
    limits.federation_name(name)
    limits.source_identity(identity)
    assert (len(name), len(identity)) == (29, 36)
    assert (grant_of(name), person_of(identity)) == (grant, grant)


@given(st.uuids(), st.uuids())
def test_two_grants_never_share_a_name(one: UUID, other: UUID) -> None:
    assert (session_name(one) == session_name(other)) == (one == other)


@given(st.text(max_size=40))
def test_whatever_else_is_nobodys(text: str) -> None:
    assert grant_of(text) is None or session_name(grant_of(text) or GRANT) == text


@pytest.mark.parametrize(
    "name",
    [
        "",
        "sp-",
        "alice",
        session_name(GRANT).upper(),
        session_name(GRANT)[:-1],
        session_name(GRANT) + "a",
        "sp-" + "1" * 26,
        # The last character carries 3 bits of 5: another spelling of the same bytes is not the grant's name.
        session_name(GRANT)[:-1] + ("b" if session_name(GRANT)[-1] == "a" else "z"),
        source_identity(GRANT),
    ],
)
def test_another_spelling_is_not_a_grants_name(name: str) -> None:
    assert grant_of(name) is None
    assert grant_of(session_name(GRANT)) == GRANT


def test_a_session_name_is_not_a_person() -> None:
    assert person_of(session_name(GRANT)) is None


@pytest.mark.parametrize("key", [TAG_GRANT, TAG_PERSON])
def test_tags_that_hold_a_uuid(key: str) -> None:
    check_tags({key: str(GRANT)})
    for wrong in ("", str(GRANT).upper(), f"{GRANT}\n", "alice"):
        with pytest.raises(LimitExceeded) as caught:
            check_tags({key: wrong})
        assert (caught.value.field, caught.value.limit) == (f"Tags[{key}]", "a lower-case UUID")


def test_the_partners_tag_and_no_other() -> None:
    check_tags({TAG_PARTNER: "acme-2"})
    for wrong in ("", "-acme", "Acme", "a" * 65):
        with pytest.raises(LimitExceeded):
            check_tags({TAG_PARTNER: wrong})
    with pytest.raises(LimitExceeded, match="Tags is 'sallyportgrant'; allowed is the keys"):
        check_tags({"sallyportgrant": str(GRANT)})
