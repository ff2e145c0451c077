"""The admin site: the portal's own sign-in and sign-out, each admin's own time zone, what fails at the top."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from portal.access.lifecycle import RevocationState
from portal.access.models import Revocation
from portal.directory.models import Person
from portal.staff.widgets import TellingApart

SEE_OTHER_METHOD_KEPT = 307
# People have no passwords here, and a page that sets one must not exist.
WITHOUT = {"password_change", "password_change_done"}


class StaffSite(AdminSite):
    site_header = site_title = "Sallyport"
    index_title = "Manage access"
    enable_nav_sidebar = True

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [url for url in super().get_urls() if getattr(url, "name", None) not in WITHOUT]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send people to the portal's sign-in; whoever is signed in, but no admin, is told so, without a loop."""
        del extra_context
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            raise PermissionDenied("Only admins can open the management pages.")
        asked = request.GET.get(REDIRECT_FIELD_NAME, "")
        own = url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
        return redirect_to_login(asked if own else reverse("admin:index"), reverse("web:sign-in"))

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]  # the stubs promise a TemplateResponse
        del request, extra_context
        response = HttpResponseRedirect(reverse("web:sign-out"))
        response.status_code = SEE_OTHER_METHOD_KEPT
        return response

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return cast("HttpResponse", TellingApart.as_view(admin_site=self)(request))

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002  # Django's signature
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.user.is_authenticated and not self.has_permission(request):
                raise PermissionDenied("Only admins can open the management pages.")
            with timezone.override(zone_of(request)):
                response = inner(request, *args, **kwargs)
                # Rendered here, while the admin's time zone holds.
                return response.render() if hasattr(response, "render") else response

        return update_wrapper(guarded, view)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        failing = 0
        if request.user.has_perm("access.view_revocation"):
            # The state ties both times to NULL; said again, so that a small index answers.
            waiting = Revocation.objects.filter(applied_at=None, cleaned_at=None)
            failing = waiting.filter(state=RevocationState.FAILING.value).count()
        return super().index(request, {"failing_revocations": failing, **(extra_context or {})})


def zone_of(request: HttpRequest) -> ZoneInfo:
    user = request.user
    return ZoneInfo(user.time_zone if isinstance(user, Person) else "UTC")
