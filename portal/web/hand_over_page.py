"""From a grant to a partner's account to what the partner needs to use it: the page, and its files."""

import io
import re
import zipfile
from datetime import UTC, datetime, tzinfo

from django.conf import settings
from django.utils.text import slugify

from portal.access.lifecycle import PartnerRoleState
from portal.access.models import Grant, PartnerRole
from portal.access.operations.partners.external_ids import accepted_external_ids
from portal.directory.models import PartnerAccount
from portal.web.cards import account_label, countdown_of, shown_state
from portal.web.presenters import AccountLabel, badge, moment
from portal.web.presenters.first_calls import first_call
from portal.web.presenters.hand_over import Accepted, HandOver, HandOverText, Meaning, Way, texts
from portal.web.presenters.providers import CopyField

# Where a partition's own region is not the portal's.
REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
PREFIXES = {"aws-cn": "cn-", "aws-us-gov": "us-gov-"}
LONGEST_NAME = 40
# The oldest that a zip can say: the same files make the same zip.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def hand_over_of(grant: Grant, *, now: datetime, zone: tzinfo) -> HandOver:
    """Return the page of a grant to a partner's account.

    It holds the ExternalIds: the caller has made sure that the reader may have them.
    """
    account, row = account_of(grant), role_row(grant)
    is_over = grant.ended_at is not None or now >= grant.ends_at
    accepted = () if is_over else accepted_external_ids(account.pk, at=now)
    name = file_name(grant)
    shown = tuple(
        Accepted(
            CopyField(
                f"external-id-{number}", "ExternalId" if each.until is None else "Old ExternalId", each.value
            ),
            moment(each.until, now=now, zone=zone) if each.until else None,
        )
        for number, each in enumerate(accepted)
    )
    current = next((each.value for each in accepted if each.until is None), "")
    way = _way(grant, row, current, name) if current else None
    given = texts(way) if way else ()
    meanings = _meanings(grant, row) if way else ()
    return HandOver(
        grant_id=str(grant.pk),
        partner=account.partner.name,
        scope=grant.scope_summary,
        reason=grant.reason,
        theirs=AccountLabel(account.name, account.account_id),
        ours=account_label(grant),
        badge=badge(shown_state(grant, now)),
        countdown=countdown_of(grant, now=now, zone=zone),
        begin=moment(grant.starts_at, now=now, zone=zone),
        end=moment(grant.ended_at or grant.ends_at, now=now, zone=zone),
        is_over=is_over,
        role_arn=grant.role.arn,
        principal=principal_words(row.principal_arn),
        waits="" if is_over else _waits(grant, row, now),
        external_ids=shown,
        texts=given,
        meanings=meanings,
        file_name=name,
        readme=_readme(grant, shown, given, meanings) if given else "",
    )


def zip_of(page: HandOver) -> bytes:
    """Return all files in one folder. No name in it is anybody's but ours."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in (("README.txt", page.readme), *((each.name, each.text) for each in page.texts)):
            archive.writestr(zipfile.ZipInfo(f"{page.file_name}/{name}", ZIP_DATE), text)
    return packed.getvalue()


def file_name(grant: Grant) -> str:
    """Return what the profile and the files are called: plain letters, digits and hyphens, another for each grant."""
    template = grant.scope_template
    words = slugify(template.name if template else grant.role.account.name)[:LONGEST_NAME]
    words = re.sub("[-_]+", "-", words).strip("-")
    return f"{words or 'access'}-{grant.pk.hex[:6]}"


def principal_words(arn: str) -> str:
    """Say whom a role's trust policy names."""
    account_id, resource = arn.split(":", 5)[4:]
    return f"anybody in the AWS account {account_id} whom it allows" if resource == "root" else arn


def account_of(grant: Grant) -> PartnerAccount:
    if grant.partner_account is None:
        raise AssertionError("a person's grant has nothing to hand over")
    return grant.partner_account


def role_row(grant: Grant) -> PartnerRole:
    row: PartnerRole = grant.partner_role
    return row


def _way(grant: Grant, row: PartnerRole, external_id: str, name: str) -> Way:
    first = first_call(grant.scope_policy, grant.scope_managed_policy_arns)
    return Way(
        profile=name,
        role_arn=grant.role.arn,
        external_id=external_id,
        principal=row.principal_arn,
        region=(first.region if first else "") or _region(grant.role.account.partition),
        # An hour is the most for who comes from a role of their own, whatever this role allows.
        seconds=min(grant.role.max_session_seconds, 3600),
        first=first,
        endpoint_url=settings.AWS_ENDPOINT_URL,
    )


def _region(partition: str) -> str:
    own = str(settings.AWS_REGION)
    home = next((name for name, prefix in PREFIXES.items() if own.startswith(prefix)), "aws")
    return own if home == partition else REGIONS[partition]


def _waits(grant: Grant, row: PartnerRole, now: datetime) -> str:
    if row.state == PartnerRoleState.MAKING:
        return "The role is being made in AWS. Look again in a minute."
    if now < grant.starts_at:
        return "It has not begun: until then AWS refuses it."
    if row.written < row.wanted:
        return "AWS is being told what changed last. Look again in a minute."
    return ""


def _meanings(grant: Grant, row: PartnerRole) -> tuple[Meaning, ...]:
    account, role = account_of(grant), grant.role
    begin, end = (f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for at in (grant.starts_at, grant.ends_at))
    return (
        Meaning(
            f"assumed-role/{role.name}/…",
            "It works: you are in, and who you are there is the line that says Arn.",
        ),
        Meaning(
            "AccessDenied … not authorized to perform: sts:AssumeRole",
            f"AWS doesn't let you in, and never says why. Look in this order: is it between {begin} and {end}? Is the "
            "ExternalId the current one, with nothing around it? Is it you whom the role lets in, which is "
            f"{principal_words(row.principal_arn)} (aws sts get-caller-identity says who you are)? Does the account "
            f"{account.account_id} itself allow you sts:AssumeRole on this role (see Your side)?",
        ),
        Meaning(
            "AccessDenied … not authorized to perform: (anything else)",
            f"You are in, and this is not part of what was granted: {_line(grant.scope_summary)}. Where it says "
            "'explicit deny', the time is over.",
        ),
        Meaning(
            "ValidationError … DurationSeconds exceeds",
            f"A session here lasts {role.max_session_seconds} seconds at most, and an hour where you come from a role "
            "of your own.",
        ),
        Meaning(
            "Unable to locate credentials, config profile could not be found, InvalidClientTokenId, ExpiredToken",
            "These are about your own credentials, before this role is asked for: see source_profile.",
        ),
    )


def _readme(
    grant: Grant,
    accepted: tuple[Accepted, ...],
    given: tuple[HandOverText, ...],
    meanings: tuple[Meaning, ...],
) -> str:
    account = account_of(grant)
    begin, end = (f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" for at in (grant.starts_at, grant.ends_at))
    ids = [
        f"{each.field.label}: {each.field.value}" + (f" (works until {each.until.iso})" if each.until else "")
        for each in accepted
    ]
    lines = [
        f"Access for {_line(account.partner.name)} from its AWS account {account.account_id}",
        "",
        f"What: {_line(grant.scope_summary)}",
        f"Why: {_line(grant.reason)}",
        f"From: {begin}",
        f"Until: {end}. From that second on AWS refuses it.",
        "",
        f"Role: {grant.role.arn}",
        *ids,
        "The ExternalId says who you are to that role: give it to nobody else, and keep it out of public code.",
        "",
        "The files",
        *(f"  {each.name}: {each.where}" for each in given),
        "",
        "What the answers mean",
        *(f"  {each.answer}\n    {each.means}" for each in meanings),
        "",
    ]
    return "\n".join(lines)


def _line(text: str) -> str:
    """Return what somebody typed on one line, without what could steer a terminal."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
