"""Assertions for AWS, forged: what an identity provider posts to AWS's sign-in when nobody asked for it here."""

from collections.abc import Iterable
from typing import Any

from lxml.etree import _Element as Element

from tests.saml_forge.edits import Edit, element, find
from tests.saml_forge.idp import ASSERTION, RESPONSE, Forge

AWS_AUDIENCE = "urn:amazon:webservices"
AWS_RECIPIENT = "https://signin.aws.amazon.com/saml"
BASE = "https://aws.amazon.com/SAML/Attributes/"
ROLE = "arn:aws:iam::222222222222:role/Reader"
PROVIDER = "arn:aws:iam::222222222222:saml-provider/Example"
DATA = f"{ASSERTION}/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData"
STATEMENT = f"{ASSERTION}/saml:AttributeStatement"


def says(name: str, *values: str) -> Edit:
    """Have it say one of AWS's attributes."""
    told = "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
    return lambda root: find(root, STATEMENT).append(
        element(f'<saml:Attribute Name="{BASE}{name}">{told}</saml:Attribute>')
    )


def unasked(root: Element) -> None:
    del find(root, RESPONSE).attrib["InResponseTo"]
    del find(root, DATA).attrib["InResponseTo"]


def for_aws(  # what an assertion may say
    *,
    roles: Iterable[str] = (f"{ROLE},{PROVIDER}",),
    session_name: str = "alice@example.test",
    alter: Edit = lambda _: None,
    recipient: str = AWS_RECIPIENT,
    audience: str = AWS_AUDIENCE,
    **fields: Any,
) -> Forge:
    """Return the forge of an assertion that AWS would take; `alter` comes after what makes it so."""

    def whole(root: Element) -> None:
        unasked(root)
        says("Role", *roles)(root)
        says("RoleSessionName", session_name)(root)
        alter(root)

    return Forge(**{"acs_url": recipient, "sp_entity_id": audience, "alter": whole, **fields})
