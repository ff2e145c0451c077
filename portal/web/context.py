from typing import Any

from django.conf import settings
from django.http import HttpRequest


def product(request: HttpRequest) -> dict[str, Any]:
    """Give every template what labels the installation."""
    return {"simulation": settings.SIMULATION, "request_id": request.META.get("sallyport.request_id", "")}
