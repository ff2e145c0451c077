"""A sync's people: those whom the portal knows are confirmed as they are read; the others are passed over."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction

from brokers.types import AccountState, LdapPerson
from portal.audit.events import EventType
from portal.audit.operations import Entry, record_all
from portal.directory.models import ExternalIdentity, Person
from portal.identity.directory_reading import DirectoryReading
from portal.identity.operations.admit_person import first_line
from portal.identity.operations.ask_anew import SUBJECT_FORMAT, why_gone
from portal.identity.operations.sync_runs import Running
from portal.kernel.clock import database_now


class KnownPeople:
    """`back`: identities of people who were gone, and are there again. `gone`: those whose account is over."""

    def __init__(self, running: Running, reading: DirectoryReading) -> None:
        self.running, self.reading = running, reading
        self.provider = running.run.provider
        self.back: list[UUID] = []
        self.gone: list[UUID] = []
        self._unconfirmed: set[UUID] = set()

    def keep(self, batch: Sequence[LdapPerson]) -> None:
        """Write what a batch of entries says of those whom the portal knows."""
        entries = {entry.stable_id: entry for entry in batch}
        identities = list(
            ExternalIdentity.objects.select_related("person")
            .only("subject", "login", "gone_at", "person__name", "person__email")
            .filter(provider=self.provider, subject_format=SUBJECT_FORMAT, subject__in=list(entries))
        )
        there = [identity for identity in identities if self._is_there(identity, entries)]
        self._confirm(there, entries)
        self._rename(there, entries)

    def not_there(self) -> list[UUID]:
        """Once all were read: return whose account is over, and who wasn't seen at all."""
        ours = ExternalIdentity.objects.filter(
            provider=self.provider, subject_format=SUBJECT_FORMAT, gone_at=None
        )
        unseen = ours.exclude(confirmed_at__gte=self.running.started_at).values_list("pk", flat=True)
        seen = self._unconfirmed.union(self.gone)
        return self.gone + [identity for identity in unseen.iterator() if identity not in seen]

    def _is_there(self, identity: ExternalIdentity, entries: Mapping[str, LdapPerson]) -> bool:
        entry = entries[identity.subject]
        if why_gone(entry.state) is not None:
            if identity.gone_at is None:
                self.gone.append(identity.pk)
            return False
        if identity.gone_at is not None:
            self.back.append(identity.pk)
        elif entry.state == AccountState.LOCKED:
            # There, and refused when something is issued: that check must not count this as its answer.
            self._unconfirmed.add(identity.pk)
        self.reading.add_person(identity.person_id, entry.dn)
        return True

    def _confirm(self, there: Sequence[ExternalIdentity], entries: Mapping[str, LdapPerson]) -> None:
        confirmed = [one.pk for one in there if one.pk not in self._unconfirmed and one.gone_at is None]
        ExternalIdentity.objects.filter(pk__in=confirmed, gone_at=None).update(confirmed_at=database_now())
        for identity in there:
            login = entries[identity.subject].login[:256]
            if login and login != identity.login:
                ExternalIdentity.objects.filter(pk=identity.pk).update(login=login)

    def _rename(self, there: Sequence[ExternalIdentity], entries: Mapping[str, LdapPerson]) -> None:
        """Have names and addresses be what the directory says, with a row in the trail for each change."""
        changes: dict[UUID, dict[str, str]] = {}
        for identity in there:
            told = self._told(entries[identity.subject], identity.person)
            if told:
                changes[identity.person_id] = told
        if not changes:
            return
        with transaction.atomic():
            locked = Person.objects.select_for_update(no_key=True).filter(pk__in=changes).order_by("pk")
            people = list(locked)
            for person in people:
                for name, value in changes[person.pk].items():
                    setattr(person, name, value)
            Person.objects.bulk_update(people, ["name", "email"])
            now = database_now()
            record_all(
                Entry(
                    type=EventType.PERSON_CHANGED,
                    at=now,
                    actor=self.running.actor,
                    person_id=person.pk,
                    details={"provider": self.provider.slug, "fields": sorted(changes[person.pk])},
                )
                for person in people
            )
        self.running.add(changed=len(people))
        for person in people:
            self.running.note("changed", person.name, fields=", ".join(sorted(changes[person.pk])))

    def _told(self, entry: LdapPerson, person: Person) -> dict[str, str]:
        told = {
            "name": first_line(entry.attributes, self.provider.name_attribute),
            "email": first_line(entry.attributes, self.provider.email_attribute),
        }
        return {name: value for name, value in told.items() if value and value != getattr(person, name)}
