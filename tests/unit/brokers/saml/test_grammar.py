"""The allow-list is complete in itself, and its limits are where they are said to be."""

import pytest

from brokers.errors import SamlRejected
from brokers.saml import Reason, parsing, shape
from brokers.saml.grammar import RULES
from tests.saml_forge import Forge, element, find
from tests.saml_forge.edits import Edit
from tests.saml_forge.idp import RESPONSE

IDP = Forge().provider()


def nested(levels: int) -> Edit:
    """Make the deepest element stand `levels` below nothing (the root is level 1)."""

    def edit(root: object) -> None:
        code = find(root, f"{RESPONSE}/samlp:Status/samlp:StatusCode")  # type: ignore[arg-type]
        for _ in range(levels - 3):
            inner = element('<samlp:StatusCode Value="urn:example:deeper"/>')
            code.append(inner)
            code = inner

    return edit


def check(forge: Forge) -> None:
    shape.check(parsing.read_response(forge.response()), IDP)


def test_every_child_that_a_rule_names_has_a_rule() -> None:
    for path, rule in RULES.items():
        for child in rule.once | rule.many:
            assert (path[-1], child) in RULES or (child,) in RULES, f"{child} in {path[-1]}"


def test_every_rule_is_reached() -> None:
    named = {child for rule in RULES.values() for child in rule.once | rule.many}
    roots = {path[-1] for path in RULES} - named

    protocol = "{urn:oasis:names:tc:SAML:2.0:protocol}"
    assert roots == {f"{protocol}Response", f"{protocol}LogoutRequest", f"{protocol}LogoutResponse"}


def test_the_depth_limit_is_inclusive() -> None:
    check(Forge(alter=nested(shape.MAX_DEPTH)))
    with pytest.raises(SamlRejected) as refused:
        check(Forge(alter=nested(shape.MAX_DEPTH + 1)))
    assert refused.value.reason == Reason.DEPTH


def test_the_refusal_says_where() -> None:
    with pytest.raises(SamlRejected, match=r"saml\.structure.*Extensions is not allowed in .*Response"):
        check(Forge(alter=lambda root: root.insert(1, element("<samlp:Extensions/>"))))
