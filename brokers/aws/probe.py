"""The probe: a session of the portal's own makes one harmless call, and AWS says whether it is denied."""

from brokers.aws.hub import Hub
from brokers.errors import NotPossible
from brokers.types import ProbeAnswer, ProbeCall


class SessionProber:
    """`brokers.ports.Prober` over the hub. Safe to share between threads."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def probe(self, call: ProbeCall) -> ProbeAnswer:
        """See the port."""
        raise NotPossible(f"No probe of {call.action} can be made yet.")
