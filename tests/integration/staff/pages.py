"""The admin as a browser uses it: open a page, fill its own form in, send it."""

import re
from typing import Any

from django.test import Client

from portal.audit.models import AuditEvent


def fields_of(response: Any) -> dict[str, Any]:
    """Return what the page's form would send as it stands."""
    form = response.context["adminform"].form
    sent = _filled_in(form)
    for formset in response.context.get("inline_admin_formsets", []):
        for bound in formset.formset.management_form:
            sent[bound.html_name] = bound.value()
        for row in formset.formset.forms:
            sent |= _filled_in(row)
    return sent


def _filled_in(form: Any) -> dict[str, Any]:
    values = {bound.html_name: bound.value() for bound in form}
    return {
        name: "on" if value is True else value
        for name, value in values.items()
        if value is not None and value is not False
    }


def save(client: Client, address: str, **changes: Any) -> Any:
    """Open the form at `address`, change some fields (None: leave it out), save; returns the response."""
    sent = fields_of(client.get(address))
    for name, value in changes.items():
        if value is None:
            sent.pop(name, None)
        else:
            sent[name] = value
    return client.post(address, sent)


def errors_of(response: Any) -> dict[str, list[str]]:
    """Return the form's errors, those of its rows by their own names; empty when it was saved."""
    if response.status_code == 302:  # saved
        return {}
    told = {name: list(found) for name, found in response.context["adminform"].form.errors.items()}
    for inline in response.context.get("inline_admin_formsets", []):
        if inline.formset.non_form_errors():
            told[inline.formset.prefix] = list(inline.formset.non_form_errors())
        for form in inline.formset.forms:
            told |= {f"{form.prefix}-{name}": list(found) for name, found in form.errors.items()}
    return told


def trail(kind: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(type=kind).order_by("id"))


def said(response: Any) -> str:
    """Return the page's messages, as text."""
    return " ".join(re.sub(r"<[^>]+>", "", str(message)) for message in response.context["messages"])
