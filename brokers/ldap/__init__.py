"""LDAP and Active Directory: sign-in by bind, groups, people (RFC 4511)."""
