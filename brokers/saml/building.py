"""Building the few documents that we send: elements with their text escaped by lxml, never text templates."""

import secrets
from datetime import datetime

from lxml import etree

from brokers.saml.names import DS, MD, SAML, SAMLP, XENC, Element

_PREFIXES = {"samlp": SAMLP[1:-1], "saml": SAML[1:-1], "md": MD[1:-1], "ds": DS[1:-1], "xenc": XENC[1:-1]}


def make(tag: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    made = etree.Element(tag, attributes, nsmap=_PREFIXES)
    made.text = text
    made.extend(children)
    return made


def document(root: Element) -> bytes:
    etree.cleanup_namespaces(root)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def new_id() -> str:
    """Return an id that nobody guesses: 160 bits (saml-core-2.0-os, 1.3.4)."""
    return f"_{secrets.token_hex(20)}"


def stamp(at: datetime) -> str:
    """Return a time as SAML has it: `at` is in UTC (saml-core-2.0-os, 1.3.3)."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
