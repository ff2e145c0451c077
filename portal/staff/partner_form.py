"""A partner's record as a form: the contract that everything has to fit into, who answers for it, how many people."""

from typing import Any

from django.db.models import QuerySet

from portal.access.lifecycle import LIVING, stored
from portal.access.models import Grant
from portal.access.operations.partners.sponsor_questions import can_answer
from portal.directory.models import Partner
from portal.directory.people_quota import active_people
from portal.staff.base import CheckedForm


class PartnerForm(CheckedForm[Partner]):
    def clean_slug(self) -> str:
        """Make it from the name where none was typed; whoever empties it gets the one that it had."""
        typed = str(self.cleaned_data["slug"])
        if typed or self.instance.slug:
            return typed or self.instance.slug
        return Partner(name=self.cleaned_data.get("name", "")).free_slug()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.instance._state.adding:  # noqa: SLF001  # Django's documented name for it
            # The admin's page is one transaction: no grant and no person comes in between.
            list(Partner.objects.select_for_update(no_key=True).filter(pk=self.instance.pk).values_list("pk"))
            self._check_contract()
            self._check_quota()
        for field, word in (("sponsor", "A sponsor"), ("deputy", "A deputy")):
            person = self.cleaned_data.get(field)
            if person and field in self.changed_data and not can_answer(person):
                self.add_error(field, f"{word} is one of the own company's people, and active.")
        return cleaned

    def _check_contract(self) -> None:
        """Refuse a contract that its living grants would outlive, or begin before: its people's and its accounts'."""
        for field, lookup, words in (
            (
                "contract_starts_at",
                "starts_at__lt",
                "begin before this: revoke them first, then move the start.",
            ),
            (
                "contract_ends_at",
                "ends_at__gt",
                "end after this: revoke them first, then shorten the contract.",
            ),
        ):
            moment = self.cleaned_data.get(field)
            if moment is None or field not in self.changed_data:
                continue
            outside = Grant.objects.filter(state__in=stored(LIVING), ended_at=None, **{lookup: moment})
            if counted := self._count(outside):
                self.add_error(field, f"{counted} {words}")

    def _count(self, grants: QuerySet[Grant]) -> str:
        counts = (
            (grants.filter(person__partner=self.instance).count(), "of its people's grants"),
            (
                grants.filter(partner_account__partner=self.instance).count(),
                "of the grants to its AWS accounts",
            ),
        )
        return " and ".join(f"{number} {what}" for number, what in counts if number)

    def _check_quota(self) -> None:
        quota = self.cleaned_data.get("people_quota")
        if quota is None or "people_quota" not in self.changed_data:
            return
        active = active_people(self.instance.pk)
        if quota < active:
            self.add_error(
                "people_quota",
                f"It has {active} active people: deactivate some first, then lower the number.",
            )
