"""People. Nobody gives themselves rights, and only superusers give any.

People are deactivated, never deleted: what they did stays theirs.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import Permission
from django.db.models import Count, ManyToManyField, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from portal.access.lifecycle import LIVING, stored
from portal.access.models import Grant
from portal.access.operations.grants.deactivate_person import deactivate_person, reactivate_person
from portal.directory.models import ExternalIdentity, Partner, Person
from portal.directory.people_quota import PeopleQuotaError, take_place
from portal.directory.requests import actor_of
from portal.identity.operations.partner_people import note_partner_admin
from portal.kernel.errors import DomainError
from portal.staff.base import CheckedForm, RecordedAdmin, brief, is_superuser
from portal.staff.confirm import MOST, Question, ReasonForm, answered, ask
from portal.staff.factors import reset_factors
from portal.staff.identities import gone_words

RIGHTS = ("is_staff", "is_superuser", "user_permissions")
SO_FAR = ("is_active", "deactivated_at", "deactivated_by_provider", "last_login", "created_at")
ROOMS = ("access", "audit", "catalog", "directory")


class PersonForm(CheckedForm[Person]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:  # noqa: SLF001  # Django's documented name for it
            self.instance.set_unusable_password()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        partner = self.cleaned_data.get("partner")
        admin_now = self.cleaned_data.get("is_staff", self.instance.is_staff)
        if partner and admin_now:
            self.add_error("partner", "A partner's person can't be an admin.")
        if "partner" in self.changed_data:
            others = self.instance.identities.exclude(provider__partner=None).exclude(
                provider__partner=partner
            )
            if not self.instance._state.adding and others.exists():  # noqa: SLF001  # Django's documented name for it
                self.add_error(
                    "partner",
                    "They sign in at a partner's own provider, which must not vouch for another's people: "
                    "deactivate them, and let the new company's provider admit them.",
                )
            living = Grant.objects.filter(person=self.instance, state__in=stored(LIVING)).count()
            if living:
                self.add_error(
                    "partner",
                    f"{living} living grants were made under the company as it is: revoke them first.",
                )
            self._take_place(partner)
        if self.cleaned_data.get("is_partner_admin") and not partner:
            self.add_error("is_partner_admin", "Only a partner's person can be their company's admin.")
        return cleaned

    def _take_place(self, partner: Partner | None) -> None:
        """Make sure that the company has a place for one more: the admin's page is one transaction."""
        if partner is None or not self.instance.is_active:
            return
        try:
            take_place(partner.pk)
        except PeopleQuotaError as refusal:
            self.add_error("partner", str(refusal))


class IdentityInline(admin.TabularInline[ExternalIdentity, Person]):
    model = ExternalIdentity
    fields = readonly_fields = (
        "provider",
        "subject",
        "login",
        "linked_at",
        "last_seen_at",
        "confirmed_at",
        "gone",
    )
    extra = 0
    can_delete = False
    verbose_name_plural = "signs in as"

    @admin.display(description="gone since")
    def gone(self, identity: ExternalIdentity) -> str:
        return gone_words(identity)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # Django's signature
        return False


@admin.register(Person)
class PersonAdmin(RecordedAdmin[Person]):
    form = PersonForm
    list_display = ("name", "email", "partner", "is_active", "is_staff", "seen")
    list_filter = ("is_active", "is_staff", "is_partner_admin")
    list_select_related = ("partner",)
    search_fields = ("name", "email", "partner__name")
    autocomplete_fields = ("partner",)
    filter_horizontal = ("user_permissions",)
    inlines = (IdentityInline,)
    actions = ("deactivate", "reactivate", reset_factors)
    fieldsets = (
        (None, {"fields": ("name", "email", "partner", "is_partner_admin", "time_zone")}),
        (
            "Management",
            {"fields": RIGHTS, "description": "Only superusers change these, and nobody changes their own."},
        ),
        ("So far", {"fields": SO_FAR}),
    )
    readonly_fields = SO_FAR

    @admin.display(description="last sign-in", ordering="last_login")
    def seen(self, person: Person) -> str:
        return brief(person.last_login)

    def get_readonly_fields(self, request: HttpRequest, obj: Person | None = None) -> tuple[str, ...]:
        own = obj is not None and obj.pk == request.user.pk
        fixed = tuple(str(name) for name in self.readonly_fields)
        return fixed if is_superuser(request) and not own else (*fixed, *RIGHTS)

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's signature
        super().save_model(request, obj, form, change)
        if "is_partner_admin" in form.changed_data:
            note_partner_admin(obj, actor_of(request))

    def has_change_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        """Admins' records are for superusers; one's own stays open for what isn't a right."""
        allowed = super().has_change_permission(request, obj)
        if obj is None or not obj.is_staff or is_superuser(request):
            return allowed
        return allowed and obj.pk == request.user.pk

    def has_delete_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:  # noqa: ARG002  # Django's signature
        return False

    def has_reset_factors_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Person], search_term: str
    ) -> tuple[QuerySet[Person], bool]:
        found, duplicates = super().get_search_results(
            request, queryset.select_related("partner"), search_term
        )
        # Whoever is chosen for a grant must be able to use it; who answers for a partner is of the own company.
        chosen_for = request.GET.get("model_name")
        if chosen_for in {"grant", "partner"}:
            found = found.filter(is_active=True)
        return found.filter(partner=None) if chosen_for == "partner" else found, duplicates

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "user_permissions":
            rooms = Permission.objects.filter(content_type__app_label__in=ROOMS)
            kwargs["queryset"] = rooms.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @admin.action(description="Deactivate: end sign-ins, tokens and grants", permissions=["change"])
    def deactivate(self, request: HttpRequest, people: QuerySet[Person]) -> HttpResponse | None:
        return self._switch(request, people, on=False)

    @admin.action(description="Reactivate", permissions=["change"])
    def reactivate(self, request: HttpRequest, people: QuerySet[Person]) -> HttpResponse | None:
        return self._switch(request, people, on=True)

    def _switch(self, request: HttpRequest, people: QuerySet[Person], *, on: bool) -> HttpResponse | None:
        form = answered(request, ReasonForm)
        chosen = list(_with_living(people)[:MOST])
        if not form.is_bound or not form.is_valid():
            return ask(self, request, _question(chosen, on=on), form)
        for person in chosen:
            self._switch_one(request, person, form.cleaned_data["reason"], on=on)
        return None

    def _switch_one(self, request: HttpRequest, person: Person, reason: str, *, on: bool) -> None:
        actor = actor_of(request)
        try:
            if on:
                reactivate_person(person_id=person.pk, reason=reason, actor=actor)
                self.message_user(request, f"{person.name} may sign in again.", messages.SUCCESS)
                return
            ended = deactivate_person(person_id=person.pk, reason=reason, actor=actor)
        except DomainError as refusal:
            self.message_user(request, f"{person.name}: {refusal}", messages.ERROR)
            return
        self.message_user(
            request,
            f"{person.name} is deactivated; grants ended: {ended.grants}, API tokens revoked: {ended.tokens}. "
            f"Being cut off in AWS: {ended.revocations}.",
            messages.SUCCESS,
        )


def _with_living(people: QuerySet[Person]) -> QuerySet[Person]:
    living = Q(grants__state__in=stored(LIVING))
    return people.select_related("partner").annotate(living=Count("grants", filter=living))


def _question(people: list[Person], *, on: bool) -> Question:
    rows = [
        (person.name, person.email, str(person.partner or "own company"), str(getattr(person, "living", 0)))
        for person in people
    ]
    many = len(people) > 1
    names = f"{len(people)} people" if many else people[0].name if people else "nobody"
    return Question(
        title=f"Reactivate {names}" if on else f"Deactivate {names}",
        lead="They may sign in again. Grants and tokens that ended stay ended."
        if on
        else "Their sign-ins, API tokens and grants end at once: the grants as suspended, for good. Live sessions are "
        "cut off in AWS, but for roles without a kill switch, whose sessions run out.",
        button="Reactivate" if on else "Deactivate",
        action="reactivate" if on else "deactivate",
        headers=("Person", "E-mail", "Company", "Living grants"),
        rows=rows,
        ids=[str(person.pk) for person in people],
        danger=not on,
    )
