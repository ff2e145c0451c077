"""A second factor given at the provider: from the click to the console, with what was meant on the way back."""

import base64
import re
import zlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

from django.test import Client
from django.urls import reverse

from portal.access.models import AwsSession
from portal.directory.models import IdentityProvider, Person
from tests.fakes import SIGN_IN_URL, FakeAws
from tests.integration.web.saml_visits import Asked, ask, come_back, forge
from tests.saml_forge import set_attribute, set_text
from tests.saml_forge.idp import stamp
from tests.world import make_grant, make_role

MFA = "https://refeds.org/profile/mfa"
S3 = "https://console.aws.amazon.com/s3/home"


def send(browser: Client, page: bytes, provider: IdentityProvider) -> Asked:
    """Send the form that the page shows for the provider, as it stands there."""
    address = reverse("web:saml-begin", args=[provider.slug])
    form = page.decode().partition(f'action="{address}"')[2].partition("</form>")[0]
    told = dict(re.findall(r'name="(purpose|next)" value="([^"]+)"', form))
    begun = browser.post(address, told)
    query = parse_qs(urlsplit(begun.headers["Location"]).query)
    request = ET.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -zlib.MAX_WBITS))
    acs = request.attrib["AssertionConsumerServiceURL"]
    return Asked(provider, request.attrib["ID"], query["RelayState"][0], acs)


def with_factor(asked: Asked) -> str:
    def alter(root: Any) -> None:
        set_text("//saml:AuthnContextClassRef", MFA)(root)
        set_attribute("//saml:AuthnStatement", "AuthnInstant", stamp(datetime.now(UTC)))(root)

    return forge(asked, alter=alter).response()


def test_the_way_there_and_back_and_on(provider: IdentityProvider, aws: FakeAws) -> None:
    provider.factor_contexts, provider.step_up_context = [MFA], MFA
    provider.save()
    browser = Client()
    asked = ask(browser, provider)
    come_back(browser, asked, forge(asked).response())
    grant = make_grant(Person.objects.get(), make_role(factor_minutes=5))
    led = browser.post(reverse("web:open-console", args=[grant.pk]), {"destination": S3})
    page = browser.get(led.headers["Location"])
    assert b"Confirm at Provider own" in page.content

    asked = send(browser, page.content, provider)
    back = come_back(browser, asked, with_factor(asked))
    assert (back.status_code, back.headers["Location"]) == (303, led.headers["Location"])
    page = browser.get(back.headers["Location"])
    assert b"One click goes on" in page.content
    assert AwsSession.objects.count() == 0, "a GET opens nothing"
    intent = led.headers["Location"].partition("=")[2]
    assert browser.post("/step-up/", {"for": intent, "way": "go-on"}).headers["Location"] == SIGN_IN_URL
    assert aws.asked("sign_in_url")[0]["destination"] == S3
