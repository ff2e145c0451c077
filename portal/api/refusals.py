"""Refusals of the API's own, apart from what DRF and the domain know. Kept where DRF's settings can import them."""

from rest_framework.exceptions import APIException


class CsrfFailed(APIException):  # DRF's exceptions don't end in Error
    status_code = 403
    default_code = "csrf_failed"
    default_detail = "Send the CSRF token of your sign-in in the X-CSRFToken header."


class ScopeMissing(APIException):  # as above
    status_code = 403
    default_code = "insufficient_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This token lacks the scope {scope}.")
        self.scope = scope


class TooLarge(APIException):  # as above
    status_code = 413
    default_code = "too_large"
    default_detail = "The request's body is too large."
