"""AWS accounts of the company's own: all of them, one by one, connecting one, and what Sallyport can do there."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from brokers.types import Partition
from portal import wiring
from portal.access.operations.accounts.connect_account import connect_account
from portal.access.operations.accounts.verify_account import ask_verification
from portal.catalog.models import AwsAccount
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, InvalidError, NotFoundError
from portal.web.accounts_doors import check_may_add, check_sees, found, may_add, may_verify
from portal.web.accounts_form import ConnectForm
from portal.web.accounts_page import account_line, account_page, listed_accounts, slug_of
from portal.web.accounts_verification import verification_of
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.partner_lines import Clock
from portal.web.redirects import see_other


def clock_of(request: PersonRequest) -> Clock:
    return Clock(database_now(), zone_of(request.user))


@require_safe
@signed_in
def accounts(request: PersonRequest) -> HttpResponse:
    check_sees(request.user)
    clock = clock_of(request)
    lines = [account_line(account, clock) for account in listed_accounts()]
    return render(request, "accounts/accounts.html", {"accounts": lines, "may_add": may_add(request.user)})


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def account_connect(request: PersonRequest) -> HttpResponse:
    check_may_add(request.user)
    form = ConnectForm(request.POST if request.method == "POST" else None)
    made = _connect(request, form) if form.is_valid() else None
    if made is not None:
        messages.success(request, f"{made.name} is added. Now let the account know Sallyport.")
        return see_other(_page(made.account_id))
    return render(request, "accounts/connect.html", {"form": form}, status=400 if form.errors else 200)


@require_safe
@signed_in
def aws_account(request: PersonRequest, number: str) -> HttpResponse:
    found(request.user, number)
    account = listed_accounts().get(account_id=number)
    page = account_page(account, request.user, clock_of(request), wiring.aws_ports())
    return render(request, "accounts/account.html", {"page": page})


@require_POST
@signed_in
def aws_account_verify(request: PersonRequest, number: str) -> HttpResponse:
    account = found(request.user, number)
    try:
        ask_verification(account_pk=account.pk, actor=actor_of(request))
    except ConflictError as refusal:  # one is under way: what comes of it is theirs, too
        messages.info(request, str(refusal))
    return see_other(f"{_page(number)}#verification")


@require_safe
@signed_in
def aws_account_state(request: PersonRequest, number: str) -> HttpResponse:
    """Show how far the verification is, to the page that asks while one is under way: 204 while nothing is new."""
    account = found(request.user, number)
    if request.headers.get("HX-Request") != "true":
        return see_other(_page(number))
    verification = verification_of(account, clock_of(request))
    if verification.is_under_way and request.GET.get("seen") == verification.fingerprint:
        return HttpResponse(status=204)
    context = {"verification": verification, "number": number, "may_verify": may_verify(request.user)}
    return render(request, "accounts/_verification.html", context)


@require_safe
@signed_in
def aws_account_file(request: PersonRequest, number: str, key: str) -> HttpResponse:
    """Hand out one of the files that connect the account, to be kept."""
    account = found(request.user, number)
    files = wiring.aws_ports().partners.accounts.files(Partition(account.partition), number)
    file = next((each for each in files if slug_of(each) == key), None)
    if file is None:
        raise NotFoundError("There is no such file.")
    response = HttpResponse(file.text, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{file.name}"'
    return response


def _connect(request: PersonRequest, form: ConnectForm) -> AwsAccount | None:
    """Return the account, or None when it was refused; the form then says why."""
    try:
        return connect_account(order=form.order(), aws=wiring.aws_ports(), actor=actor_of(request))
    except InvalidError as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        return None


def _page(number: str) -> str:
    return reverse("web:aws-account", args=[number])
