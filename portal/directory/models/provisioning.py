"""What a directory told: syncs that were run, and what SCIM clients wrote."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from portal.directory.models.groups import Group
from portal.directory.models.people import Person
from portal.directory.models.providers import ExternalIdentity, IdentityProvider


class SyncRun(models.Model):
    """One reading of all people and groups of a provider. At most one waits or runs at a time.

    `stopped`: it would have deactivated more than the provider's share, did nothing, and asks an admin.
    `changes` holds some of what it changed, for the provider's page; the audit trail holds all.
    """

    class State(models.TextChoices):
        ASKED = "asked", "asked for"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        STOPPED = "stopped", "stopped: asks"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.ForeignKey(IdentityProvider, models.CASCADE, related_name="sync_runs")
    state = models.CharField(max_length=8, choices=State.choices)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    may_deactivate_all = models.BooleanField(
        default=False, help_text="An admin said yes to more than the provider's share."
    )
    started_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    step = models.CharField(max_length=80, blank=True)
    people_seen = models.PositiveIntegerField(default=0)
    groups_seen = models.PositiveIntegerField(default=0)
    admitted = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    back = models.PositiveIntegerField(default=0)
    joined = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)
    changes = models.JSONField(default=list)
    problem = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider"], condition=Q(state__in=["asked", "running"]), name="sync_one_at_a_time"
            ),
        ]
        indexes = [models.Index(fields=["provider", "-asked_at"], name="sync_by_provider")]

    def __str__(self) -> str:
        return f"sync of {self.provider_id} at {self.asked_at}"


class ScimUser(models.Model):
    """A user as a SCIM client wrote it (RFC 7643, 4.1). `resource`: all of it that has no column of its own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.ForeignKey(IdentityProvider, models.CASCADE, related_name="scim_users")
    identity = models.OneToOneField(ExternalIdentity, models.CASCADE, related_name="scim_user")
    user_name = models.CharField(max_length=256)
    external_id = models.CharField(max_length=256, blank=True)
    is_active = models.BooleanField(default=True)
    resource = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            # userName is not case-sensitive (RFC 7643, section 4.1.1).
            models.UniqueConstraint("provider", Lower("user_name"), name="scim_user_name_once"),
        ]
        indexes = [models.Index(fields=["provider", "external_id"], name="scim_user_by_external_id")]

    def __str__(self) -> str:
        return self.user_name


class ScimGroup(models.Model):
    """A group as a SCIM client wrote it (RFC 7643, 4.2); its members are the group's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.ForeignKey(IdentityProvider, models.CASCADE, related_name="scim_groups")
    group = models.OneToOneField(Group, models.CASCADE, related_name="scim_group")
    external_id = models.CharField(max_length=256, blank=True)
    resource = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["provider", "external_id"], name="scim_group_by_external_id")]

    def __str__(self) -> str:
        return str(self.group)


class ScimMembership(models.Model):
    """Who is in a group as SCIM told it. Whoever of them is active is in the portal's group too, and nobody else."""

    group = models.ForeignKey(ScimGroup, models.CASCADE, related_name="told_members")
    user = models.ForeignKey(ScimUser, models.CASCADE, related_name="told_groups")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="scim_membership_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.group_id}"
