"""LDAP and Active Directory: sign-in by bind, groups, people (RFC 4511)."""

from brokers.ldap.directory import Directory
from brokers.ldap.reasons import Fault, Reason

__all__ = ["Directory", "Fault", "Reason"]
