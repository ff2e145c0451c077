"""Where AWS takes assertions, and for whom they must be meant, in each partition.

Source: IAM User Guide, "Configure SAML assertions for the authentication response", SubjectConfirmationData and
AudienceRestriction; AWS General Reference, "AWS Sign-In endpoints".
"""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class AwsPlace:
    """One partition: `audience` as assertions name it, `recipient` as a pattern of all its addresses."""

    partition: str
    audience: str
    recipient: re.Pattern[str]


_REGION = r"(?:{}-[a-z]+-[0-9]{{1,2}}\.)?"
# AWS also has an address of its own for each provider that encrypts: /saml/acs/…
_PATH = r"/saml(?:/acs/[A-Za-z0-9]{1,64})?"
PLACES: Final = (
    AwsPlace(
        "aws",
        "urn:amazon:webservices",
        re.compile(rf"https://{_REGION.format('(?!cn-|us-gov-)[a-z]{2}')}signin\.aws\.amazon\.com{_PATH}"),
    ),
    AwsPlace(
        "aws-cn",
        "urn:amazon:webservices:cn-north-1",
        re.compile(rf"https://{_REGION.format('cn')}signin\.amazonaws\.cn{_PATH}"),
    ),
    AwsPlace(
        "aws-us-gov",
        "urn:amazon:webservices:govcloud",
        re.compile(rf"https://{_REGION.format('us-gov')}signin\.amazonaws-us-gov\.com{_PATH}"),
    ),
)


def place_of(recipient: str) -> AwsPlace | None:
    """Return the partition whose sign-in takes assertions at exactly that address; None: it is nobody's of AWS."""
    return next((place for place in PLACES if place.recipient.fullmatch(recipient)), None)
