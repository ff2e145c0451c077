"""What goes over the wire about what people may take for themselves."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.access.offers import scope_words
from portal.access.operations.reasons import REASON_LIMIT
from portal.api.serializers import RoleSerializer
from portal.catalog.models import Entitlement


class EntitlementSerializer(serializers.ModelSerializer[Entitlement]):
    """A role that the caller may take for themselves, through a group."""

    group = serializers.CharField(source="group.name")
    role = RoleSerializer()
    scope_summary = serializers.SerializerMethodField(help_text="What a grant taken through it allows.")
    held = serializers.SerializerMethodField(
        help_text="The caller's living grant that was taken through it; null: none, so that it can be taken."
    )

    class Meta:
        model = Entitlement
        fields = ["id", "group", "role", "scope_summary", "longest_minutes", "held"]

    def get_scope_summary(self, entitlement: Entitlement) -> str:
        return scope_words(entitlement)

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_held(self, entitlement: Entitlement) -> str | None:
        grant = self.context["held"].get(entitlement.pk)
        return str(grant) if grant else None


class TakeOrder(serializers.Serializer[dict[str, Any]]):
    minutes = serializers.IntegerField(help_text="For how long, from now: up to the entitlement's longest.")
    reason = serializers.CharField(max_length=REASON_LIMIT)
