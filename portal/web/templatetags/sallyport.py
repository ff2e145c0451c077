"""What templates need beyond Django's own: icons, grouped account numbers, ARNs shortened in the middle."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from portal.web.presenters import grouped_account

register = template.Library()

# Shapes on a 20 by 20 grid, in one line weight; states differ in outline, not in colour alone.
ICONS = {
    "check": '<circle cx="10" cy="10" r="7.5"/><path d="m6.5 10.2 2.4 2.4 4.6-5"/>',
    "clock": '<circle cx="10" cy="10" r="7.5"/><path d="M10 5.8V10l2.8 2"/>',
    "hourglass": (
        '<path d="M5.5 2.5h9m-9 15h9M6.5 2.5c0 4.5 7 5 7 7.5s-7 3-7 7.5m7-15c0 4.5-7 5-7 7.5s7 3 7 7.5"/>'
    ),
    "stop": '<rect x="3.5" y="3.5" width="13" height="13" rx="2"/><path d="M7 10h6"/>',
    "ban": (
        '<path d="M6.9 2.5h6.2l4.4 4.4v6.2l-4.4 4.4H6.9l-4.4-4.4V6.9z"/>'
        '<path d="m7.2 7.2 5.6 5.6m0-5.6-5.6 5.6"/>'
    ),
    "back": '<path d="M7.5 5 3.5 9l4 4"/><path d="M3.5 9h8.2a4 4 0 0 1 0 8H9"/>',
    "alert": '<path d="M10 2.8 18 17H2z"/><path d="M10 8v4m0 2.4v.1"/>',
    "info": '<circle cx="10" cy="10" r="7.5"/><path d="M10 9.2v4.3m0-7v.1"/>',
    "dot": '<circle cx="10" cy="10" r="4"/>',
    "console": (
        '<rect x="2.5" y="3.5" width="15" height="13" rx="2"/><path d="M2.5 7.2h15M5 5.4h.1m2.1 0h.1"/>'
    ),
    "key": '<circle cx="6.8" cy="13.2" r="3.8"/><path d="m9.6 10.4 7.2-7.2m-3 3 2.4 2.4"/>',
    "copy": (
        '<rect x="7" y="7" width="10" height="10" rx="2"/>'
        '<path d="M13 7V5a2 2 0 0 0-2-2H5a2 2 0 0 0-2 2v6a2 2 0 0 0 2 2h2"/>'
    ),
    "arrow": '<path d="M4 10h12m-4.5-4.5L16 10l-4.5 4.5"/>',
    "person": '<circle cx="10" cy="6.5" r="3.5"/><path d="M3 17.5c.6-3.6 3.4-5.5 7-5.5s6.4 1.9 7 5.5"/>',
    "sun": (
        '<circle cx="10" cy="10" r="3.5"/>'
        '<path d="M10 1.8v2m0 12.4v2M1.8 10h2m12.4 0h2M4.2 4.2l1.4 1.4m8.8 8.8 1.4 1.4m0-11.6-1.4 '
        '1.4m-8.8 8.8-1.4 1.4"/>'
    ),
    "moon": '<path d="M16.8 12.2A7.2 7.2 0 0 1 7.8 3.2a7.2 7.2 0 1 0 9 9z"/>',
    "auto": (
        '<circle cx="10" cy="10" r="7.5"/><path d="M10 2.5v15a7.5 7.5 0 0 0 0-15z" fill="currentColor"/>'
    ),
    "gate": '<path d="M2.5 17.5V3.5h3v2.5h3V3.5h3v2.5h3V3.5h3v14h-5v-4a2.5 2.5 0 0 0-5 0v4z"/>',
}
TAIL = 18


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon that says nothing to screen readers: the word beside it does."""
    return format_html(
        '<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">{}</svg>',
        mark_safe(ICONS[name]),  # noqa: S308 - our own drawings, from the table above
    )


@register.filter
def account_number(number: str) -> str:
    """Group the twelve digits of an account: `1111-2222-3333`."""
    return grouped_account(str(number))


@register.filter
def startswith(text: object, beginning: str) -> bool:
    """Whether an address lies under another: which part of the navigation a page belongs to."""
    return str(text).startswith(beginning)


@register.filter
def head(text: str) -> str:
    """Return all but the last characters: the half of an ARN that may be shortened."""
    return text[:-TAIL] if len(text) > 2 * TAIL else ""


@register.filter
def tail(text: str) -> str:
    """Return the last characters, which tell one ARN from another: the half that is always shown."""
    return text[-TAIL:] if len(text) > 2 * TAIL else text
