"""What callers send to change something. What is allowed is the operations' to say; these only read it."""

from typing import Any

from rest_framework import serializers

from portal.access.operations.grants.make_grant import GrantOrder, WindowOrder
from portal.access.operations.partners.suspend_partner import REASON_LIMIT as SUSPEND_REASON_LIMIT
from portal.access.operations.reasons import REASON_LIMIT
from portal.api.serializers import WindowSerializer

Orders = serializers.Serializer[dict[str, Any]]


class GrantOrderSerializer(Orders):
    """A grant to be made. Times carry their zone."""

    person = serializers.UUIDField(help_text="The id of whoever gets it.")
    role = serializers.UUIDField()
    starts_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Null: now."
    )
    ends_at = serializers.DateTimeField()
    window = WindowSerializer(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=500)
    ticket = serializers.CharField(max_length=80, required=False, default="", allow_blank=True)
    scope_template = serializers.UUIDField(required=False, allow_null=True, default=None)
    scope_parameters = serializers.DictField(
        child=serializers.CharField(max_length=256), required=False, default=dict
    )
    accepts_no_kill_switch = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Needed where the role has no kill switch: nothing can cut its sessions short.",
    )

    def order(self) -> GrantOrder:
        told = self.validated_data
        return GrantOrder(
            person_id=told["person"],
            role_id=told["role"],
            starts_at=told["starts_at"],
            ends_at=told["ends_at"],
            reason=told["reason"],
            ticket=told["ticket"],
            scope_template_id=told["scope_template"],
            scope_parameters=told["scope_parameters"],
            window=WindowOrder(**told["window"]) if told["window"] else None,
            accepts_no_kill_switch=told["accepts_no_kill_switch"],
        )


class ExtendOrder(Orders):
    ends_at = serializers.DateTimeField(help_text="The new end, later than the old one.")
    reason = serializers.CharField(max_length=REASON_LIMIT)


class ReleaseOrder(Orders):
    reason = serializers.CharField(max_length=REASON_LIMIT, required=False, default="", allow_blank=True)


class RevokeOrder(Orders):
    reason = serializers.CharField(max_length=REASON_LIMIT)
    cut = serializers.BooleanField(
        required=False, default=True, help_text="False: live sessions run out by themselves."
    )


class CutOrder(Orders):
    reason = serializers.CharField(max_length=REASON_LIMIT)


class ResumeOrder(Orders):
    reason = serializers.CharField(max_length=SUSPEND_REASON_LIMIT)


class SuspendOrder(Orders):
    reason = serializers.CharField(
        max_length=SUSPEND_REASON_LIMIT, required=False, default="", help_text="Needed but for a dry run."
    )
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="True: say what would end, and end nothing."
    )


class WouldEndGrant(Orders):
    """`live_sessions`: those that the portal issued; who is in through a partner's own role AWS alone knows."""

    id = serializers.UUIDField()
    subject = serializers.CharField()
    role = serializers.CharField()
    ends_at = serializers.DateTimeField()
    live_sessions = serializers.IntegerField()


class WouldEndRole(Orders):
    arn = serializers.CharField()
    state = serializers.CharField()


class WouldEnd(Orders):
    """What a suspension would end now."""

    grants = WouldEndGrant(many=True)
    roles = WouldEndRole(many=True)
    live_sessions = serializers.IntegerField()


class PartnerSerializer(Orders):
    """A partner after its suspension or resumption. `grants_ended`, `revocations`: what ended with it just now.

    `would_end`: of a dry run, what would; null otherwise.
    """

    id = serializers.UUIDField()
    name = serializers.CharField()
    suspended_at = serializers.DateTimeField(allow_null=True)
    grants_ended = serializers.IntegerField()
    revocations = serializers.IntegerField()
    roles_closed = serializers.IntegerField(
        help_text="Roles in AWS for its own accounts, which are taken away."
    )
    would_end = WouldEnd(allow_null=True)
