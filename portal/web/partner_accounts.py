"""A partner's own AWS accounts: add one, see how its ExternalId was proven, rotate it, close the account."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access.models import ExternalIdProof
from portal.access.operations.partners.external_ids import rotate_external_id
from portal.access.operations.partners.partner_accounts import (
    close_partner_account,
    open_partner_account,
    preview_closing,
)
from portal.access.operations.partners.prove_again import prove_again
from portal.access.partner_queries import account_with_proofs, places_for_partners
from portal.directory.models import Partner, PartnerAccount
from portal.directory.requests import actor_of
from portal.kernel.errors import ConflictError, InvalidError
from portal.web.forms import put_refusal
from portal.web.guard import PersonRequest, may_grant, signed_in
from portal.web.now_lines import fingerprint
from portal.web.partner_account_part import account_view
from portal.web.partner_doors import account_of, found, found_to_change, may_change
from portal.web.partner_forms import AccountForm, RotateForm, WhyForm
from portal.web.partner_lines import Clock, grant_lines
from portal.web.partners import clock_of
from portal.web.presenters.partners import AccountPage
from portal.web.redirects import see_other

# Seconds: what is due later is not waited for by a page that polls.
SOON = 120


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def partner_account_new(request: PersonRequest, slug: str) -> HttpResponse:
    partner = found_to_change(request.user, slug)
    form = AccountForm(request.POST if request.method == "POST" else None)
    made = _open(request, partner, form) if form.is_valid() else None
    if made is not None:
        messages.success(request, f"{made.name} is added, with an ExternalId of its own.")
        return see_other(reverse("web:partner-account", args=[slug, made.pk]))
    context = {"partner": partner, "form": form}
    return render(request, "partners/account_new.html", context, status=400 if form.errors else 200)


@require_safe
@signed_in
def partner_account(request: PersonRequest, slug: str, account_id: UUID) -> HttpResponse:
    partner = found(request.user, slug)
    page = _page(request, partner, account_of(partner, account_id))
    return render(request, "partners/account.html", {"page": page})


@require_safe
@signed_in
def partner_proofs(request: PersonRequest, slug: str, account_id: UUID) -> HttpResponse:
    """Answer the page that polls while a proof is under way: 204 while it is as the page has it."""
    partner = found(request.user, slug)
    account = account_of(partner, account_id)
    if request.headers.get("HX-Request") != "true":
        return see_other(reverse("web:partner-account", args=[slug, account_id]))
    page = _page(request, partner, account)
    if request.GET.get("seen") == page.fingerprint:
        return HttpResponse(status=204)
    return render(request, "partners/polled_proofs.html", {"page": page})


@require_POST
@signed_in
def partner_prove(request: PersonRequest, slug: str, account_id: UUID) -> HttpResponse:
    """Ask for a proof in one of our accounts; the page shows what comes of it."""
    account = account_of(found_to_change(request.user, slug), account_id)
    sent = request.POST.get("account", "")
    ours = next((each for each in places_for_partners() if str(each.pk) == sent), None)
    if ours is None:
        raise InvalidError("Choose an account of ours in which roles can be made.", field="account")
    prove_again(partner_account_id=account.pk, account_id=ours.pk, actor=actor_of(request))
    messages.success(request, f"AWS is being asked in {ours.name}. What it answers stands below.")
    return see_other(reverse("web:partner-account", args=[slug, account_id]))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def partner_account_rotate(request: PersonRequest, slug: str, account_id: UUID) -> HttpResponse:
    partner = found_to_change(request.user, slug)
    account = account_of(partner, account_id)
    form = RotateForm(request.POST if request.method == "POST" else None)
    if not account.is_open and not form.is_bound:
        raise ConflictError(f"{account.name} was closed.")
    if form.is_valid():
        try:
            rotate_external_id(
                partner_account_id=account.pk,
                overlap=form.overlap_time,
                reason=form.cleaned_data["reason"],
                actor=actor_of(request),
            )
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            messages.success(request, "The new ExternalId stands below: hand it to the partner.")
            return see_other(reverse("web:partner-account", args=[slug, account_id]))
    context = {
        "page": _page(request, partner, account),
        "form": form,
        "grants": grant_lines(preview_closing(account.pk), clock_of(request)),
    }
    return render(request, "partners/rotate.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def partner_account_close(request: PersonRequest, slug: str, account_id: UUID) -> HttpResponse:
    partner = found_to_change(request.user, slug)
    account = account_of(partner, account_id)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if not account.is_open and not form.is_bound:
        raise ConflictError(f"{account.name} was closed already.")
    if form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            closed = close_partner_account(
                partner_account_id=account.pk, reason=reason, actor=actor_of(request)
            )
        except InvalidError as refusal:
            put_refusal(form, refusal)
        else:
            messages.success(request, f"{account.name} is closed. Grants ended: {closed.grants}.")
            return see_other(reverse("web:partner", args=[slug]))
    context = {
        "partner": partner,
        "account": account_view(account_with_proofs(account.pk), clock_of(request)),
        "grants": grant_lines(preview_closing(account.pk), clock_of(request)),
        "form": form,
    }
    return render(request, "partners/account_close.html", context, status=400 if form.errors else 200)


def _open(request: PersonRequest, partner: Partner, form: AccountForm) -> PartnerAccount | None:
    """Return the account, or None when it was refused; the form then says why."""
    asked = form.cleaned_data
    try:
        return open_partner_account(
            partner_id=partner.pk,
            name=asked["name"],
            account_id=asked["account_id"],
            partition=asked["partition"],
            actor=actor_of(request),
        )
    except InvalidError as refusal:
        put_refusal(form, refusal)
    except ConflictError as refusal:
        form.add_error("account_id", str(refusal))
    return None


def _page(request: PersonRequest, partner: Partner, account: PartnerAccount) -> AccountPage:
    clock, person = clock_of(request), request.user
    row = account_with_proofs(account.pk)
    proofs = list(row.proofs.all())
    may_prove = may_change(person) and row.is_open
    places = places_for_partners().filter(partition=row.partition) if may_prove else []
    grants = preview_closing(account.pk)
    return AccountPage(
        slug=partner.slug,
        partner=partner.name,
        account=account_view(row, clock),
        places=tuple((str(each.pk), str(each)) for each in places),
        grants=grant_lines(grants, clock),
        may_change=may_change(person),
        may_grant=may_grant(person) and row.is_open,
        is_settled=all(_is_settled(proof, clock) for proof in proofs),
        fingerprint=fingerprint(
            [(proof.pk, proof.state, proof.attempts, len(proof.steps)) for proof in proofs]
        ),
    )


def _is_settled(proof: ExternalIdProof, clock: Clock) -> bool:
    """Whether nothing comes of it soon: it is over, or waits for a window's end."""
    return proof.due_at is None or (proof.due_at - clock.now).total_seconds() > SOON
