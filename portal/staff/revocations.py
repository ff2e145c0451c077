"""What was issued and how its end stands: read-only, with one act, to try failing revocations again at once."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from portal.access.lifecycle import WAITING
from portal.access.models import AwsSession, DenyDocument, Revocation
from portal.access.operations.cutting.retry_revocations import MOST, retry_revocations
from portal.access.run_out import session_end
from portal.directory.requests import actor_of
from portal.staff.base import ReadOnlyAdmin, brief


@admin.register(Revocation)
class RevocationAdmin(ReadOnlyAdmin[Revocation]):
    list_display = ("grant", "state", "asked", "applied", "proven", "next_try", "why", "attempts", "role")
    list_filter = ("state",)
    list_select_related = ("grant__person", "grant__role__account", "document__account")
    search_fields = ("grant__person__name", "grant__role__title", "document__name")
    actions = ("retry",)

    @admin.display(description="role in AWS", ordering="document__name")
    def role(self, revocation: Revocation) -> str:
        return f"{revocation.document.name} in {revocation.document.account}"

    @admin.display(description="asked", ordering="asked_at")
    def asked(self, revocation: Revocation) -> str:
        return brief(revocation.asked_at)

    @admin.display(description="AWS had it", ordering="applied_at")
    def applied(self, revocation: Revocation) -> str:
        return brief(revocation.applied_at)

    @admin.display(description="seen refused", ordering="proven_at")
    def proven(self, revocation: Revocation) -> str:
        return brief(revocation.proven_at)

    @admin.display(description="next try", ordering="next_try_at")
    def next_try(self, revocation: Revocation) -> str:
        return brief(revocation.next_try_at if revocation.state in WAITING else None)

    @admin.display(description="why not yet, or not proven")
    def why(self, revocation: Revocation) -> str:
        if revocation.state in WAITING:
            return revocation.last_error
        return "" if revocation.proven_at else revocation.proof_note

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("access.revoke_grant")

    @admin.action(description="Retry now", permissions=["revoke"])
    def retry(self, request: HttpRequest, revocations: QuerySet[Revocation]) -> None:
        due = retry_revocations(
            revocation_ids=list(revocations.values_list("pk", flat=True)[:MOST]), actor=actor_of(request)
        )
        words = (
            f"Being tried now: {due}. Look again in a few seconds."
            if due
            else "None of these waits for AWS: they are applied, or over."
        )
        self.message_user(request, words, messages.SUCCESS if due else messages.INFO)


@admin.register(AwsSession)
class SessionAdmin(ReadOnlyAdmin[AwsSession]):
    list_display = ("session_name", "kind", "state", "grant", "asked", "ends", "access_key_id", "ip")
    list_filter = ("state", "kind")
    list_select_related = ("grant__person", "grant__role")
    search_fields = ("access_key_id__exact", "session_name__exact", "userid__exact")
    search_help_text = "An access key id (as CloudTrail names it), a session name or a userid, whole."

    @admin.display(description="asked", ordering="asked_at")
    def asked(self, session: AwsSession) -> str:
        return brief(session.asked_at)

    @admin.display(description="ends by itself", ordering="expires_at")
    def ends(self, session: AwsSession) -> str:
        return brief(session_end(session, session.grant))


@admin.register(DenyDocument)
class DenyDocumentAdmin(ReadOnlyAdmin[DenyDocument]):
    list_display = ("name", "kind", "account", "entries", "room", "applied", "checked", "holder")
    list_filter = ("kind",)
    list_select_related = ("account",)
    search_fields = ("name", "account__name")

    @admin.display(description="policies in AWS")
    def room(self, document: DenyDocument) -> str:
        """Name and size of each, as AWS showed them last."""
        told = (
            f"{policy.get('name')}: {policy.get('characters')} characters" for policy in document.policies
        )
        return ", ".join(told) or "-"

    @admin.display(description="last written", ordering="applied_at")
    def applied(self, document: DenyDocument) -> str:
        return brief(document.applied_at)

    @admin.display(description="last looked at", ordering="checked_at")
    def checked(self, document: DenyDocument) -> str:
        return brief(document.checked_at)
