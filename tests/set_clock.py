"""Set the database's clock for the operations that ask for it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest

from portal.access.operations.credentials import issue_session
from portal.access.operations.credentials.standing import Standing, lock_standing


def set_clock(monkeypatch: pytest.MonkeyPatch, at: datetime, *, modules: Sequence[str]) -> None:
    """Set it for issuing, and for `modules` of `portal.access.operations`."""

    def standing(grant_id: UUID) -> Standing:
        return replace(lock_standing(grant_id), now=at)

    monkeypatch.setattr(issue_session, "lock_standing", standing)
    for name in modules:
        monkeypatch.setattr(f"portal.access.operations.{name}.database_now", lambda: at)
