"""The demo's story: a company, its partner, their people, and who may have what at this moment.

Told once; a second start adds only what is missing. Grants come through the same operation as everybody's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from portal.access.models import Grant
from portal.access.operations.grants.extend_grant import extend_grant
from portal.access.operations.grants.make_grant import GrantOrder, WindowOrder, make_grant
from portal.catalog.models import AwsAccount, AwsRole, Entitlement, ScopeTemplate
from portal.demo.identity_provider.people import NORTHLIGHT, PEOPLE, PERSISTENT
from portal.demo.identity_provider.people import Person as Guest
from portal.demo.story_calls import TRIES, tell_of_calls
from portal.demo.story_partners import READ_ONE_BUCKET, tell_of_partners
from portal.directory.models import ExternalIdentity, Group, IdentityProvider, Partner, Person
from portal.identity.operations.appoint_admin import appoint_admin
from portal.identity.operations.keep_provider import keep_saml_provider
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.wiring import aws_ports, saml_ports

TELLER = Actor.command("make demo")
ADMIN = "ada"
HANDBOOK = "The handbook, read only"
WITHOUT_KILL_SWITCH = "TideArchive"


@dataclass(frozen=True, slots=True)
class Line:
    """One grant of the story, relative to the moment of the telling. `longer`: by how much it was extended since."""

    who: str
    role: str
    lasts: timedelta
    reason: str
    starts_in: timedelta | None = None
    scope: str | None = None
    values: Mapping[str, str] | None = None
    ticket: str = ""
    window: WindowOrder | None = None
    longer: timedelta | None = None


OFFICE_HOURS = WindowOrder(range(1, 6), time(8), time(18), "Europe/Berlin")
LINES = (
    Line("ben", "ProductionOperator", timedelta(hours=8), "On call this week", ticket="OPS-2291"),
    Line("ben", "ProductionReadOnly", timedelta(days=30), "Looking after the shop"),
    Line(
        "chidi", "DataAnalyst", timedelta(hours=6), "Tide model, autumn run",
        ticket="DATA-118", longer=timedelta(hours=3),
    ),
    Line("chidi", WITHOUT_KILL_SWITCH, timedelta(hours=5), "Comparing with the tides of the nineties"),
    Line("chidi", "Handbook", timedelta(days=2), "Reading up on the hand-over", scope=HANDBOOK),
    Line(
        "dora", "DataAnalyst", timedelta(days=28), "Figures of the harbour for the year's end",
        ticket="FIN-81", window=OFFICE_HOURS,
    ),
    Line(
        "dora", "ProductionReadOnly", timedelta(hours=9), "Month-end check of the shop's logs",
        starts_in=timedelta(days=1), ticket="FIN-77",
    ),
    Line(
        "noor", "PartnerDropbox", timedelta(days=14), "Joint project: berth forecast, two weeks",
        scope=READ_ONE_BUCKET, values={"bucket": "harbor-partner-dropbox"}, ticket="PRT-12",
    ),
    Line(
        "piet", "PartnerDropbox", timedelta(minutes=6), "One look at the sample files",
        scope=READ_ONE_BUCKET, values={"bucket": "harbor-partner-dropbox"}, ticket="PRT-13",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Right:
    """What the members of a group, as the identity provider names it, may take for themselves."""

    group: str
    role: str
    longest: timedelta
    scope: str | None = None


RIGHTS = (
    Right("staff", "Handbook", timedelta(days=1), HANDBOOK),
    Right("operators", "ProductionOperator", timedelta(hours=4)),
    Right("analysts", "ProductionReadOnly", timedelta(hours=2)),
)


def tell(*, estate: Mapping[str, Any], idp_metadata: str) -> None:
    """Make what is missing of the story."""
    provider = keep_saml_provider(
        slug="meadow-harbor",
        name="Meadow & Harbor (simulated)",
        metadata=idp_metadata,
        read=saml_ports().read_metadata,
        actor=TELLER,
    )
    people = _people(provider)
    _accounts(estate)
    roles = _roles(estate)
    _scopes(roles)
    _rights(provider, roles)
    roles |= tell_of_calls(estate=estate, saml=provider, people=people)
    _grants(people, roles, database_now())
    tell_of_partners(estate=estate, giver=_giver(people), teller=TELLER)


def _people(provider: IdentityProvider) -> dict[str, Person]:
    appoint_admin(
        provider_slug=provider.slug,
        subject=next(guest.name_id for guest in PEOPLE if guest.key == ADMIN),
        subject_format=PERSISTENT,
        name="Ada Okafor",
        actor=TELLER,
    )
    people = {guest.key: _person(provider, guest, None) for guest in PEOPLE if guest.company != NORTHLIGHT}
    partner = _partner(people["chidi"], people["dora"])
    people |= {
        guest.key: _person(provider, guest, partner) for guest in PEOPLE if guest.company == NORTHLIGHT
    }
    return people


def _person(provider: IdentityProvider, guest: Guest, partner: Partner | None) -> Person:
    known = ExternalIdentity.objects.filter(
        provider=provider, subject=guest.name_id, subject_format=PERSISTENT
    )
    identity = known.select_related("person").first()
    person = identity.person if identity else Person.objects.admit(name=guest.display_name, partner=partner)
    if identity is None:
        ExternalIdentity.objects.create(
            provider=provider, person=person, subject=guest.name_id, subject_format=PERSISTENT
        )
    if not person.email:
        Person.objects.filter(pk=person.pk).update(email=guest.email, name=guest.display_name)
    return person


def _partner(sponsor: Person, deputy: Person) -> Partner:
    now = database_now()
    partner, _ = Partner.objects.get_or_create(
        name=NORTHLIGHT,
        defaults={
            "sponsor": sponsor,
            "deputy": deputy,
            "contract_starts_at": now - timedelta(days=30),
            "contract_ends_at": now + timedelta(days=60),
            "contact": "office@northlight.example",
            "notes": "Berth forecast: a joint project with Harbor Data.",
        },
    )
    return partner


def _accounts(estate: Mapping[str, Any]) -> None:
    for account in estate["accounts"]:
        AwsAccount.objects.get_or_create(
            account_id=account["account_id"],
            defaults={
                "name": account["name"],
                "partition": estate["partition"],
                "revoker_role_arn": account["revoker_role_arn"] or "",
                "provisioner_role_arn": account["provisioner_role_arn"] or "",
            },
        )


def _roles(estate: Mapping[str, Any]) -> dict[str, AwsRole]:
    roles = {}
    for described in estate["roles"]:
        if described["purpose"] != "access":
            continue
        role, _ = AwsRole.objects.get_or_create(
            account=AwsAccount.objects.get(account_id=described["account_id"]),
            name=described["name"],
            defaults={
                "title": _spaced(described["name"]),
                "description": described["description"],
                "path": described["path"],
                "unique_id": described["role_id"],
                "max_session_seconds": described["max_session_seconds"],
                "requires_scope": described["name"] == "PartnerDropbox",
                "is_writable": described["name"] != WITHOUT_KILL_SWITCH,
            },
        )
        roles[described["name"]] = role
    hub = estate["hub"]
    roles["Handbook"], _ = AwsRole.objects.get_or_create(
        account=AwsAccount.objects.get(account_id=hub["account_id"]),
        title="Handbook reader",
        defaults={
            "name": hub["user_name"],
            "method": AwsRole.Method.FEDERATION_TOKEN,
            "description": "Read the company's handbook",
            "max_session_seconds": 36 * 3600,
            "requires_scope": True,
            "sets_source_identity": False,
        },
    )
    return roles


def _spaced(name: str) -> str:
    """Return `ProductionReadOnly` as 'Production read only'."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return words[0].upper() + words[1:]


def _scopes(roles: Mapping[str, AwsRole]) -> None:
    one_bucket, _ = ScopeTemplate.objects.get_or_create(
        name=READ_ONE_BUCKET,
        defaults={
            "summary": "Read the bucket {{bucket}}",
            "parameters": {"bucket": "bucket_name"},
            "policy": _reading("{{bucket}}"),
        },
    )
    one_bucket.roles.add(*(role for name, role in roles.items() if name != "Handbook"))
    handbook, _ = ScopeTemplate.objects.get_or_create(
        name=HANDBOOK,
        defaults={"summary": "Read the handbook", "policy": _reading("meadow-harbor-handbook")},
    )
    handbook.roles.add(roles["Handbook"])


def _reading(bucket: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket", "s3:GetBucketLocation"],
                "Resource": f"arn:aws:s3:::{bucket}",
            },
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
        ],
    }


def _rights(provider: IdentityProvider, roles: Mapping[str, AwsRole]) -> None:
    for right in RIGHTS:
        group, _ = Group.objects.get_or_create(provider=provider, name=right.group)
        Entitlement.objects.get_or_create(
            group=group,
            role=roles[right.role],
            defaults={
                "longest_minutes": right.longest // timedelta(minutes=1),
                "scope_template": ScopeTemplate.objects.get(name=right.scope) if right.scope else None,
            },
        )


def _giver(people: Mapping[str, Person]) -> Actor:
    return Actor(kind=ActorKind.PERSON, label=people[ADMIN].name, person_id=people[ADMIN].pk)


def _grants(people: Mapping[str, Person], roles: Mapping[str, AwsRole], now: datetime) -> None:
    # On another day everything short is over: then the story is told anew. Within a day, what ended stays ended.
    giver = _giver(people)
    is_new = not Grant.objects.filter(made_at__gt=now - timedelta(hours=12)).exists()
    for line in (*LINES, *(Line(each.who, each.title, each.lasts, each.reason) for each in TRIES)):
        person, role = people[line.who], roles[line.role]
        if not is_new or Grant.objects.filter(person=person, role=role, ended_at=None).exists():
            continue
        starts_at = None if line.starts_in is None else now + line.starts_in
        order = GrantOrder(
            person_id=person.pk,
            role_id=role.pk,
            starts_at=starts_at,
            ends_at=(starts_at or now) + line.lasts,
            reason=line.reason,
            ticket=line.ticket,
            scope_template_id=ScopeTemplate.objects.get(name=line.scope).pk if line.scope else None,
            scope_parameters=line.values or {},
            window=line.window,
            accepts_no_kill_switch=not role.has_kill_switch,
        )
        made = make_grant(order=order, aws=aws_ports(), actor=giver)
        if line.longer is not None:
            longer, why = made.ends_at + line.longer, "The run takes longer than planned"
            extend_grant(grant_id=made.pk, ends_at=longer, reason=why, aws=aws_ports(), actor=giver)
