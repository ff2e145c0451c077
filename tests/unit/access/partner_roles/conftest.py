"""One grant to a partner's account, its role standing in AWS, and time that passes."""

from typing import Any

import pytest

from portal.access.models import Grant
from tests.fakes import FakeAws
from tests.partner_world import (
    add_account,
    add_partner,
    add_template,
    connect,
    grant_to,
    prove,
    work,
)


@pytest.fixture
def ours(account: Any) -> Any:
    return connect(account)


@pytest.fixture
def theirs(db: None) -> Any:
    return add_account(add_partner())


@pytest.fixture
def template(db: None) -> Any:
    return add_template()


@pytest.fixture
def grant(ours: Any, theirs: Any, template: Any, aws: FakeAws) -> Grant:
    return grant_to(theirs, ours, template, aws)


@pytest.fixture
def standing(grant: Grant, ours: Any, theirs: Any, aws: FakeAws) -> Grant:
    prove(theirs, ours)
    assert work(aws) == 1
    return grant
