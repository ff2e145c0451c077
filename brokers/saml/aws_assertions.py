"""Assertions that are meant for AWS: verified as those for the portal are, but for whom they are meant."""

from datetime import datetime
from typing import Final

from brokers.errors import SamlRejected
from brokers.saml import aws_places, aws_words, checks, parsing, shape, toolkit
from brokers.saml.aws_places import AwsPlace
from brokers.saml.config import ServiceProviderConfig
from brokers.saml.names import Element
from brokers.saml.reading import Answer, part
from brokers.saml.reasons import Reason
from brokers.types import SamlForAws, SamlIdentityProvider

# AWS STS API Reference, AssumeRoleWithSAML: SAMLAssertion.
MAX_FOR_AWS: Final = 100_000


class AwsAssertions:
    """Reads what an identity provider posts to AWS's sign-in (`brokers.ports.AwsAssertionReader`).

    The service provider is AWS: its audience, and one of its addresses as Recipient and Destination. Nobody asked for
    it, so that it must carry no InResponseTo (saml-profiles-2.0-os, 4.1.5). Holds no state; may be shared by threads.
    """

    def __call__(self, idp: SamlIdentityProvider, response: str, *, at: datetime) -> SamlForAws:
        """Verify the base64 `SAMLResponse` in the one order of `ServiceProvider.verify`.

        Raises:
            SamlRejected: with one of `brokers.saml.reasons.Reason`.
        """
        if len(response) > MAX_FOR_AWS:
            raise SamlRejected(Reason.SIZE, f"{len(response)} characters; AWS takes {MAX_FOR_AWS}")
        document = parsing.read_response(response)
        shape.check(document, idp)
        if shape.encrypted_data(document) is not None:
            raise SamlRejected(Reason.DECRYPTION, "encrypted to AWS, whose key nobody else has")
        config, place = _meant_for(document)
        verified = toolkit.verify(config, idp, document, opened=None, request_id=None)
        identity = checks.check(Answer(verified, config, idp, None, at))
        return aws_words.read(identity, place)

    def claimed_issuer(self, response: str) -> str:
        """Return whose the response says that it is, before anything of it was verified.

        Raises:
            SamlRejected: as `parsing.read_response`.
        """
        return part(parsing.read_response(response), "Issuer").text or ""


def _meant_for(document: Element) -> tuple[ServiceProviderConfig, AwsPlace]:
    """Return the AWS that the Recipient names: a claim, by which the verified words are measured afterwards."""
    path = ("Assertion", "Subject", "SubjectConfirmation", "SubjectConfirmationData")
    recipient = part(document, *path).get("Recipient", "")
    place = aws_places.place_of(recipient)
    if place is None:
        raise SamlRejected(Reason.RECIPIENT, f"{recipient[:200]!r} is no address of AWS's sign-in")
    return ServiceProviderConfig(entity_id=place.audience, acs_url=recipient), place
