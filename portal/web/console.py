"""Open console, from a grant's card or by a single-use link. The sign-in URL goes to this browser, and nowhere else."""

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from portal.access.operations.credentials import console_links
from portal.access.operations.credentials import open_console as operation
from portal.access.operations.credentials.fresh_factor import StepUpNeededError
from portal.access.queries import visible_grants
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError
from portal.web.aws import aws_ports, sign_in_origins, sign_out_url
from portal.web.cards import Refused, account_label, countdown_of
from portal.web.csp import allow_forms_to
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.intents import Act, ask_factor
from portal.web.my_access import my_access_page
from portal.web.presenters import ConsoleLink
from portal.web.redirects import see_other


@require_POST
@signed_in
def open_console(request: PersonRequest, grant_id: UUID) -> HttpResponse:
    typed = request.POST.get("other_destination", "").strip()
    destination = typed or request.POST.get("destination", "")
    try:
        return to_console(request, grant_id, destination)
    except StepUpNeededError:
        return ask_factor(request, Act.CONSOLE, grant=str(grant_id), destination=destination)
    except InvalidError as problem:
        if not visible_grants(request.user.pk, sees_all=False).filter(pk=grant_id).exists():
            raise NotFoundError("There is no such grant.") from None
        return my_access_page(request, refused=Refused(str(grant_id), typed, str(problem)), status=400)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def console_link(request: PersonRequest, token: str) -> HttpResponse:
    """Show what the link opens; only the button uses it up, so that no preview or scanner does."""
    if request.method == "POST":
        try:
            return to_console_by_link(request, token)
        except StepUpNeededError as needed:
            return ask_factor(request, Act.LINK, grant=str(needed.grant_id), link=token)
    page = render(
        request, "access/console_link.html", {"link": _link(request, token), "sign_out_url": sign_out_url()}
    )
    return allow_forms_to(page, sign_in_origins())


def to_console(request: PersonRequest, grant_id: UUID, destination: str) -> HttpResponse:
    """Open the console and send the browser there. Raises as the operation; see `open_console`."""
    opened = operation.open_console(
        grant_id=grant_id,
        destination=destination,
        issuer=settings.PORTAL_URL,
        aws=aws_ports(),
        actor=actor_of(request),
    )
    return _to_console(opened)


def to_console_by_link(request: PersonRequest, token: str) -> HttpResponse:
    opened = console_links.use_console_link(
        token=token, issuer=settings.PORTAL_URL, aws=aws_ports(), actor=actor_of(request)
    )
    return _to_console(opened)


def _link(request: PersonRequest, token: str) -> ConsoleLink:
    link = console_links.find_console_link(token=token, actor=actor_of(request))
    return ConsoleLink(
        token=token,
        person=link.grant.subject_name,
        role_name=link.grant.role.title,
        account=account_label(link.grant),
        destination=link.destination,
        countdown=countdown_of(link.grant, now=database_now(), zone=zone_of(request.user)),
    )


def _to_console(opened: operation.OpenedConsole) -> HttpResponse:
    answer = see_other(opened.sign_in.url)
    answer["Referrer-Policy"] = "no-referrer"
    return answer
