"""My IAM users: the keys by which I get a session with my MFA device. Entered, replaced, forgotten; never shown."""

from datetime import datetime, tzinfo
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access.models import UserKey
from portal.access.operations.credentials.user_keys import (
    held_users,
    keep_user_key,
    own_users,
    remove_user_key,
)
from portal.catalog.models import AwsRole
from portal.directory.models import Person
from portal.directory.requests import actor_of
from portal.kernel.clock import database_now
from portal.kernel.errors import InvalidError, NotFoundError
from portal.web.forms import put_refusal
from portal.web.guard import PersonRequest, signed_in, zone_of
from portal.web.presenters import AccountLabel, moment
from portal.web.presenters.iam_users import IamUserRow, OwnKey
from portal.web.redirects import see_other

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class KeyForm(forms.Form):
    """A key and its device. The secret's field is never filled in."""

    access_key_id = forms.CharField(
        label="Access key id",
        max_length=128,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text="AKIA…",
        error_messages={"required": "Enter the key's id."},
    )
    secret_access_key = forms.CharField(
        label="Secret access key",
        max_length=128,
        required=False,
        widget=forms.PasswordInput(attrs=_PLAIN),
        help_text="Kept here, sealed, so that your MFA code alone will do. Leave it empty to bring it along each time.",
    )
    mfa_serial = forms.CharField(
        label="MFA device",
        max_length=256,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text="Its serial number or ARN, as IAM shows it with your user: arn:aws:iam::123456789012:mfa/name.",
        error_messages={"required": "Enter the device that belongs to this user."},
    )

    def hide_secrets(self) -> None:
        """Have the page show of what was typed only what is no secret, whichever field it was typed into."""
        shown = QueryDict(mutable=True)
        for name, start in (("access_key_id", "AKIA"), ("mfa_serial", "arn:")):
            typed = str(self.data.get(name, ""))
            shown[name] = typed if typed.strip().startswith(start) else ""
        self.data = shown


@require_safe
@signed_in
def iam_users(request: PersonRequest) -> HttpResponse:
    person, now, zone = request.user, database_now(), zone_of(request.user)
    held = held_users(person.pk)
    rows = [_row(user, person, held=held, now=now, zone=zone) for user in own_users(person.pk)]
    return render(request, "account/iam_users.html", {"users": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def iam_user(request: PersonRequest, role_id: UUID) -> HttpResponse:
    """Enter a key of one, or replace it."""
    user = _own(request.user, role_id)
    if user.pk not in held_users(request.user.pk):
        raise NotFoundError("There is no such IAM user of yours.")
    kept = _kept(user, request.user)
    known = {"access_key_id": kept.access_key_id, "mfa_serial": kept.mfa_serial} if kept else {}
    form = KeyForm(request.POST if request.method == "POST" else None, initial=known)
    if form.is_valid() and _keep(request, user, form):
        messages.success(request, f"Kept: {form.cleaned_data['access_key_id']} of {user.name}.")
        return see_other(reverse("web:iam-users"))
    if form.errors:
        form.hide_secrets()
    context = {
        "form": form,
        "user_name": user.name,
        "account": _account(user),
        "kept": kept is not None,
        "is_sealed": kept is not None and bool(kept.secret),
    }
    return render(request, "account/iam_user.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def iam_user_forget(request: PersonRequest, role_id: UUID) -> HttpResponse:
    user = _own(request.user, role_id)
    remove_user_key(role_id=user.pk, actor=actor_of(request))
    messages.success(
        request, f"Forgotten: your key of {user.name}. It still works in AWS until you delete it there."
    )
    return see_other(reverse("web:iam-users"))


def _keep(request: PersonRequest, user: AwsRole, form: KeyForm) -> bool:
    """Return whether it was kept; else the form says why not."""
    given = form.cleaned_data
    try:
        keep_user_key(
            role_id=user.pk,
            access_key_id=given["access_key_id"],
            secret=given["secret_access_key"],
            mfa_serial=given["mfa_serial"],
            actor=actor_of(request),
        )
    except InvalidError as refusal:
        put_refusal(form, refusal)
        return False
    return True


def _own(person: Person, role_id: UUID) -> AwsRole:
    found = next((user for user in own_users(person.pk) if user.pk == role_id), None)
    if found is None:
        raise NotFoundError("There is no such IAM user of yours.")
    return found


def _row(user: AwsRole, person: Person, *, held: set[UUID], now: datetime, zone: tzinfo) -> IamUserRow:
    kept = _kept(user, person)
    is_elses = kept is None and _known(user) is not None
    return IamUserRow(
        id=str(user.pk),
        name=user.name,
        title=user.title,
        account=_account(user),
        key=_own_key(kept, now=now, zone=zone) if kept else None,
        enters=user.pk in held and not is_elses,
        is_elses=is_elses,
    )


def _own_key(kept: UserKey, *, now: datetime, zone: tzinfo) -> OwnKey:
    return OwnKey(
        access_key_id=kept.access_key_id,
        mfa_serial=kept.mfa_serial,
        is_sealed=bool(kept.secret),
        since=moment(kept.kept_at, now=now, zone=zone),
    )


def _known(user: AwsRole) -> UserKey | None:
    return getattr(user, "user_key", None)


def _kept(user: AwsRole, person: Person) -> UserKey | None:
    """Return the person's own key of it: somebody else's is not theirs to see."""
    known = _known(user)
    return known if known is not None and known.person_id == person.pk else None


def _account(user: AwsRole) -> AccountLabel:
    return AccountLabel(user.account.name, user.account.account_id)
