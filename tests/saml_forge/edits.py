"""Alterations of a response, as values: each takes the Response element and changes it in place."""

from collections.abc import Callable
from copy import deepcopy

from lxml.etree import _Element as Element
from lxml.etree import fromstring

NAMESPACES = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "xenc": "http://www.w3.org/2001/04/xmlenc#",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
}
_DECLARATIONS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())

Edit = Callable[[Element], object]


def find(root: Element, path: str) -> Element:
    """The one element at `path` (an XPath from the root's document); fails when there isn't exactly one."""
    found = root.xpath(path, namespaces=NAMESPACES)
    assert isinstance(found, list)
    assert len(found) == 1, f"{path}: {len(found)} elements"
    assert isinstance(found[0], Element)
    return found[0]


def element(xml: str) -> Element:
    """An element from text that may use the prefixes of NAMESPACES."""
    name, _, rest = xml.removeprefix("<").partition(" ") if " " in xml.partition(">")[0] else _split(xml)
    return fromstring(f"<{name} {_DECLARATIONS} {rest}")


def _split(xml: str) -> tuple[str, str, str]:
    end = min(position for position in (xml.find(">"), xml.find("/>")) if position >= 0)
    return xml[1:end], "", xml[end:]


def set_attribute(path: str, name: str, value: str) -> Edit:
    return lambda root: find(root, path).set(name, value)


def set_text(path: str, value: str) -> Edit:
    def edit(root: Element) -> None:
        find(root, path).text = value

    return edit


def drop(path: str, attribute: str | None = None) -> Edit:
    """Take away the element at `path`, or one attribute of it."""

    def edit(root: Element) -> None:
        found = find(root, path)
        if attribute is not None:
            del found.attrib[attribute]
        else:
            parent = found.getparent()
            assert parent is not None
            parent.remove(found)

    return edit


def repeat(path: str, change: Edit = lambda _: None) -> Edit:
    """Put a copy after the element at `path`, changed by `change` (which gets the copy)."""

    def edit(root: Element) -> None:
        found = find(root, path)
        copy = deepcopy(found)
        change(copy)
        found.addnext(copy)

    return edit
