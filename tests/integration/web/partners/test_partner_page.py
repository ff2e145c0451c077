"""A partner's own page: what it has, by whom, until when; in how many queries; what it offers to whom."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.access.models import PartnerRole
from portal.access.operations.partners.suspend_partner import suspend_partner
from portal.directory.models import (
    Group,
    IdentityProvider,
    Partner,
    PartnerContact,
    PartnerDocument,
    Person,
)
from portal.web.presenters.partners import PartnerPage
from tests.integration.web.partner_rows import (
    DAY,
    make_account_grant,
    make_partner,
    make_partner_account,
    make_place,
    make_proof,
    now,
)
from tests.world import as_actor, make_admin, make_grant, make_person, signed_in

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true"}
BUDGET = 24


@pytest.fixture
def ada(db: None) -> Person:
    return make_admin("view_partner")


@pytest.fixture
def acme(ada: Person) -> Partner:
    return make_partner(sponsor=ada, deputy=make_person("Dana Deputy"))


def shown(person: Person) -> PartnerPage:
    page: PartnerPage = signed_in(person).get("/partners/acme/").context["page"]
    return page


def text(client: Client) -> str:
    answer = client.get("/partners/acme/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_it_says_who_is_behind_it(acme: Partner, ada: Person) -> None:
    Partner.objects.update(legal_name="Acme GmbH", notes="<i>Mondays</i>", data_class="restricted")
    PartnerContact.objects.create(partner=acme, name="Noor", what_for="security", email="noor@acme.example")
    PartnerDocument.objects.create(partner=acme, title="The contract", url="https://papers.example/acme")
    make_person("Noor Guest", partner=acme, is_partner_admin=True)
    make_person("Gone Guest", partner=acme, is_active=False, deactivated_at=now())
    provider = IdentityProvider.objects.create(slug="acme", name="Acme sign-in", partner=acme)
    Group.objects.create(provider=provider, name="engineers")
    IdentityProvider.objects.create(slug="own", name="Our own sign-in")
    page = text(signed_in(ada))
    assert "They sign in at Acme sign-in, which tells of 1 group." in page
    assert "Our own sign-in" not in page
    assert "Ada Okafor answers for it, Dana Deputy when they are gone." in page
    assert "Data: restricted at most." in page
    for words in ("Acme GmbH", "&lt;i&gt;Mondays&lt;/i&gt;", "Noor, security", "Noor Guest"):
        assert words in page
    assert '<a href="https://papers.example/acme" rel="noopener noreferrer">The contract</a>' in page
    assert "Gone Guest" not in page


def test_it_lists_living_grants_of_both_kinds_soonest_end_first(acme: Partner, ada: Person) -> None:
    account, ours = make_partner_account(acme), make_place()
    make_account_grant(account, ours)
    make_account_grant(account, ours, state="making", starts_at=now() + DAY, activated_at=None)
    make_grant(make_person("Noor Guest", partner=acme))
    make_grant(ada)
    roles = shown(ada).roles
    assert [(line.subject, line.is_account) for line in roles.grants] == [
        ("Noor Guest", False),
        ("AWS: production", True),
        ("AWS: production", True),
    ]
    states = [line.role_state.badge.word for line in roles.grants if line.role_state]
    assert sorted(states) == ["Being made", "Stands in AWS"]
    assert roles.listing.number == "3"
    assert not roles.is_settled
    assert 'hx-get="/partners/acme/roles' in text(signed_in(ada))


def test_ended_roles_show_how_long_they_took(acme: Partner, ada: Person) -> None:
    account, ours = make_partner_account(acme), make_place()
    make_account_grant(account, ours, state="gone")
    old = make_account_grant(account, ours, state="gone")
    PartnerRole.objects.filter(grant=old).update(gone_at=now() - 8 * DAY)
    make_account_grant(account, ours, state="closing")
    roles = shown(ada).roles
    told = {line.role_state.badge.word: line.role_state.seconds for line in roles.ended if line.role_state}
    assert told == {"Gone from AWS": "2.0 s", "Being closed": ""}
    assert not roles.is_settled
    assert roles.grants == ()


def test_a_role_that_aws_refuses_says_why(acme: Partner, ada: Person) -> None:
    make_account_grant(make_partner_account(acme), make_place(), state="making")
    PartnerRole.objects.update(attempts=3, last_error="AccessDenied: iam:CreateRole")
    [line] = shown(ada).roles.grants
    assert line.role_state is not None
    assert (line.role_state.badge.word, line.role_state.last_error) == (
        "Retrying",
        "AccessDenied: iam:CreateRole",
    )
    assert "AccessDenied: iam:CreateRole" in text(signed_in(ada))


def test_it_polls_while_aws_is_behind_and_no_longer(acme: Partner, ada: Person) -> None:
    make_account_grant(make_partner_account(acme), make_place(), state="making")
    client = signed_in(ada)
    seen = shown(ada).roles.fingerprint
    assert client.get("/partners/acme/roles", {"seen": seen}, headers=POLL).status_code == 204
    PartnerRole.objects.update(state="standing", made_at=now(), written=1, due_at=None)
    part = client.get("/partners/acme/roles", {"seen": seen}, headers=POLL)
    assert part.status_code == 200
    assert b"hx-trigger" not in part.content
    assert b"Roles in AWS: 1 stands in AWS" in part.content
    assert client.get("/partners/acme/roles").headers["Location"] == "/partners/acme/"


def test_the_picture_has_the_contracts_edges_and_the_tables_rows(acme: Partner, ada: Person) -> None:
    assert shown(ada).timeline is None
    Partner.objects.update(contract_starts_at=now() - 2 * DAY, contract_ends_at=now() + 20 * DAY)
    make_account_grant(make_partner_account(acme), make_place())
    drawn = shown(ada).timeline
    assert drawn is not None
    assert len(drawn.bars) == 1
    assert [edge.words[:14] for edge in drawn.edges] == [
        f"from {now() - 2 * DAY:%-d %b %Y}"[:14],
        "contract until",
    ]
    assert drawn.beyond == ()
    assert "<svg" in text(signed_in(ada))


def test_its_accounts_show_external_ids_and_their_proof(acme: Partner, ada: Person) -> None:
    account = make_partner_account(acme)
    make_partner_account(acme, "old", closed_at=now())
    [current] = account.external_ids.all()
    page = shown(ada)
    assert [(each.label.name, each.proof_badge.word, each.is_open) for each in page.accounts] == [
        ("production", "Proven with the first grant", True),
        ("old", "Proven with the first grant", False),
    ]
    assert str(current.value) in text(signed_in(ada))
    ours, other = make_place(), make_place("Logs")
    make_proof(account, ours)
    assert shown(ada).accounts[0].proof_badge.word == "Proven"
    make_proof(account, other, "failed")
    assert shown(ada).accounts[0].proof_badge.word == "Not proven"


@pytest.mark.parametrize(
    ("rights", "offered"),
    [
        ((), set()),
        (("make_grant",), {"grant"}),
        (("change_partner",), {"suspend", "accounts/new"}),
        (("make_grant", "change_partner"), {"grant", "suspend", "accounts/new"}),
    ],
)
def test_it_offers_what_its_reader_may_do(rights: tuple[str, ...], offered: set[str], acme: Partner) -> None:
    page = text(signed_in(make_admin("view_partner", *rights, name="Some Admin")))
    for act in ("grant", "suspend", "accounts/new"):
        assert (f'href="/partners/acme/{act}/"' in page) is (act in offered), act
    assert ("Change its record" in page) is ("change_partner" in rights)


def test_what_happened_lately_is_told(acme: Partner, ada: Person) -> None:
    root = make_person("Ruth Root", is_staff=True, is_superuser=True)
    suspend_partner(partner_id=acme.pk, reason="a dispute", actor=as_actor(root))
    page = shown(ada)
    assert (page.trail[0].actor, page.trail[0].detail) == ("Ruth Root", "a dispute")
    assert page.trail[0].event == "Company suspended: what it had has ended"
    assert page.badge.word == "Suspended"
    assert 'href="/partners/acme/resume/"' not in text(signed_in(ada))
    assert 'href="/partners/acme/resume/"' in text(signed_in(root))
    assert 'href="/partners/acme/grant/"' not in text(signed_in(root))


def test_it_takes_as_many_queries_for_much_as_for_little(acme: Partner, ada: Person) -> None:
    account, ours = make_partner_account(acme), make_place()
    client, numbers = signed_in(ada), []
    for crowd in (1, 12):
        for number in range(crowd):
            make_account_grant(account, ours)
            make_account_grant(account, ours, state="closing")
            make_proof(make_partner_account(acme, f"account {crowd} {number}"), ours)
            make_grant(make_person(f"Guest {crowd} {number}", partner=acme))
        with CaptureQueriesContext(connection) as queries:
            text(client)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]
    assert numbers[0] <= BUDGET
