"""Why sign-ins are refused, in the words of an admin, and what to do. An unknown reason is shown as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from portal.audit.models import AuditEvent
from portal.web.presenters.providers import RefusalRow
from portal.web.presenters.words import moment


@dataclass(frozen=True, slots=True)
class Why:
    words: str
    advice: str = ""


METADATA: Final = "Refresh the provider's metadata: it may use a newer key than the pinned one."
ADDRESSES: Final = (
    "Give the provider the portal's entity ID and assertion consumer address again, to the letter."
)
FORGED: Final = "A provider doesn't send this by itself: look at who came from that address."
AGAIN: Final = "Signing in again helps. Many of these from one address: look at who comes from there."
ALGORITHMS: Final = "Have the provider sign with SHA-256 or better, and encrypt with AES-GCM and RSA-OAEP."
CLOCKS: Final = "Have both machines follow a time server: sign-ins are judged to the minute."
THERE: Final = "It is the provider's own log that says why."
FOR_AWS: Final = "Put the attributes for AWS right at the provider; its own guide for AWS says how."
DIRECTORY: Final = "Put the account right in the directory; the portal asks it anew at the next sign-in."
_FORM: Final = Why("The answer was not in the form that it must have.", FORGED)
WHY: Final[Mapping[str, Why]] = {
    # Whoever signed in proved who they are, and is not let in here.
    "directory.forbidden": Why(
        "The provider vouches for them, but they may not come in here.",
        "The detail says why: deactivated, gone, another company's, or unknown where the provider makes nobody.",
    ),
    "directory.not_found": Why("Nobody here is who the provider says.", "Link the identity, or let it admit people."),
    "directory.somebody_else": Why(
        "Somebody else signed in than the one who was to prove it.",
        "They may share a browser. Otherwise look at who came from that address.",
    ),
    # SAML: form and structure, before anything is believed.
    **dict.fromkeys(
        [
            *("saml.size", "saml.malformed", "saml.doctype", "saml.comment", "saml.processing_instruction"),
            *("saml.depth", "saml.assertion_count", "saml.duplicate_id", "saml.structure", "saml.reference"),
            *("saml.schema", "saml.library"),
        ],
        _FORM,
    ),
    "saml.status": Why("The provider itself signed nobody in.", THERE),
    "saml.unsigned": Why("The answer was not signed.", "Have the provider sign its assertions."),
    "saml.transform": Why("The signature asks for more than it may.", ALGORITHMS),
    "saml.algorithm": Why("The signature is of a kind that is not trusted, such as SHA-1.", ALGORITHMS),
    "saml.encryption_algorithm": Why(
        "The assertion is encrypted in a way that is not allowed.",
        f"{ALGORITHMS} Where it can't, allow AES-CBC in its settings.",
    ),
    "saml.cbc_unsigned": Why(
        "AES-CBC without a signature around it.", "Have the provider sign the response as well as the assertion."
    ),
    "saml.decryption": Why(
        "The assertion could not be opened.",
        "Give the provider the portal's metadata again: it may encrypt to an older certificate.",
    ),
    "saml.signature": Why("The signature is not by a pinned key of this provider.", METADATA),
    "saml.issuer": Why("Another provider answered than the one that was asked.", METADATA),
    "saml.destination": Why("The answer was meant for another address.", ADDRESSES),
    "saml.recipient": Why("The assertion was meant for another address.", ADDRESSES),
    "saml.audience": Why("The assertion was meant for another service.", ADDRESSES),
    "saml.in_response_to": Why("The answer is to another question.", AGAIN),
    "saml.confirmation_in_response_to": Why("The assertion is to another question.", AGAIN),
    "saml.confirmation": Why("The assertion doesn't say who may present it.", THERE),
    "saml.confirmation_time": Why("The assertion came too late.", CLOCKS),
    "saml.conditions_time": Why("The assertion doesn't hold now.", CLOCKS),
    "saml.authn_statement": Why("The assertion doesn't say when they signed in, or long ago.", CLOCKS),
    "saml.lifetime": Why(
        "The assertion would hold for too long.", "Have the provider make shorter ones, or allow up to 70 minutes."
    ),
    "saml.name_id": Why(
        "The NameID can't be used.", "Have the provider send a persistent one: visible ASCII without spaces."
    ),
    "saml.name_id_qualifier": Why("The NameID is somebody else's to give.", THERE),
    "saml.replay": Why("The same assertion came twice.", "Going back in the browser does it. Else: " + FORGED),
    "saml.not_asked": Why(
        "An answer that nobody asked for, or too late.",
        "People who start at the provider's own page need 'takes answers nobody asked for'.",
    ),
    "saml.other_browser": Why("Another browser had asked.", AGAIN),
    "saml.unasked": Why(
        "An answer that nobody asked for, and it takes none.",
        "Have people start at the portal, or allow it in the provider's settings.",
    ),
    "saml.not_fresh": Why(
        "They were asked for a fresh sign-in, and the provider sent an old one.",
        "Have the provider honour ForceAuthn.",
    ),
    "saml.misconfigured": Why("The portal's own SAML settings can't work.", "The detail names the setting."),
    **dict.fromkeys(
        ["saml.issue_instant", "saml.logout_time"], Why("A log-out message came too late.", CLOCKS)
    ),
    "saml.aws_roles": Why("What the assertion says of AWS roles is no pair of a role and its provider.", FOR_AWS),
    "saml.aws_session_name": Why("The assertion names no session that AWS takes (RoleSessionName).", FOR_AWS),
    "saml.aws_session_duration": Why("Its SessionDuration is no number of 900 to 43,200 seconds.", FOR_AWS),
    "saml.aws_source_identity": Why("Its SourceIdentity is none that AWS takes.", FOR_AWS),
    "saml.provider_disabled": Why("The provider is switched off.", "Switch it on in its settings, if it should be."),
    # LDAP: what the directory said, told apart here alone.
    "ldap.empty_password": Why("No password was typed."),
    "ldap.bad_username": Why("What was typed can't be a login."),
    "ldap.unknown": Why("Nobody there has that login.", "Compare the base, the filter and the login attribute."),
    "ldap.ambiguous": Why("Several entries have that login.", "Narrow the base or the filter: one must be left."),
    "ldap.wrong_password": Why("The password was wrong.", "Many of these from one address: somebody is guessing."),
    "ldap.disabled": Why("The account is disabled in the directory.", DIRECTORY),
    "ldap.locked": Why("The account is locked in the directory.", DIRECTORY),
    "ldap.expired": Why("The account has expired in the directory.", DIRECTORY),
    "ldap.password_must_change": Why("They have to change their password first.", DIRECTORY),
    "ldap.password_expired": Why("Their password has expired.", DIRECTORY),
    "ldap.not_now": Why("They may not sign in now, or from here, by the directory's own rules.", DIRECTORY),
    **dict.fromkeys(
        ["ldap.settings", "ldap.limit", "ldap.referral", "ldap.search"],
        Why("The directory could not be asked as the settings say.", "Use 'Test' on this page: it says which."),
    ),
    "ldap.provider_disabled": Why("The provider is switched off.", "Switch it on in its settings, if it should be."),
    "ldap.unreachable": Why("No server of the directory answered.", "Use 'Test' on this page."),
    "ldap.timeout": Why("The directory answered too slowly.", "Use 'Test' on this page."),
    "ldap.tls": Why("The directory's certificate was not trusted.", "Use 'Test' on this page."),
    "ldap.bind": Why("The portal's own account there was refused.", "Type its password anew in the settings."),
    "ldap.busy": Why("The directory had too much to do."),
    "ldap.malformed": Why("The directory's answer made no sense.", "Use 'Test' on this page."),
    # OpenID Connect.
    "oidc.response_issuer": Why("Another provider answered than the one that was asked.", FORGED),
    "oidc.code": Why("The provider didn't take its own code.", AGAIN),
    "oidc.tokens": Why("No ID token came.", "The client needs the scope openid."),
    **dict.fromkeys(["oidc.size", "oidc.malformed", "oidc.type", "oidc.header"], _FORM),
    "oidc.algorithm": Why(
        "The token is signed in a way that is not allowed.", "Have the provider sign with RS256, PS256 or ES256."
    ),
    "oidc.key": Why("The token's key is none of the provider's.", "Use 'Test' on this page: are the keys readable?"),
    "oidc.signature": Why("The token's signature is wrong.", FORGED),
    "oidc.issuer": Why("The token is another issuer's.", "Give the issuer exactly as its discovery document has it."),
    "oidc.audience": Why("The token is for another client.", "Compare the client id with what the provider has."),
    "oidc.authorized_party": Why("The token was made for another client.", "Compare the client id."),
    **dict.fromkeys(
        ["oidc.expiry", "oidc.not_before", "oidc.issued_at", "oidc.auth_time"],
        Why("The token doesn't hold now, or is too old.", CLOCKS),
    ),
    "oidc.nonce": Why("The token answers another question.", AGAIN),
    "oidc.access_token_hash": Why("The tokens don't belong together.", FORGED),
    "oidc.subject": Why("The token names nobody.", THERE),
    "oidc.claims": Why("The token says what it must not.", THERE),
    "oidc.userinfo_subject": Why("Userinfo tells of somebody else.", FORGED),
    **dict.fromkeys(
        ["oidc.events", "oidc.token_id", "oidc.session"],
        Why("A log-out message was not in the form that it must have.", THERE),
    ),
    "oidc.client": Why("The kept client secret can't be opened.", "Type it anew in the settings."),
    "oidc.replay": Why("The same token came twice.", FORGED),
    "oidc.not_asked": Why("An answer that nobody asked for, or too late.", AGAIN),
    "oidc.other_browser": Why("Another browser had asked.", AGAIN),
    "oidc.refused": Why("The provider itself signed nobody in.", THERE),
    "oidc.provider_disabled": Why("The provider is switched off.", "Switch it on in its settings, if it should be."),
    "oidc.unreachable": Why("The provider didn't answer.", "Use 'Test' on this page."),
    "oidc.timeout": Why("The provider answered too slowly.", "Use 'Test' on this page."),
    "oidc.tls": Why("The provider's certificate was not trusted.", "Use 'Test' on this page."),
    "oidc.discovery": Why("Its discovery document can't be used.", "Use 'Test' on this page."),
    # Accounts of the portal's own.
    "local.unknown": Why("There is no such account.", "Many of these from one address: somebody is guessing."),
    "local.wrong_password": Why("The password was wrong.", "Many of these from one address: somebody is guessing."),
    "local.deactivated": Why("The account's person is deactivated.", "An admin can reactivate them."),
}  # fmt: skip


def refusal_row(event: AuditEvent, *, now: datetime, zone: tzinfo) -> RefusalRow:
    reason = str(event.details.get("reason", ""))
    why = WHY.get(reason, Why(reason or "Refused"))
    return RefusalRow(
        moment=moment(event.at, now=now, zone=zone),
        words=why.words,
        advice=why.advice,
        reason=reason,
        detail=str(event.details.get("detail", "")),
        ip=event.ip or "",
    )
