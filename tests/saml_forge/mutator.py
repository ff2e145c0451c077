"""Mutations of a valid SAML response by a seed: at bytes, base64, values, the XML tree, and several at once.

A few mutations change nothing that the signature is about (the certificate in KeyInfo, white space in base64):
`meaning` tells those apart.
"""

import base64
import random
from collections.abc import Callable
from copy import deepcopy
from typing import Final

from lxml import etree
from lxml.etree import _Element as Element

DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"
SAML: Final = "{urn:oasis:names:tc:SAML:2.0:assertion}"
SNIPPETS: Final = (
    b"", b" ", b"\n", b"<", b">", b'"', b"&amp;", b"&#0;", b"&#x65;", b"]]>", b"<!---->", b"<?x?>", b"<x/>", b"\xff",
    b"\xef\xbb\xbf", b"\x00", b"mallory", b"admins", b"<!DOCTYPE x>", b"<![CDATA[x]]>", b"/", b"=", b"#", b"2099",
)  # fmt: skip
VALUES: Final = (
    "", "mallory", "alice ", " alice", "alice\u200b", "\u0430lice", "admins", "2099-01-01T00:00:00Z",
    "2000-01-01T00:00:00Z",
    "http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/TR/1999/REC-xpath-19991116", "#other", "_other",
    "urn:oasis:names:tc:SAML:2.0:status:Responder", "https://evil.example.test/", "x" * 300, "0", "true", "2.0", "1.1",
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
)  # fmt: skip
NAMES: Final = (
    "ID",
    "Destination",
    "InResponseTo",
    "Recipient",
    "URI",
    "Algorithm",
    "NotOnOrAfter",
    "Value",
    "Format",
)


class Mutator:
    """The same seed makes the same mutations of the same document."""

    def __init__(self, document: bytes) -> None:
        self._document = document
        self._field = base64.b64encode(document).decode()

    def field(self, seed: int) -> str:
        """Return the form field `SAMLResponse` of the mutation with this number."""
        rng = random.Random(seed)  # noqa: S311  # it is to be repeatable, not secret
        kind = rng.choice((self._by_bytes, self._by_base64, self._by_value, self._by_tree, self._by_several))
        return kind(rng)

    def _by_bytes(self, rng: random.Random) -> str:
        return base64.b64encode(_spliced(self._document, rng)).decode()

    def _by_several(self, rng: random.Random) -> str:
        changed = self._document
        for _ in range(rng.randint(2, 5)):
            changed = _spliced(changed, rng)
        return base64.b64encode(changed).decode()

    def _by_base64(self, rng: random.Random) -> str:
        start = rng.randrange(len(self._field))
        end = min(len(self._field), start + rng.randint(0, 6))
        put = "".join(rng.choices("ABab01+/=\n -_%\u00e9", k=rng.randint(0, 4)))
        return self._field[:start] + put + self._field[end:]

    def _by_value(self, rng: random.Random) -> str:
        root = etree.fromstring(self._document)
        changed = rng.choice(list(root.iter()))
        value = rng.choice((*VALUES, _flipped(changed.text or "", rng)))
        try:
            if changed.attrib and rng.random() < 0.6:
                name = rng.choice([*map(str, changed.attrib), *NAMES])
                changed.set(name, rng.choice((value, _flipped(changed.get(name, ""), rng))))
            else:
                changed.text = value
        except ValueError:  # what no XML may hold
            changed.text = ""
        return base64.b64encode(etree.tostring(root)).decode()

    def _by_tree(self, rng: random.Random) -> str:
        root = etree.fromstring(self._document)
        for _ in range(rng.randint(1, 3)):
            rng.choice(MOVES)(root, rng)
        return base64.b64encode(etree.tostring(root)).decode()


def meaning(document: bytes, signed: str) -> tuple[bytes, ...] | None:
    """Return all that the signature on `signed` (Response or Assertion) covers; None where there is none.

    Left out is what is nobody's word: KeyInfo, and how the number that verified is written down.
    """
    try:
        root = etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.LxmlError, ValueError):
        return None
    element = root if signed == "Response" else root.find(f"{SAML}Assertion")
    signature = None if element is None else element.find(f"{DS}Signature")
    info = None if signature is None else signature.find(f"{DS}SignedInfo")
    if element is None or signature is None or info is None:
        return None
    told = etree.tostring(info, method="c14n", exclusive=True, with_tail=False)
    before = signature.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + (signature.tail or "")
    element.remove(signature)
    return (told, etree.tostring(element, method="c14n", exclusive=True, with_tail=False))


def _spliced(document: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(document) + 1)
    end = min(len(document), start + rng.choice((0, 0, 1, 1, 2, 8, 40, 400)))
    choice = rng.random()
    if choice < 0.3:
        put = rng.choice(SNIPPETS)
    elif choice < 0.6:
        put = bytes((document[start % len(document)] ^ (1 << rng.randrange(8)),))
    elif choice < 0.8:
        put = rng.randbytes(rng.randint(0, 8))
    else:
        there = rng.randrange(len(document))
        put = document[there : there + rng.randint(1, 400)]
    return document[:start] + put + document[end:]


def _flipped(text: str, rng: random.Random) -> str:
    if not text:
        return "x"
    at = rng.randrange(len(text))
    return text[:at] + rng.choice("Aa0Zz9=+/ -") + text[at + 1 :]


def _pick(root: Element, rng: random.Random) -> Element:
    inner = [element for element in root.iter() if element.getparent() is not None]
    return rng.choice(inner) if inner else root


def _drop(root: Element, rng: random.Random) -> None:
    gone = _pick(root, rng)
    if (parent := gone.getparent()) is not None:
        parent.remove(gone)


def _repeat(root: Element, rng: random.Random) -> None:
    found = _pick(root, rng)
    if found.getparent() is not None:
        found.addnext(deepcopy(found))


def _move(root: Element, rng: random.Random) -> None:
    found, there = _pick(root, rng), _pick(root, rng)
    if found not in there.iterancestors() and found is not there and found.getparent() is not None:
        there.append(found)


def _wrap(root: Element, rng: random.Random) -> None:
    found = _pick(root, rng)
    parent = found.getparent()
    if parent is not None:
        holder = root.makeelement(rng.choice((f"{DS}Object", f"{SAML}Advice", str(parent.tag))))
        parent.replace(found, holder)
        holder.append(found)


def _evil_twin(root: Element, rng: random.Random) -> None:
    """What signature wrapping does: a copy of the assertion that names somebody else, before or after the true one."""
    assertion = root.find(f"{SAML}Assertion")
    if assertion is None:
        return
    twin = deepcopy(assertion)
    twin.set("ID", rng.choice(("_evil", assertion.get("ID", ""))))
    name_id = twin.find(f"{SAML}Subject/{SAML}NameID")
    if name_id is not None:
        name_id.text = "mallory"
    if rng.random() < 0.5 and (signature := twin.find(f"{DS}Signature")) is not None:
        twin.remove(signature)
    put: Callable[[Element], object] = rng.choice(
        (assertion.addnext, assertion.addprevious, assertion.append)
    )
    put(twin)


def _rename(root: Element, rng: random.Random) -> None:
    found = _pick(root, rng)
    found.tag = rng.choice((f"{SAML}Advice", "x", f"{DS}Object", str(_pick(root, rng).tag)))


MOVES: Final = (_drop, _repeat, _move, _wrap, _evil_twin, _rename)
