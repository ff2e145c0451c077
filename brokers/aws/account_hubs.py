"""The hubs of accounts that have one of their own."""

from brokers.errors import NotPossible
from brokers.ports import HubPorts
from brokers.types import HubSpec


class AccountHubs:
    """Builds each hub once, and keeps it."""

    def of(self, hub: HubSpec | None, region: str) -> HubPorts:
        """Return the ports of a hub."""
        raise NotPossible(f"No hub but the portal's own is called yet: {hub!r} in {region or 'its region'}.")
