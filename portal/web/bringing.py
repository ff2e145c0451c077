"""What a grant's call takes along of its person's own: asked for on a page, handed on, and never shown again."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import render

from brokers.errors import ProofRefused
from portal.access.models import Grant, UserKey
from portal.access.operations.credentials.user_keys import keep_user_key
from portal.access.proofs import MfaProof, Proof, ProofRefusedError, SamlProof, TokenProof
from portal.access.queries import visible_grants
from portal.catalog.models import AwsRole
from portal.directory.requests import actor_of
from portal.kernel.errors import DomainError, InvalidError, UpstreamError
from portal.web.guard import PersonRequest

Method = AwsRole.Method
_CODE = {"autocomplete": "off", "spellcheck": "false"}
_AREA = forms.Textarea(attrs={"rows": 6, **_CODE})


class BringForm(forms.Form):
    """The fields that the role's call needs; of an IAM user that is not known here, its key and device as well."""

    assertion = forms.CharField(
        label="SAML response for AWS",
        max_length=100_000,
        widget=_AREA,
        help_text="Open the AWS tile at your identity provider with the browser's developer tools open: it is the form "
        "field SAMLResponse that is posted to signin.aws.amazon.com. It counts once, and only for minutes.",
    )
    id_token = forms.CharField(
        label="ID token",
        max_length=20_000,
        widget=_AREA,
        help_text="As your application got it from the identity provider: three parts with dots between, eyJ….",
    )
    mfa_code = forms.CharField(
        label="Code of your MFA device",
        max_length=12,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
        help_text="The 6 digits that it shows now. AWS takes each code once.",
    )
    access_key_id = forms.CharField(
        label="Access key id", max_length=128, widget=forms.TextInput(attrs=_CODE), help_text="AKIA…"
    )
    secret_access_key = forms.CharField(
        label="Secret access key", max_length=128, widget=forms.PasswordInput(attrs=_CODE)
    )
    mfa_serial = forms.CharField(
        label="MFA device",
        max_length=256,
        widget=forms.TextInput(attrs=_CODE),
        help_text="Its serial number or ARN, as IAM shows it with your user: arn:aws:iam::123456789012:mfa/name.",
    )
    keep = forms.BooleanField(
        label="Keep the secret here, sealed, so that the code alone will do",
        required=False,
    )

    def __init__(self, grant: Grant, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        wanted = _fields_of(grant)
        for name in set(self.fields) - set(wanted):
            del self.fields[name]
        self.order_fields(wanted)


def brought(request: PersonRequest, grant_id: UUID) -> Proof | None:
    """Return what the page's form brought along; None: nothing. A new IAM user's key and device are kept first.

    Raises:
        InvalidError, NotFoundError, ConflictError: as keeping the key.
    """
    told = {name: value.strip() for name, value in request.POST.items() if isinstance(value, str)}
    if assertion := told.get("assertion"):
        return SamlProof(assertion)
    if id_token := told.get("id_token"):
        return TokenProof(id_token)
    if not (code := told.get("mfa_code")):
        return None
    key, secret = told.get("access_key_id", ""), told.get("secret_access_key", "")
    grant = _own(request, grant_id)
    if grant is not None and told.get("mfa_serial"):
        keep_user_key(
            role_id=grant.role_id,
            access_key_id=key,
            secret=secret if "keep" in told else "",
            mfa_serial=told["mfa_serial"],
            actor=actor_of(request),
        )
    return MfaProof(code, key, secret)


def bring_page(request: PersonRequest, grant_id: UUID, refusal: DomainError) -> HttpResponse | None:
    """Ask for what the grant's call needs, and say what was wrong with what came; None: that is not what it's about."""
    grant = _own(request, grant_id)
    if grant is None or not grant.role.needs_proof:
        return None
    form = BringForm(grant)
    field = refusal.field if isinstance(refusal, InvalidError) else ""
    came = any(request.POST.get(name) for name in form.fields)
    is_about_it = isinstance(refusal, ProofRefusedError) or field in form.fields or _is_by_aws(refusal)
    if not is_about_it:
        return None
    # Nothing that was typed is shown again: it is a secret, and most of it counts once.
    context = {"grant": grant, "form": form, "why": str(refusal) if came else ""}
    return render(request, "access/bring_proof.html", context, status=400 if came else 200)


def _is_by_aws(refusal: DomainError) -> bool:
    """Whether AWS itself did not take what came: with a new one the same call may work."""
    return isinstance(refusal, UpstreamError) and refusal.upstream_code == ProofRefused.code


def _own(request: PersonRequest, grant_id: UUID) -> Grant | None:
    grants = visible_grants(request.user.pk, sees_all=False).select_related("role__account")
    return grants.filter(pk=grant_id).first()


def _fields_of(grant: Grant) -> list[str]:
    method = grant.role.method
    if method != Method.SESSION_TOKEN:
        return ["assertion" if method == Method.SAML else "id_token"]
    known = UserKey.objects.filter(role=grant.role_id, person=grant.person_id).first()
    if known is None:
        return ["mfa_code", "mfa_serial", "access_key_id", "secret_access_key", "keep"]
    return ["mfa_code"] if known.secret else ["mfa_code", "secret_access_key"]
