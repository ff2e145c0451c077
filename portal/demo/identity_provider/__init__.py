"""The demo's SAML identity provider: a page to pick a person from, and a signed response about them.

A simulation: it asks for no password. It signs with signxml, another implementation than the portal's own
side (python3-saml), so that the two check each other.
"""
