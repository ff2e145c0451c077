"""A scope is read before it is saved: what it lets somebody do, its warnings overruled with a reason, errors never."""

import json
from typing import Any

import pytest
from django.test import Client

from portal.catalog.models import ScopeTemplate
from portal.directory.models import Person
from tests.fakes import FakeAws
from tests.integration.staff.pages import errors_of, trail
from tests.world import make_role, signed_in

pytestmark = pytest.mark.django_db
ADD = "/manage/catalog/scopetemplate/add/"
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{{bucket}}/*"}
WIDE = READ | {"Action": "s3:*"}


@pytest.fixture
def client(root: Person) -> Client:
    return signed_in(root)


def form(*statements: Any, **changed: Any) -> dict[str, str]:
    policy = {"Version": "2012-10-17", "Statement": list(statements or [READ])}
    return {
        "name": "Reports",
        "summary": "Read {{bucket}}",
        "policy": json.dumps(policy),
        "parameters": '{"bucket": "bucket_name"}',
        "managed_policy_arns": "[]",
        **changed,
    }


def change(scope: ScopeTemplate) -> str:
    return f"/manage/catalog/scopetemplate/{scope.pk}/change/"


def own() -> ScopeTemplate | None:
    return ScopeTemplate.objects.filter(library_key="").first()


def shown(answer: Any) -> Any:
    return answer.context["shown"]


def look(client: Client, sent: dict[str, str]) -> dict[str, str]:
    """Look at it, and return what the page would send next."""
    answer = client.post(ADD, sent | {"_look": "1"})
    return sent | {"seen": answer.context["adminform"].form["seen"].value()}


def test_looking_shows_and_saves_nothing(client: Client) -> None:
    answer = client.post(ADD, form(_look="1"))
    page = answer.content.decode()
    assert own() is None
    assert "Read acme-reports" in page
    assert "Amazon S3" in page
    assert "GetObject" in page
    assert "arn:aws:s3:::acme-reports/*" in page
    assert "Nothing to say against it" in page
    assert "errornote" not in page
    assert "of 2,048 characters" in page
    assert client.post(ADD, form()).status_code == 302
    assert "Amazon S3" in client.get(change(own() or ScopeTemplate())).content.decode()


def test_an_empty_form_has_nothing_in_it(client: Client) -> None:
    asked = client.get(ADD).context["adminform"].form
    assert [asked[name].value() for name in ("policy", "parameters", "managed_policy_arns")] == [
        None,
        "{}",
        "[]",
    ]
    left = form(
        parameters="",
        managed_policy_arns="",
        policy=json.dumps(
            {"Version": "2012-10-17", "Statement": [READ | {"Resource": "arn:aws:s3:::reports/*"}]}
        ),
        summary="Read reports",
    )
    assert client.post(ADD, left).status_code == 302
    saved = own()
    assert saved is not None
    assert (saved.parameters, saved.managed_policy_arns) == ({}, [])


def test_a_warning_needs_a_reason_and_to_have_been_seen(client: Client, root: Person) -> None:
    refused = client.post(ADD, form(WIDE))
    assert "change the policy, or say why" in errors_of(refused)["overrule_reason"][0]
    assert {row.kind for row in shown(refused).findings} == {"warning"}
    unseen = client.post(ADD, form(WIDE, overrule_reason="They own the bucket"))
    assert "had not seen" in errors_of(unseen)["overrule_reason"][0]
    assert own() is None
    assert trail("catalog.scope.overruled") == []

    sent = look(client, form(WIDE, overrule_reason="They own the bucket"))
    assert client.post(ADD, sent).status_code == 302
    saved = own()
    assert saved is not None
    assert {each["code"] for each in saved.overruled} >= {"all-of-a-service", "resource-policy"}
    assert {(each["reason"], each["by"]) for each in saved.overruled} == {("They own the bucket", root.name)}
    (row,) = trail("catalog.scope.overruled")
    assert (row.actor_id, row.details["reason"], row.details["scope"]) == (
        root.pk,
        "They own the bucket",
        str(saved.pk),
    )
    assert len(row.details["warnings"]) == len(saved.overruled)
    assert "seen" not in trail("staff.record.added")[0].details["fields"]
    page = client.get(change(saved)).content.decode()
    assert f"Overruled by {root.name}: They own the bucket" in page


def test_a_policy_that_changed_after_the_look_is_looked_at_again(client: Client) -> None:
    sent = look(client, form(WIDE, overrule_reason="They own the bucket"))
    other = form(READ | {"Action": "iam:PassRole", "Resource": "*"}, parameters="{}", summary="x")
    answer = client.post(ADD, sent | other)
    assert "had not seen" in errors_of(answer)["overrule_reason"][0]
    assert own() is None


def test_what_was_overruled_is_settled_until_the_policy_says_something_else(client: Client) -> None:
    sent = look(client, form(WIDE, overrule_reason="Theirs"))
    client.post(ADD, sent)
    saved = own()
    assert saved is not None
    sent = form(WIDE, name="Other name")
    assert client.post(change(saved), sent).status_code == 302
    assert len(trail("catalog.scope.overruled")) == 1
    more = form(WIDE, READ | {"Action": "sqs:*", "Resource": "arn:aws:sqs:eu-central-1:222222222222:a"})
    answer = client.post(change(saved), more)
    assert "There are 3 warnings" in errors_of(answer)["overrule_reason"][0]
    assert client.post(change(saved), form(READ)).status_code == 302
    saved.refresh_from_db()
    assert saved.overruled == []


def test_a_reason_for_nothing_is_refused(client: Client) -> None:
    assert (
        "nothing to overrule" in errors_of(client.post(ADD, form(overrule_reason="x")))["overrule_reason"][0]
    )


def test_an_error_is_never_overruled(client: Client) -> None:
    twice = [READ | {"Sid": "One"}, READ | {"Sid": "One"}]
    sent = look(client, form(*twice, overrule_reason="please"))
    answer = client.post(ADD, sent)
    assert "Two statements have the Sid" in errors_of(answer)["policy"][0]
    assert {row.kind for row in shown(answer).findings} == {"error"}
    assert own() is None


def test_a_scope_for_partners_alone_has_a_roles_room(client: Client, aws: FakeAws) -> None:
    long = READ | {"Resource": [f"arn:aws:s3:::{{{{bucket}}}}/{number:040}/*" for number in range(40)]}
    sent = look(client, form(long, for_partners="on", overrule_reason="So many folders"))
    answer = client.post(ADD, sent)
    assert answer.status_code == 302
    saved = own()
    assert saved is not None
    assert [each["code"] for each in saved.overruled] == ["session-size"]
    page = client.get(change(saved)).content.decode()
    assert "too many" in page
    role = make_role()
    refused = client.post(change(saved), form(long, for_partners="on", roles=[str(role.pk)]))
    assert refused.status_code in {
        200,
        302,
    }  # the fake AWS takes any size; the real one's limit has its own test


def test_the_librarys_text_is_the_portals(client: Client) -> None:
    scope = ScopeTemplate.objects.get(library_key="sqs-send")
    page = client.get(change(scope)).content.decode()
    assert "Send messages to the queue orders-in" in page
    assert 'name="policy"' not in page
    sent = {"name": "Send orders", "policy": "{}", "summary": "mine"}
    assert client.post(change(scope), sent).status_code == 302
    scope.refresh_from_db()
    assert (scope.name, scope.for_partners) == ("Send orders", False)
    assert scope.summary.startswith("Send messages")
    assert scope.policy["Statement"]
    assert client.post(f"{change(scope).removesuffix('change/')}delete/", {"post": "yes"}).status_code == 403
    assert ScopeTemplate.objects.filter(library_key="sqs-send").exists()


def test_a_scope_of_another_partition_is_read_in_it(client: Client) -> None:
    china = READ | {"Resource": "arn:aws-cn:s3:::{{bucket}}/*"}
    assert client.post(ADD, form(china)).status_code == 302


def test_a_scope_of_no_role_is_not_offered_where_people_are_granted(client: Client) -> None:
    grant, name = "/manage/access/grant/add/", "S3 bucket, read only"
    assert name not in client.get(grant).content.decode()
    ScopeTemplate.objects.get(library_key="s3-bucket-read").roles.add(make_role(), make_role("Writer"))
    assert client.get(grant).content.decode().count(f">{name}<") == 1
