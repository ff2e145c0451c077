"""From a provider's row to its page: how it is, what to hand over to it, what it says of people."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from django.urls import reverse

from brokers.ports import SamlMetadataReader
from brokers.types import CheckStep
from portal.audit.queries import refused_sign_ins
from portal.directory.models import IdentityProvider, ScimToken
from portal.directory.provider_queries import KnownThere
from portal.web.presenters import Badge, badge, moment
from portal.web.presenters.providers import (
    CopyField,
    LastWord,
    ProviderLine,
    ProviderPage,
    ScimPart,
    ScimTokenRow,
    Step,
    Tried,
)
from portal.web.provider_hand_over import hand_over, scim_address
from portal.web.provider_refusals import refusal_row
from portal.web.provider_saml_part import saml_part
from portal.web.provider_state import problems, state
from portal.web.provider_sync_part import sync_part

Kind = IdentityProvider.Kind
SHOWN_REFUSALS = 15
OK = Badge("OK", "live", "check")
FAILED = Badge("Failed", "danger", "alert")
NOT_REACHED = Badge("Not reached", "quiet", "dot")
# All the steps that a walk can take; what comes after the one that fails was not reached.
STEPS = {
    Kind.LDAP: ("Address", "Reachable", "TLS", "Bind", "People", "Groups"),
    Kind.OIDC: ("Address", "Reachable", "TLS", "Discovery", "Keys", "Clock", "Client"),
}


def provider_line(known: KnownThere, *, now: datetime, zone: tzinfo) -> ProviderLine:
    provider = known.provider
    return ProviderLine(
        slug=provider.slug,
        name=provider.name,
        kind=kind_words(provider),
        company=_company(provider),
        people=known.people,
        badge=state(known, now=now),
        last=last_word(known, now=now, zone=zone),
    )


def provider_page(  # noqa: PLR0913  # keyword-only facts of one page
    known: KnownThere,
    *,
    read: SamlMetadataReader,
    may_act: bool,
    now: datetime,
    zone: tzinfo,
    tried: Tried | None = None,
) -> ProviderPage:
    provider = known.provider
    has_settings = provider.kind != Kind.LOCAL and hasattr(provider, provider.kind)
    is_saml, is_directory = (has_settings and provider.kind == kind for kind in (Kind.SAML, Kind.LDAP))
    takes_scim = provider.kind in {Kind.SAML, Kind.OIDC} or bool(known.scim_tokens)
    return ProviderPage(
        slug=provider.slug,
        name=provider.name,
        kind=kind_words(provider),
        company=_company(provider),
        badge=state(known, now=now),
        problems=tuple(problem for _, problem in problems(known, now=now)),
        facts=tuple(_facts(known)),
        mapping=tuple(_mapping(provider)),
        last=last_word(known, now=now, zone=zone),
        hand_over=hand_over(provider),
        refusals=tuple(
            refusal_row(event, now=now, zone=zone)
            for event in refused_sign_ins(provider.slug, limit=SHOWN_REFUSALS)
        ),
        edit=reverse("admin:directory_identityprovider_change", args=[provider.pk]),
        may_act=may_act,
        can_test=may_act and has_settings,
        saml=saml_part(provider.saml, read, now=now, zone=zone) if is_saml else None,
        sync=sync_part(provider, now=now, zone=zone) if is_directory else None,
        scim=_scim(provider, known.scim_tokens, now=now, zone=zone) if takes_scim else None,
        tried=tried,
    )


def tried_out(provider: IdentityProvider, steps: Sequence[CheckStep]) -> Tried:
    """Return the steps as they went, and those that were never reached."""
    rows = [
        Step(step.name[:1].upper() + step.name[1:], OK if step.is_ok else FAILED, step.detail, step.advice)
        for step in steps
    ]
    failed = [step.name for step in steps if not step.is_ok]
    if failed:
        names = STEPS.get(Kind(provider.kind), ())
        done = {step.name.casefold() for step in steps}
        last = max((at for at, name in enumerate(names) if name.casefold() in done), default=-1)
        rows += [Step(name, NOT_REACHED) for name in names[last + 1 :]]
        return Tried(tuple(rows), f"Failed at: {', '.join(failed)}.", is_ok=False)
    return Tried(tuple(rows), "All steps are fine.", is_ok=True)


def last_word(known: KnownThere, *, now: datetime, zone: tzinfo) -> LastWord:
    """Return what the provider last told: a sync, a metadata refresh, or a sign-in, whichever was last."""
    told = [("sign-in", known.last_sign_in_at)]
    if known.last_sync is not None:
        told.append(("sync", known.last_sync.finished_at))
    if (saml := getattr(known.provider, "saml", None)) is not None:
        told.append(("metadata refreshed", saml.refreshed_at))
    told += [("SCIM", token.last_used_at) for token in known.scim_tokens]
    dated = [(at, words) for words, at in told if at is not None]
    if not dated:
        return LastWord("nothing yet")
    at, words = max(dated)
    return LastWord(words, moment(at, now=now, zone=zone))


def kind_words(provider: IdentityProvider) -> str:
    ldap = getattr(provider, "ldap", None)
    if ldap is not None:
        return "Active Directory" if ldap.flavour == ldap.Flavour.ACTIVE_DIRECTORY else "LDAP directory"
    return {Kind.SAML: "SAML 2.0", Kind.OIDC: "OpenID Connect", Kind.LDAP: "LDAP directory"}.get(
        Kind(provider.kind), "Accounts of the portal's own"
    )


def _company(provider: IdentityProvider) -> str:
    return provider.partner.name if provider.partner else "own company"


def _facts(known: KnownThere) -> Iterator[tuple[str, str]]:
    provider = known.provider
    yield "People known here", f"{known.people:,}"
    if known.gone:
        yield "Gone there", f"{known.gone:,}"
    if provider.kind != Kind.LOCAL:
        yield (
            "A first sign-in",
            "makes the person" if provider.admits_people else "needs an identity linked by hand",
        )
    yield "A sign-in counts", _hours(provider.sign_in_hours)
    yield "Its word counts", _hours(provider.max_age_hours)
    if provider.kind != Kind.LOCAL:
        everywhere = "loses everything" if provider.gone_everywhere else "loses what they hold by it"
        yield "Whoever is gone there", everywhere
    if provider.kind == Kind.LDAP:
        yield "A sync asks above", f"{provider.most_gone_percent} % of its people"
        if (ldap := getattr(provider, "ldap", None)) is not None:
            yield "Servers", ", ".join(ldap.urls)
            yield "Read", "every " + f"{ldap.sync_minutes} minutes" if ldap.sync_minutes else "on demand only"
    if (oidc := getattr(provider, "oidc", None)) is not None:
        yield "Issuer", oidc.issuer
        yield "Client", oidc.client_id
        yield "Client secret", "kept, sealed" if oidc.sealed_client_secret else "none"


def _hours(hours: int) -> str:
    days, rest = divmod(hours, 24)
    if days > 1 and not rest:
        return f"{days} days"
    return f"{hours} hour{'' if hours == 1 else 's'}"


def _mapping(provider: IdentityProvider) -> Iterator[tuple[str, str]]:
    """Yield what a person is made of, and by which of its words."""
    if provider.kind == Kind.LOCAL:
        return
    ldap = getattr(provider, "ldap", None)
    if ldap is not None:
        yield "Who", f"{ldap.id_attribute}, which never changes"
        yield "Login", ldap.login_attribute
    else:
        yield "Who", "NameID" if provider.kind == Kind.SAML else "sub"
    yield "Name", provider.name_attribute or "not taken over"
    yield "E-mail", provider.email_attribute or "not taken over"
    groups = (ldap.groups_base or "not read") if ldap is not None else provider.groups_attribute
    yield "Groups", groups or "not taken over"
    if provider.group_names:
        renamed = len(provider.group_names)
        yield "Called otherwise here", f"{renamed} group{'' if renamed == 1 else 's'}"
    if provider.kind != Kind.LDAP:
        yield "Second factor", ", ".join(provider.factor_contexts) or "none of its words count as one"


def _scim(
    provider: IdentityProvider, tokens: Sequence[ScimToken], *, now: datetime, zone: tzinfo
) -> ScimPart:
    return ScimPart(
        address=CopyField("scim-address", "Base address", scim_address(provider)),
        subject=provider.scim_subject,
        tokens=tuple(_token(token, now=now, zone=zone) for token in tokens),
    )


def _token(token: ScimToken, *, now: datetime, zone: tzinfo) -> ScimTokenRow:
    word = "revoked" if token.revoked_at else "active" if now < token.expires_at else "expired"
    return ScimTokenRow(
        id=str(token.pk),
        name=token.name,
        prefix=token.prefix,
        badge=badge(word),
        expires=moment(token.expires_at, now=now, zone=zone),
        last_used=moment(token.last_used_at, now=now, zone=zone) if token.last_used_at else None,
    )
