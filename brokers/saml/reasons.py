"""Why a SAML response or metadata is refused: the whole list, stable for logs and tests."""

from enum import StrEnum


class Reason(StrEnum):
    """The reason that `brokers.errors.SamlRejected` carries; its code reads `saml.<reason>`."""

    # Before any signature check or decryption: size and form (brokers.saml.parsing).
    SIZE = "size"  # more base64 than MAX_BASE64
    MALFORMED = "malformed"  # not base64, not UTF-8, not well-formed XML
    DOCTYPE = "doctype"  # a document type declaration, so possibly entities
    COMMENT = "comment"  # comments cut a value in two for some readers and not for others
    PROCESSING_INSTRUCTION = "processing_instruction"

    # Before any signature check or decryption: structure and algorithms (brokers.saml.shape).
    DEPTH = "depth"  # nested deeper than MAX_DEPTH
    STATUS = "status"  # the identity provider itself says that it signed nobody in
    ASSERTION_COUNT = "assertion_count"  # not exactly one Assertion or EncryptedAssertion
    DUPLICATE_ID = "duplicate_id"
    STRUCTURE = "structure"  # an element or attribute that isn't on the list, or not in its place
    UNSIGNED = "unsigned"  # neither the assertion nor the response around it carries a signature
    REFERENCE = "reference"  # a signature that isn't over exactly the element it stands in
    TRANSFORM = "transform"  # anything but enveloped-signature and exclusive c14n
    ALGORITHM = "algorithm"  # signature or digest algorithm not on the list, such as SHA-1
    ENCRYPTION_ALGORITHM = "encryption_algorithm"  # not AES-GCM (AES-CBC where allowed) under RSA-OAEP
    CBC_UNSIGNED = "cbc_unsigned"  # AES-CBC without a signature around the ciphertext

    # Cryptography (brokers.saml.decryption, brokers.saml.toolkit).
    DECRYPTION = "decryption"  # one reason for every failure, so that none tells an attacker more
    SIGNATURE = "signature"  # not made by a pinned key of this identity provider over these very bytes
    SCHEMA = "schema"  # not valid by saml-schema-protocol-2.0.xsd
    LIBRARY = "library"  # refused by python3-saml for a reason that has no name here

    # After: what the verified words say (brokers.saml.checks).
    ISSUER = "issuer"
    DESTINATION = "destination"
    IN_RESPONSE_TO = "in_response_to"
    CONFIRMATION = "confirmation"  # the one bearer SubjectConfirmation isn't there or isn't valid
    RECIPIENT = "recipient"
    CONFIRMATION_IN_RESPONSE_TO = "confirmation_in_response_to"
    CONFIRMATION_TIME = "confirmation_time"
    CONDITIONS_TIME = "conditions_time"
    LIFETIME = "lifetime"  # conditions that hold for longer than the identity provider's maximum
    AUDIENCE = "audience"
    AUTHN_STATEMENT = "authn_statement"
    NAME_ID = "name_id"
    ISSUE_INSTANT = "issue_instant"  # a log-out message that is older than minutes, or from the future
    LOGOUT_TIME = "logout_time"  # a log-out request whose NotOnOrAfter has passed
    NAME_ID_QUALIFIER = "name_id_qualifier"  # names somebody of another identity provider or service

    # What an assertion that is meant for AWS says to it (brokers.saml.aws_words).
    AWS_ROLES = "aws_roles"  # no role, or what is no pair of a role and its provider in that partition
    AWS_SESSION_NAME = "aws_session_name"  # not exactly one RoleSessionName that AWS takes
    AWS_SESSION_DURATION = "aws_session_duration"  # several, or no number of 900 to 43,200 seconds
    AWS_SOURCE_IDENTITY = "aws_source_identity"  # several, or not as AWS takes it


class MetadataReason(StrEnum):
    """The reason that `brokers.errors.SamlMetadataRejected` carries; its code: `saml.metadata.<reason>`."""

    SIZE = "size"
    MALFORMED = "malformed"
    DOCTYPE = "doctype"
    ROOT = "root"  # neither EntityDescriptor nor EntitiesDescriptor
    ENTITY = "entity"  # the entity asked for isn't there, or several are and none was named
    EXPIRED = "expired"  # validUntil has passed
    ROLE = "role"  # no IDPSSODescriptor for SAML 2.0
    SSO_URL = "sso_url"  # no HTTP-Redirect endpoint, or one that isn't https
    CERTIFICATE = "certificate"  # none to sign with that is readable and unexpired
    SIGNATURE = (
        "signature"  # not signed as a whole by the pinned signer, or asking for more than the list allows
    )
    WEAK_KEY = "weak_key"  # RSA below 2048 bits, an unknown curve, another kind of key
