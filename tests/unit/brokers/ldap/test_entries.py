"""Ids as text and back; values that are no text."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.errors import IdentityUnavailable
from brokers.ldap.entries import Entry, id_octets, stable_id
from brokers.ldap.reasons import Fault

GUID = bytes.fromhex("c79f90aa23c62047828ee542f3e48aee")


def entry(**values: bytes) -> Entry:
    return Entry("cn=ada", {name.lower(): [value] for name, value in values.items()})


def test_an_object_guid_is_shown_as_windows_shows_it() -> None:
    assert stable_id(entry(objectGUID=GUID), "objectGUID") == "aa909fc7-c623-4720-828e-e542f3e48aee"


@given(st.binary(min_size=16, max_size=16))
def test_an_object_guid_is_found_by_its_text(octets: bytes) -> None:
    assert id_octets(stable_id(entry(objectGUID=octets), "objectGUID"), "objectguid") == octets


def test_an_entry_uuid_stays_what_it_is() -> None:
    text = str(UUID(int=7))
    assert stable_id(entry(entryUUID=text.encode()), "entryUUID") == text
    assert id_octets(text, "entryUUID") == text.encode()


@pytest.mark.parametrize(
    ("text", "attribute"), [("", "entryUUID"), ("ada", "objectGUID"), ("", "objectGUID")]
)
def test_what_can_be_nobodys_id(text: str, attribute: str) -> None:
    assert id_octets(text, attribute) is None


@pytest.mark.parametrize(
    "values",
    [{}, {"entryuuid": []}, {"entryuuid": [b"a", b"b"]}, {"entryuuid": [b"\xff"]}, {"entryuuid": [b"a\0b"]},
     {"entryuuid": [b""]}],
)  # fmt: skip
def test_nobody_goes_without_an_id(values: dict[str, list[bytes]]) -> None:
    with pytest.raises(IdentityUnavailable) as caught:
        stable_id(Entry("cn=ada", values), "entryUUID")
    assert caught.value.reason == Fault.MALFORMED


def test_values_that_are_no_text_are_left_out() -> None:
    found = Entry("cn=ada", {"mail": [b"\xff\xd8", b"ada@example.test"]})
    assert found.all("MAIL") == ("ada@example.test",)
    assert found.first("mail") == "ada@example.test"
    assert found.first("phone") == ""
