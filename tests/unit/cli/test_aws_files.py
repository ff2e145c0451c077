"""AWS's files: our block comes and goes, everything else stays to the letter."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.cli.aws_files import CREDENTIAL_KEYS, markers, profile, with_block, without_default_credentials
from portal.cli.errors import CliError
from tests.unit.cli.conftest import Say
from tests.unit.cli.scripted_portal import Said, ScriptedPortal, grant, page

PORTAL = "https://portal.example"
OURS = {"ours": profile("ours", {"credential_process": "sallyport credentials a/b --format process"})}
OTHERS = "[default]\nregion=x\n\n[profile mine]\nrole_arn = arn:aws:iam::1:role/x\n"
texts = st.lists(
    st.sampled_from(
        ["[profile mine]", "[default]", "region = x", "", "  nested = y", "# note", "[profile 'a b']"]
    ),
    max_size=8,
).flatmap(lambda lines: st.sampled_from(["\n".join(lines), "\n".join(lines) + "\n"]))


@given(texts)
def test_adding_twice_is_adding_once_and_removing_leaves_all_else(text: str) -> None:
    added = with_block(text, PORTAL, OURS)
    assert added.startswith(text)
    assert with_block(added, PORTAL, OURS) == added
    removed = with_block(added, PORTAL, {})
    assert removed.rstrip("\n") == text.rstrip("\n")
    assert with_block(removed, PORTAL, {}) == removed


@given(texts, texts)
def test_what_stands_around_the_block_stays(before: str, after: str) -> None:
    begin, end = markers(PORTAL)
    old = f"{before}\n{begin}\n[profile gone]\n{end}\n{after}"
    new = with_block(old, PORTAL, OURS)
    assert new.startswith(before)
    assert new.endswith(after)
    assert "[profile gone]" not in new


def test_each_portal_has_a_block_of_its_own() -> None:
    first = with_block(OTHERS, PORTAL, OURS)
    other = {"theirs": profile("theirs", {"region": "x"})}
    both = with_block(first, "https://other.example", other)
    assert with_block(both, "https://other.example", {}) == first
    with pytest.raises(CliError, match="ours is there already"):
        with_block(both, "https://other.example", OURS)


@pytest.mark.parametrize(
    "header", ["[profile ours]", '[profile "ours"]', "[ profile  ours ]", "[profile 'ours']"]
)
def test_somebodys_own_profile_is_never_replaced(header: str) -> None:
    with pytest.raises(CliError, match="give --prefix"):
        with_block(f"{header}\nregion = x\n", PORTAL, OURS)
    assert with_block(f"{header.replace('ours', 'others')}\nregion = x\n", PORTAL, OURS)


@pytest.mark.parametrize("wrong", ["{begin}\n", "{end}\n", "{end}\n{begin}\n", "{begin}\n{begin}\n{end}\n"])
def test_damaged_marks_are_told_and_nothing_is_guessed(wrong: str) -> None:
    begin, end = markers(PORTAL)
    with pytest.raises(CliError, match="don't fit together"):
        with_block(wrong.format(begin=begin, end=end), PORTAL, OURS)


def test_line_ends_stay_those_of_the_file() -> None:
    added = with_block("[default]\r\nregion=x\r\n", PORTAL, OURS)
    assert "\n" not in added.replace("\r\n", "")
    assert with_block(added, PORTAL, {}) == "[default]\r\nregion=x\r\n"


@pytest.mark.parametrize("name", ["a b", "a]", "a\nb", "", "a/b"])
def test_names_that_the_file_cannot_hold(name: str) -> None:
    with pytest.raises(CliError):
        profile(name, {})


@pytest.mark.parametrize("key", [*CREDENTIAL_KEYS[:-1], "sso_session", "SSO_start_url", "Role_Arn"])
def test_a_default_profile_loses_its_credentials_and_nothing_else(key: str) -> None:
    text = f"[default]\nregion = x\n{key} = y\n  nested = z\ns3 =\n  max = 1\n[profile a]\n{key} = y\n"
    assert without_default_credentials(text) == (
        f"[default]\nregion = x\ns3 =\n  max = 1\n[profile a]\n{key} = y\n"
    )
    assert without_default_credentials(f"[profile a]\n{key} = y\n[default]\nregion = x\n") is None


def test_the_file_behind_a_link_is_written_with_its_mode_and_a_copy_is_kept(
    say: Say, signed_in: ScriptedPortal, home: Path
) -> None:
    real = home / "dotfiles" / "aws"
    real.parent.mkdir()
    real.write_text(OTHERS)
    real.chmod(0o644)
    (home / ".aws").mkdir()
    (home / ".aws" / "config").symlink_to(real)
    assert say("configure").code == 0
    assert (home / ".aws" / "config").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o644
    written = real.read_text()
    assert written.startswith(OTHERS)
    assert f"--portal {signed_in.url} credentials harbor-data/data-analyst --format process" in written
    assert real.with_name("aws.before-sallyport").read_text() == OTHERS
    # Grants come and go: the block follows, the rest stays.
    signed_in.answers["GET /api/v1/grants"] = Said(body=page(grant(title="Reader")))
    assert say("configure", "--prefix", "work-", "--region", "eu-west-1").code == 0
    assert "[profile work-harbor-data-reader]" in real.read_text()
    assert "data-analyst" not in real.read_text()
    assert "region = eu-west-1" in real.read_text()
    assert say("configure", "--remove").code == 0
    assert real.read_text() == OTHERS


def test_a_conflict_changes_nothing(say: Say, signed_in: ScriptedPortal, home: Path) -> None:
    file = home / ".aws" / "config"
    file.parent.mkdir()
    file.write_text("[profile harbor-data-data-analyst]\n")
    ran = say("configure")
    assert ran.code == 1
    assert "give --prefix" in ran.line
    assert file.read_text() == "[profile harbor-data-data-analyst]\n"
    assert list(file.parent.iterdir()) == [file]


def test_roles_without_credentials_get_no_profile(say: Say, signed_in: ScriptedPortal, home: Path) -> None:
    signed_in.answers["GET /api/v1/grants"] = Said(body=page(grant(allows_credentials=False)))
    assert "nothing to change" in say("configure").out
    assert not (home / ".aws").exists()
