"""No login, DN or id changes a filter's structure; a filter from the settings is one whole filter."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation import search
from ldap3.operation.search import AND, MATCH_EQUAL

from brokers.errors import IdentityUnavailable
from brokers.ldap import filters
from brokers.ldap.reasons import Fault

# Untyped in the stubs.
LDAP3: Any = search
SPECIAL = st.text(alphabet='()*\\&|!=<>~:/ ,+"#;\0\n\ta\u00e9\u212b\U0001f600', max_size=40)


def parsed(text: str) -> Any:
    return LDAP3.parse_filter(
        text, None, auto_escape=False, auto_encode=False, validator=None, check_names=False
    ).elements[0]


def values(text: str) -> list[bytes]:
    """The assertion values of `(&(…=…)(…=…))`, as the server gets them."""
    compiled = LDAP3.compile_filter(parsed(text))["and"]
    return [bytes(part["equalityMatch"]["assertionValue"]) for part in compiled]


@given(st.one_of(SPECIAL, st.text(max_size=60).filter(lambda text: text.isprintable())))
def test_no_login_changes_the_filter(login: str) -> None:
    text = filters.every(filters.own("(objectClass=person)"), filters.equal("uid", login))
    tree = parsed(text)
    assert tree.tag == AND
    assert [(part.tag, part.assertion["attr"]) for part in tree.elements] == [
        (MATCH_EQUAL, "objectClass"),
        (MATCH_EQUAL, "uid"),
    ]
    assert values(text) == [b"person", login.encode()]


@given(st.binary(min_size=16, max_size=16))
def test_no_id_changes_the_filter(octets: bytes) -> None:
    text = filters.every("(objectClass=person)", filters.equal("objectGUID", octets))
    assert values(text) == [b"person", octets]


@given(st.one_of(SPECIAL, st.text(), st.binary()))
def test_escaped_values_have_no_character_with_a_meaning(value: str | bytes) -> None:
    try:
        escaped = filters.escaped(value)
    except UnicodeEncodeError:  # a lone surrogate: refused as a login long before
        return
    assert set(escaped) <= set("\\0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def test_the_rule_in_chain_takes_any_dn() -> None:
    text = filters.in_chain("member", "CN=Brook\\, Ada (x)*,DC=example")
    node = parsed(text)
    assert node.assertion["matchingRule"] == "1.2.840.113556.1.4.1941"
    assert (
        bytes(LDAP3.compile_filter(node)["extensibleMatch"]["matchValue"])
        == b"CN=Brook\\, Ada (x)*,DC=example"
    )


@pytest.mark.parametrize(
    "configured",
    [
        "(objectClass=person)(uid=*)",  # would stand beside what it is joined with
        "(objectClass=person))(|(uid=*)",
        "(objectClass=person",
        "(&(objectClass=person)",
        "nonsense",
        ")(",
    ],
)
def test_a_filter_of_the_settings_must_be_one(configured: str) -> None:
    with pytest.raises(IdentityUnavailable) as caught:
        filters.own(configured)
    assert caught.value.reason == Fault.SETTINGS


@pytest.mark.parametrize(
    ("configured", "own"),
    [
        ("(objectClass=person)", "(objectClass=person)"),
        (" objectClass=person ", "(objectClass=person)"),
        ("", "(objectClass=*)"),
        ("(&(a=b)(!(c=d)))", "(&(a=b)(!(c=d)))"),
        ("(a=\\28b\\29)", "(a=\\28b\\29)"),
    ],
)
def test_whole_filters_of_the_settings_are_taken(configured: str, own: str) -> None:
    assert filters.own(configured) == own
