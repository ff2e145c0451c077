"""Sign in with a directory's own name and password: handed on to it, and kept nowhere."""

from typing import Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal import wiring
from portal.directory.models import IdentityProvider, Person
from portal.directory.queries import enabled_provider
from portal.directory.requests import actor_of
from portal.identity.operations.ldap_sign_in import LONGEST_PASSWORD, sign_in_by_ldap
from portal.identity.operations.refusing import SignInRefusedError
from portal.kernel.errors import DomainError, NotFoundError, TooManyError, UpstreamError
from portal.web.errors import STATUS
from portal.web.known_device import place_of, remember_device
from portal.web.redirects import own_path, see_other
from portal.web.signing_in import let_in

WRONG: Final = (
    "That didn't sign you in. Check the name and the password, and try again. If you are sure of both, ask the people "
    "who run {provider} about your account."
)


class NameAndPasswordForm(forms.Form):
    """A password is taken as it is, spaces included, and never shown again."""

    username = forms.CharField(
        max_length=256,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
        error_messages={"required": "Type your name there."},
    )
    password = forms.CharField(
        max_length=LONGEST_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Type your password."},
    )


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest, slug: str) -> HttpResponse:
    provider = enabled_provider(slug)
    if provider.kind != IdentityProvider.Kind.LDAP:
        raise NotFoundError("There is no such identity provider.")
    told = request.POST.get("next", "") or request.GET.get("next", "")
    next_path = own_path(told)
    if request.method != "POST":
        if isinstance(request.user, Person) and "again" not in request.GET:
            return see_other(next_path)
        return _page(request, provider, NameAndPasswordForm(), next_path)
    form = NameAndPasswordForm(request.POST)
    if not form.is_valid():
        return _page(request, provider, form, next_path)
    return _try(request, provider, form, next_path)


def _try(
    request: HttpRequest, provider: IdentityProvider, form: NameAndPasswordForm, next_path: str
) -> HttpResponse:
    username = form.cleaned_data["username"]
    try:
        signed_in = sign_in_by_ldap(
            provider=provider,
            username=username,
            password=form.cleaned_data["password"],
            next_path=next_path,
            ldap=wiring.ldap_ports(),
            place=place_of(request, provider, username),
            actor=actor_of(request),
        )
    except SignInRefusedError as refusal:
        return _refused(request, provider, form, next_path, refusal, WRONG.format(provider=provider.name))
    except (TooManyError, UpstreamError) as refusal:
        return _refused(request, provider, form, next_path, refusal, str(refusal))
    answer = let_in(request, signed_in)
    remember_device(request, answer, provider, username)
    return answer


def _refused(  # noqa: PLR0913, PLR0917  # the facts of one page
    request: HttpRequest,
    provider: IdentityProvider,
    form: NameAndPasswordForm,
    next_path: str,
    refusal: DomainError,
    words: str,
) -> HttpResponse:
    form.add_error(None, words)
    status = next(status for kind, status in STATUS.items() if isinstance(refusal, kind))
    page = _page(request, provider, form, next_path, status)
    if isinstance(refusal, TooManyError):
        page["Retry-After"] = str(refusal.retry_after_seconds)
    return page


def _page(
    request: HttpRequest,
    provider: IdentityProvider,
    form: NameAndPasswordForm,
    next_path: str,
    status: int = 200,
) -> HttpResponse:
    context = {"provider": provider, "form": form, "next": next_path}
    return render(request, "sign_in/ldap.html", context, status=status)
