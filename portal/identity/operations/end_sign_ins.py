"""End browsers' sessions from the outside: the provider says so, or whoever vouched for them does no longer."""

from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.db.models import QuerySet

from portal.audit.events import EventType
from portal.audit.operations import Entry, record_all
from portal.directory.models import SignIn
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now


def end_sign_ins(sign_ins: QuerySet[SignIn], *, why: str, actor: Actor) -> int:
    """End these sign-ins at once; what was opened in AWS is not the session's, and stays. Returns how many ended."""
    with transaction.atomic():
        # In one order: of two who end some of the same, neither waits for the other for ever.
        locked = sign_ins.select_for_update(of=("self",)).order_by("pk")
        ended = list(locked.select_related("identity__provider"))
        SessionStore.get_model_class().objects.filter(
            session_key__in=[sign_in.session_key for sign_in in ended]
        ).delete()
        SignIn.objects.filter(pk__in=[sign_in.pk for sign_in in ended]).delete()
        now = database_now()
        record_all(
            Entry(
                type=EventType.SIGN_IN_ENDED_BY_PROVIDER,
                at=now,
                actor=actor,
                person_id=sign_in.person_id,
                details={"provider": sign_in.identity.provider.slug, "why": why, "sign_in": str(sign_in.pk)},
            )
            for sign_in in ended
        )
    return len(ended)
