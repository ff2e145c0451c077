"""What a person is called at a provider, as sign-in will ask for it: checked before it is kept."""

from uuid import UUID

from portal.directory.models import ExternalIdentity, IdentityProvider
from portal.identity.operations.ask_anew import SUBJECT_FORMAT as LDAP_FORMAT
from portal.kernel.errors import InvalidError

Kind = IdentityProvider.Kind
LAST_ASCII = 126
# saml-core-2.0-os, 8.3.1
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
# saml-core-2.0-os, 8.3: what providers are seen to send.
NAME_ID_FORMATS = {
    UNSPECIFIED: "unspecified, or none",
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress": "an e-mail address",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent": "persistent",
}
LONGEST = 256
# OpenID Connect Core 1.0, section 2.
LONGEST_SUB = 255
GUIDS = {"entryuuid", "objectguid"}


def checked_subject(provider: IdentityProvider, subject: str, subject_format: str = "") -> tuple[str, str]:
    """Return subject and format as a sign-in at the provider will have them.

    Raises:
        InvalidError: the provider's kind can't have it: what it says is fit for the form, and names its field.
    """
    subject = subject.strip()
    if not 1 <= len(subject) <= LONGEST or any(not "!" <= letter <= chr(LAST_ASCII) for letter in subject):
        raise InvalidError(
            f"1 to {LONGEST} visible ASCII characters without spaces: that is what sign-in accepts.",
            field="subject",
        )
    if provider.kind == Kind.LOCAL:
        raise InvalidError("Accounts of the portal's own are made by their command.", field="provider")
    if provider.kind == Kind.SAML:
        # What sign-ins without a format are taken for: left blank, none would ever match it.
        return subject, subject_format or UNSPECIFIED
    if subject_format:
        raise InvalidError("Only SAML has NameID formats: leave it empty.", field="subject_format")
    if provider.kind == Kind.LDAP:
        return _entry_id(provider, subject), LDAP_FORMAT
    if len(subject) > LONGEST_SUB:
        raise InvalidError(f"A sub has at most {LONGEST_SUB} characters.", field="subject")
    return subject, ""


def usual_format(provider: IdentityProvider) -> str:
    """Return the NameID format that people of a SAML provider have here; where none or several are, `unspecified`."""
    if provider.scim_subject_format:
        return provider.scim_subject_format
    known = ExternalIdentity.objects.filter(provider=provider, last_seen_at__isnull=False)
    formats = list(known.order_by().values_list("subject_format", flat=True).distinct()[:2])
    return formats[0] if len(formats) == 1 else UNSPECIFIED


def _entry_id(provider: IdentityProvider, subject: str) -> str:
    settings = getattr(provider, "ldap", None)
    if settings is None or settings.id_attribute.lower() not in GUIDS:
        return subject
    try:
        return str(UUID(subject))
    except ValueError:
        raise InvalidError(
            f"Write the entry's {settings.id_attribute}: 9d2f1c1e-0b6a-4f0e-8d1c-2f6b3a7e5c40.",
            field="subject",
        ) from None
