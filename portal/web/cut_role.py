"""Cut off everybody on a role: whom it ends, by name, before the button; never done by anything but this click."""

from collections.abc import Mapping
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from portal.access.operations.cutting.cut_preview import CutPreview, Victim, document_of_role, preview_cut
from portal.access.operations.cutting.cut_role import cut_role as cut_role_operation
from portal.access.operations.running.hold import is_held
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError
from portal.web.forms import ReasonForm, put_refusal
from portal.web.guard import PersonRequest, may_revoke, signed_in, zone_of
from portal.web.presenters import AccountLabel, moment
from portal.web.presenters.difference import CutRoleView, VictimRow
from portal.web.redirects import see_other


class CutRoleForm(ReasonForm):
    def __init__(self, data: Mapping[str, object] | None = None) -> None:
        super().__init__(data)
        self.fields["reason"].help_text = "The audit trail keeps it."


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def cut_role(request: PersonRequest, document_id: int) -> HttpResponse:
    _check_may_cut(request)
    preview = preview_cut(document_id)
    form = CutRoleForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            cut_role_operation(
                document_id=document_id, reason=form.cleaned_data["reason"], actor=actor_of(request)
            )
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            name = preview.document.name
            messages.success(request, f"AWS is being told to refuse every session on {name} until now.")
            return see_other(reverse("web:now"))
    context = {"view": _view(request, preview), "form": form}
    return render(request, "difference/cut_role.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def cut_role_of(request: PersonRequest, role_id: UUID) -> HttpResponse:
    """Lead to the page of a role's cut, also where nothing was ever denied on it."""
    _check_may_cut(request)
    return see_other(reverse("web:cut-role", args=[document_of_role(role_id).pk]))


def _check_may_cut(request: PersonRequest) -> None:
    if not may_revoke(request.user):
        raise NotFoundError("There is no such role or user.")


def _view(request: PersonRequest, preview: CutPreview) -> CutRoleView:
    document, now = preview.document, database_now()
    rows = [(victim.is_in, _row(victim)) for victim in preview.victims]
    before = document.issued_before
    return CutRoleView(
        name=document.name,
        kind=document.kind,
        account=AccountLabel(document.account.name, document.account.account_id),
        roles=tuple(role.title for role in preview.roles),
        number_in=preview.number_in,
        inside=tuple(row for is_in, row in rows if is_in),
        outside=tuple(row for is_in, row in rows if not is_in),
        before=moment(before, now=now, zone=zone_of(request.user)) if before else None,
        is_held=is_held(),
    )


def _row(victim: Victim) -> VictimRow:
    words = {"console": "console session", "credentials": "set of credentials"}
    plurals = {"console": "console sessions", "credentials": "sets of credentials"}
    told = [
        f"{number} {(words if number == 1 else plurals)[kind]}"
        for kind, number in sorted(victim.sessions.items())
    ]
    partner = victim.person.partner
    return VictimRow(victim.person.name, partner.name if partner else "", " and ".join(told), victim.grants)
