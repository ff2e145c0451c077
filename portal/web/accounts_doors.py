"""Who may look at AWS accounts and act on them. To everybody else nothing is there."""

from portal.catalog.models import AwsAccount
from portal.directory.models import Person
from portal.kernel.errors import ForbiddenError, NotFoundError

NOT_THERE = "There is no such AWS account."


def sees_accounts(person: Person) -> bool:
    return person.may("catalog.view_awsaccount")


def may_add(person: Person) -> bool:
    return sees_accounts(person) and person.may("catalog.add_awsaccount")


def may_verify(person: Person) -> bool:
    return sees_accounts(person) and person.may("catalog.change_awsaccount")


def check_sees(person: Person) -> None:
    if not sees_accounts(person):
        raise NotFoundError(NOT_THERE)


def check_may_add(person: Person) -> None:
    """Raise NotFoundError for who may not even look, ForbiddenError for who may only look."""
    check_sees(person)
    if not may_add(person):
        raise ForbiddenError("You may look at AWS accounts, and not connect any.")


def found(person: Person, number: str) -> AwsAccount:
    """Return the account for somebody who may see it. Raises NotFoundError for everybody else."""
    check_sees(person)
    account = AwsAccount.objects.filter(account_id=number).first()
    if account is None:
        raise NotFoundError(NOT_THERE)
    return account
