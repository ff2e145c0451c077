"""One legal row of each model about issuing; `changes` make it another one."""

from datetime import timedelta
from typing import Any

from portal.access.models import CredentialSlot, CredentialToken, HandOut, StsBudget, UsedProof, UserKey
from portal.catalog.models import AccountHub
from portal.directory.models import DeviceSignIn
from tests.integration.database.rows import HOUR, NOW, Row
from tests.integration.database.rows_access import Rows as AccessRows


class Rows(AccessRows):
    """Rows about issuing, beside all others."""

    def hub(self, **changes: Any) -> Row:
        given = {"account": self.account(), "kind": "keys", "access_key_id": "AKIAX", "secret": b"s"}
        return AccountHub.objects.create(**given | changes)

    def slot(self, **changes: Any) -> Row:
        return CredentialSlot.objects.create(**{"grant": self.grant()} | changes)

    def hand_out(self, **changes: Any) -> Row:
        given = {"session": self.session(), "door": "page", "client": "c", "at": NOW}
        return HandOut.objects.create(**given | changes)

    def budget(self, **changes: Any) -> Row:
        given = {"account": self.account(), "tenant": "t", "tokens": 1.0, "filled_at": NOW}
        return StsBudget.objects.create(**given | changes)

    def credential_token(self, **changes: Any) -> Row:
        given = {
            "grant": self.grant(),
            "name": "n",
            "prefix": "spc_x",
            "digest": self.unique().zfill(64),
            "made_by": self.person(),
            "made_at": NOW,
            "expires_at": NOW + HOUR,
        }
        return CredentialToken.objects.create(**given | changes)

    def user_key(self, **changes: Any) -> Row:
        given = {
            "role": self.role(),
            "person": self.person(),
            "access_key_id": "AKIAX",
            "mfa_serial": "s",
            "kept_at": NOW,
        }
        return UserKey.objects.create(**given | changes)

    def used_proof(self, **changes: Any) -> Row:
        return UsedProof.objects.create(**{"digest": self.unique().zfill(64), "over_at": NOW} | changes)

    def device(self, **changes: Any) -> Row:
        given = {
            "device_digest": self.unique().zfill(64),
            "user_digest": self.unique().zfill(64),
            "client": "c",
            "asked_at": NOW,
            "expires_at": NOW + timedelta(minutes=10),
        }
        return DeviceSignIn.objects.create(**given | changes)
