from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers. Asks nothing of the database: a restart would not mend that."""
    del request
    return HttpResponse("ok", content_type="text/plain")
