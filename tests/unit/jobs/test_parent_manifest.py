"""The manifest of a discography or a crate: written, read again, edited, refused."""

from __future__ import annotations

import pytest

from slskdn_tui.config import safe_yaml
from slskdn_tui.engine.jobs.manifests.parents import is_parent, read, write
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.parents import Member, ParentRecord, ParentState, ParentType
from slskdn_tui.model.text import SafeText
from tests.fakes.discography import mbid

DISCOGRAPHY = ParentRecord(
    mbid("parent"),
    ParentType.DISCOGRAPHY,
    mbid("artist"),
    SafeText("Sigur Rós: yes # no"),
    "extended",
    Constraints(("FLAC", "MP3"), 2, False, True, 300, True),
    "slow disk",
    True,
    ParentState.PAUSED,
    "2026-11-26T08:00:00Z",
    "",
    [
        Member(mbid("a"), SafeText("Von"), SafeText("Sigur Rós"), "1997-06", 11, mbid("job"), "completed"),
        Member(mbid("b"), SafeText("- 'Ágætis: byrjun'"), SafeText("Sigur Rós"), "1999", 10, mbid("job 2"), "failed", "TypeError: x"),
        Member(mbid("c")),
        Member(mbid("d"), outcome="here"),
    ],
)
CRATE = ParentRecord(
    mbid("crate"),
    ParentType.CRATE,
    "Warp Records",
    SafeText("Warp Records"),
    "25",
    created_at="2026-11-26T08:00:00Z",
    finished_at="2026-11-26T09:00:00Z",
    state=ParentState.COMPLETED,
    members=[Member(mbid("e"), SafeText("Amber"), outcome="completed", job_id=mbid("j"))],
)


@pytest.mark.parametrize("record", [DISCOGRAPHY, CRATE], ids=["discography", "crate"])
def test_what_is_written_is_read_as_it_was(record: ParentRecord) -> None:
    text = write(record)
    assert is_parent(text) and read(text, "x.yaml") == record
    assert write(read(text, "x.yaml")) == text


def test_the_fields_of_a_manifest_are_these() -> None:
    found = safe_yaml.load(write(DISCOGRAPHY), "x").data
    assert list(found) == [
        "schema_version", "parent_id", "type", "title", "mb_artist_id", "scope", "destination", "again", "constraints", "state", "started_at", "releases",
    ]  # fmt: skip
    assert found["type"] == "discography" and found["releases"][2] == {"mb_release_id": mbid("c")}
    crate = safe_yaml.load(write(CRATE), "x").data
    assert (crate["type"], crate["label"], crate["scope"]) == ("label_crate", "Warp Records", "25")


def test_a_jobs_manifest_is_no_parents() -> None:
    assert not is_parent("schema_version: 1\ntype: mb_release\ntitle: 'type: discography'\n")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("scope: extended", "scope: '25'", "the file"),
        ("scope: extended", "scope: loud", "scope"),
        (f"mb_artist_id: {mbid('artist')}", "label: Warp", "the file"),
        ("state: paused", "state: gone", "state"),
        (f"mb_release_id: {mbid('c')}", f"mb_release_id: {mbid('a')}", "releases"),
        (f"mb_release_id: {mbid('c')}", "mb_release_id: c", "releases 3: mb_release_id"),
        ("again: true", "again: true\ncommand: rm", "command"),
    ],
)
def test_a_manifest_with_a_mistake_is_refused_and_told_where(old: str, new: str, key: str) -> None:
    text = write(DISCOGRAPHY)
    assert old in text
    with pytest.raises(UserError) as told:
        read(text.replace(old, new), "mine.yaml")
    assert (
        told.value.code == "config" and str(told.value.message).startswith("mine.yaml, line ") and f": {key}: " in str(told.value.message)
    )
