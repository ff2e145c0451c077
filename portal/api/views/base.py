from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from portal.access.models import Grant
from portal.access.queries import visible_grants
from portal.api.authentication import caller
from portal.api.description import ProblemSchema
from portal.directory.models import ApiToken
from portal.kernel.errors import NotFoundError

S = TypeVar("S", bound=Serializer[Any])


class ScopedView(APIView):
    """A view whose tokens need `scope`; None: any token of the person's will do.

    `write_scope`: what a POST needs instead, where the same address also answers a GET.
    """

    scope: ClassVar[ApiToken.Scope | None]
    write_scope: ClassVar[ApiToken.Scope | None] = None
    schema = ProblemSchema()
    metadata_class = None  # OPTIONS tells nothing: the schema does

    @staticmethod
    def read(serializer: type[S], data: Any) -> Mapping[str, Any]:
        """Return what was sent, validated. Raises DRF's ValidationError with the fields."""
        checked = serializer(data=data)
        checked.is_valid(raise_exception=True)
        validated: Mapping[str, Any] = checked.validated_data
        return validated


def own_grants(request: Request) -> QuerySet[Grant]:
    return visible_grants(caller(request).owner_id, sees_all=False)


def own_grant(request: Request, grant_id: UUID) -> Grant:
    """Return the caller's grant. Raises NotFoundError for another's as for none."""
    grant = own_grants(request).filter(pk=grant_id).first()
    if grant is None:
        raise NotFoundError("There is no such grant.")
    return grant
