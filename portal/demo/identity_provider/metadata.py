"""The identity provider's metadata document (saml-metadata-2.0-os, 2.4.3)."""

from lxml import etree

from portal.demo.identity_provider.keys import SigningKey
from portal.demo.identity_provider.people import PERSISTENT
from portal.demo.identity_provider.request import PROTOCOL
from portal.demo.identity_provider.response import DSIG

MD = "urn:oasis:names:tc:SAML:2.0:metadata"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


def metadata(entity_id: str, sso_url: str, key: SigningKey) -> bytes:
    root = etree.Element(f"{{{MD}}}EntityDescriptor", {"entityID": entity_id}, nsmap={"md": MD, "ds": DSIG})
    role = etree.SubElement(
        root,
        f"{{{MD}}}IDPSSODescriptor",
        {"protocolSupportEnumeration": PROTOCOL, "WantAuthnRequestsSigned": "false"},
    )
    descriptor = etree.SubElement(role, f"{{{MD}}}KeyDescriptor", {"use": "signing"})
    data = etree.SubElement(etree.SubElement(descriptor, f"{{{DSIG}}}KeyInfo"), f"{{{DSIG}}}X509Data")
    etree.SubElement(data, f"{{{DSIG}}}X509Certificate").text = key.certificate_body
    etree.SubElement(role, f"{{{MD}}}NameIDFormat").text = PERSISTENT
    etree.SubElement(role, f"{{{MD}}}SingleSignOnService", {"Binding": REDIRECT, "Location": sso_url})
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
