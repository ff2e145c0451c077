"""HTML as trees of lxml elements: text is always text, so nothing needs escaping by hand.

Used by the sandbox and by the demo's identity provider.
"""

from collections.abc import Iterable
from typing import Union

from aiohttp import web
from lxml import etree

Node = etree._Element  # noqa: SLF001 - lxml's public name for it is a factory function
Child = Union[str, Node, None, Iterable["Child"]]  # noqa: UP007 - a recursive alias needs the old form

LOCAL_ONLY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
FRAMES = "base-uri 'none'; frame-ancestors 'none'"


def el(tag: str, attributes: dict[str, str] | None = None, /, *children: Child) -> Node:
    """Make an element: tag, attributes, then text and elements in any mixture."""
    node = etree.Element(tag, attributes or {})
    for child in children:
        _add(node, child)
    return node


def _add(node: Node, child: Child) -> None:
    if child is None:
        return
    if isinstance(child, str):
        if len(node):
            node[-1].tail = (node[-1].tail or "") + child
        else:
            node.text = (node.text or "") + child
    elif isinstance(child, etree._Element):  # noqa: SLF001 - as above
        node.append(child)
    else:
        for each in child:
            _add(node, each)


def html(node: Node) -> str:
    return etree.tostring(node, method="html", encoding="unicode")


def document(title: str, *body: Child, scripts: Iterable[str] = (), head: Child = None) -> str:
    """Write a whole page around `body`."""
    page = el(
        "html",
        {"lang": "en"},
        el(
            "head",
            None,
            el("meta", {"charset": "utf-8"}),
            el("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            el("meta", {"name": "color-scheme", "content": "light dark"}),
            el("title", None, title),
            el("link", {"rel": "stylesheet", "href": "/static/look.css"}),
            el("link", {"rel": "icon", "href": "/static/mark.svg", "type": "image/svg+xml"}),
            head,
            [el("script", {"src": src, "defer": ""}) for src in scripts],
        ),
        el("body", None, *body),
    )
    return "<!DOCTYPE html>\n" + html(page)


def page_response(text: str, *, status: int = 200, form_action: str = "'self'") -> web.Response:
    """Answer with a page under a strict Content-Security-Policy: nothing inline, nothing from elsewhere."""
    return web.Response(
        text=text,
        status=status,
        content_type="text/html",
        headers={
            "Content-Security-Policy": f"{LOCAL_ONLY}form-action {form_action}; {FRAMES}",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        },
    )
