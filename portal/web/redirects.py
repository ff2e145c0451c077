"""Where a page may send the browser on to."""

from typing import Final

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

LONGEST_PATH: Final = 500  # PendingSignIn.next_path


class SeeOther(HttpResponse):
    """303: whatever the method was, GET `url`. Django's own redirects say 302, and refuse long URLs."""

    status_code = 303

    @property
    def url(self) -> str:
        return self.headers["Location"]


def see_other(url: str) -> SeeOther:
    return SeeOther(headers={"Location": url})


def own_path(wanted: str) -> str:
    """Return `wanted` when it is a path on this portal, else My access: never another site, never `//` or a scheme."""
    is_path = wanted.startswith("/") and len(wanted) <= LONGEST_PATH and wanted.isprintable()
    if is_path and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None, require_https=True):
        return wanted
    return reverse("web:my-access")
