"""Building the few documents that we send: elements with their text escaped by lxml, never text templates."""

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
