"""What a partner needs to use one of its grants from its own AWS account: a page, one text, and all files in a zip."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, NotFoundError
from portal.web.company_doors import grant_to_hand_over
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.hand_over_page import hand_over_of, zip_of
from portal.web.presenters.hand_over import HandOver

OVER = "This access has ended: there is nothing to hand over any more."
NO_EXTERNAL_ID = "There is no ExternalId for this account: ask whoever answers for the company."


@require_safe
@signed_in
def company_grant(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    page = _page(request, grant_id)
    context = {"hand_over": page, "is_own": request.user.partner_id is not None}
    return render(request, "company/grant.html", context)


@require_safe
@signed_in
def company_grant_zip(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    page = _page_to_download(request, grant_id)
    return _download(zip_of(page), f"{page.file_name}.zip", "application/zip")


@require_safe
@signed_in
def company_grant_text(request: PersonRequest, grant_id: UUID, key: str) -> HttpResponse:
    """Answer with one of the texts, or all words in one (`readme`)."""
    page = _page_to_download(request, grant_id)
    if key == "readme":
        return _download(page.readme.encode(), f"{page.file_name}.txt", "text/plain; charset=utf-8")
    text = next((each for each in page.texts if each.key == key), None)
    if text is None:
        raise NotFoundError("There is no such file.")
    return _download(text.text.encode(), text.name, "text/plain; charset=utf-8")


def _page(request: PersonRequest, grant_id: UUID) -> HandOver:
    grant = grant_to_hand_over(request, grant_id)
    return hand_over_of(grant, now=database_now(), zone=zone_of(request.user))


def _page_to_download(request: PersonRequest, grant_id: UUID) -> HandOver:
    page = _page(request, grant_id)
    if not page.texts:
        raise ConflictError(OVER if page.is_over else NO_EXTERNAL_ID)
    return page


def _download(content: bytes, name: str, content_type: str) -> HttpResponse:
    """Answer with a file. Its name is of letters, digits, dots, hyphens and underscores alone."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=content_type, headers=headers)
