"""From a form field to a tree: bounded, UTF-8, nothing in it that two parsers could read differently."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final

from lxml import etree

from brokers.errors import SamlRejected
from brokers.saml.names import Element
from brokers.saml.reasons import Reason

MAX_BASE64: Final = 256 * 1024
_WHITESPACE: Final = str.maketrans("", "", " \t\r\n")
_DECLARATION: Final = re.compile(r"\A<\?xml\s[^<>]*\?>")


def _doctype(text: str) -> str | None:
    return "a document type declaration" if "<!DOCTYPE" in text else None


def _comment(text: str) -> str | None:
    return "a comment" if "<!--" in text else None


def _processing_instruction(text: str) -> str | None:
    return "a processing instruction" if "<?" in _DECLARATION.sub("", text, count=1) else None


# Looked for in the text, before any parser runs: there these character sequences can be nothing else (but in
# a CDATA section, which no identity provider needs for them).
CHECKS: tuple[tuple[Reason, Callable[[str], str | None]], ...] = (
    (Reason.DOCTYPE, _doctype),
    (Reason.COMMENT, _comment),
    (Reason.PROCESSING_INSTRUCTION, _processing_instruction),
)


def read_response(field: str) -> Element:
    """Return the document in the base64 form field `SAMLResponse` (saml-bindings-2.0-os, 3.5.4).

    Limits: MAX_BASE64 characters.

    Raises:
        SamlRejected: size, malformed, doctype, comment, processing_instruction.
    """
    if len(field) > MAX_BASE64:
        raise SamlRejected(Reason.SIZE, f"{len(field)} characters; allowed are {MAX_BASE64}")
    try:
        document = base64.b64decode(field.translate(_WHITESPACE), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SamlRejected(Reason.MALFORMED, f"not base64: {error}") from error
    return read_xml(document)


def read_xml(document: bytes) -> Element:
    """Parse `document`, in UTF-8 whatever it declares. Decrypted assertions pass here too.

    Raises:
        SamlRejected: malformed, doctype, comment, processing_instruction.
    """
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SamlRejected(Reason.MALFORMED, "not UTF-8") from error
    for reason, complaint in CHECKS:
        if found := complaint(text):
            raise SamlRejected(reason, found)
    try:
        return parse(text.encode())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SamlRejected(Reason.MALFORMED, f"not XML: {error}") from error


def parse(document: bytes) -> Element:
    """Parse with everything off that could reach out or blow up; libxml2's own limits stay on (huge_tree)."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        recover=False,
    )
    return etree.fromstring(document, parser)


def serialize(element: Element) -> bytes:
    """Return the bytes that python3-saml's parser is given: what was checked is what it verifies."""
    return etree.tostring(element, encoding="utf-8", xml_declaration=False)
