"""Refusals in the shape AWS gives them: error code, HTTP status, XML body, request id."""

import uuid
from dataclasses import dataclass
from typing import Any, Literal

from lxml import etree

Service = Literal["sts", "iam", "s3", "other"]

NAMESPACES = {
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
}


@dataclass
class Refused(Exception):  # noqa: N818 - it is an answer, not a fault
    """What AWS would not do. Raised by the checks, turned into an answer by the proxy."""

    code: str
    message: str
    status: int = 400


def validation_error(message: str) -> Refused:
    return Refused("ValidationError", message)


def access_denied(message: str) -> Refused:
    return Refused("AccessDenied", message, 403)


def limit_exceeded(message: str) -> Refused:
    return Refused("LimitExceeded", message, 409)


def request_id() -> str:
    return str(uuid.uuid4())


def body(service: Service, refusal: Refused) -> tuple[bytes, str]:
    """Return the XML document and the request id in it."""
    name = request_id()
    root = _s3(refusal, name) if service == "s3" else _query(service, refusal, name)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8"), name


def _query(service: Service, refusal: Refused, request_id: str) -> etree._Element:
    namespace = NAMESPACES.get(service, NAMESPACES["sts"])
    nsmap: Any = {None: namespace}  # the stubs know no default namespace
    root = etree.Element(f"{{{namespace}}}ErrorResponse", nsmap=nsmap)
    error = etree.SubElement(root, f"{{{namespace}}}Error")
    kind = "Sender" if refusal.status < 500 else "Receiver"  # noqa: PLR2004 - HTTP's own border
    for name, text in (("Type", kind), ("Code", refusal.code), ("Message", refusal.message)):
        etree.SubElement(error, f"{{{namespace}}}{name}").text = _printable(text)
    etree.SubElement(root, f"{{{namespace}}}RequestId").text = request_id
    return root


def _s3(refusal: Refused, request_id: str) -> etree._Element:
    root = etree.Element("Error")
    for name, text in (("Code", refusal.code), ("Message", refusal.message), ("RequestId", request_id)):
        etree.SubElement(root, name).text = _printable(text)
    etree.SubElement(root, "HostId").text = "sandbox"
    return root


def _printable(text: str) -> str:
    """Messages quote what was sent, and XML can't hold every character of it."""
    return "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else "?" for c in text)
