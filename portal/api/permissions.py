from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from portal.api.refusals import ScopeMissing
from portal.directory.models import ApiToken

if TYPE_CHECKING:  # DRF reads this module while it makes APIView itself
    from rest_framework.views import APIView


class TokenHasScope(BasePermission):
    """A token does what its scopes say and no more; a signed-in browser is its person. Views name their `scope`.

    Does *not* check whose grant it is, or whether a person may revoke: the operations do.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.auth, ApiToken):
            return True
        # A view without the attribute is a mistake, and fails closed.
        scope: ApiToken.Scope | None = view.scope  # type: ignore[attr-defined]  # every view of ours has it
        if request.method == "POST":
            scope = getattr(view, "write_scope", None) or scope
        if scope is not None and scope.value not in request.auth.scopes:
            raise ScopeMissing(scope.value)
        return True
