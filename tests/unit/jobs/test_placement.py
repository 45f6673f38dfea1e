"""Where files land: names that attack a file system, templates that would lose tracks, collisions."""

import string
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.jobs.place import file_blake3, place
from slskdn_tui.engine.jobs.placement import check_template, destination, safe_name
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

TEMPLATE = "{artist}/{album}{year}/{disc}{track:02} {title}{ext}"


def release(title: str = "Loveless", artist: str = "My Bloody Valentine", discs: int = 1) -> Release:
    return Release(
        "m", "g", SafeText(title), SafeText(artist), "a", "1991-11-04", "GB", "Official", SafeText("Creation"), ("CD",), discs, ()
    )


def track(title: str = "Loomer", number: int = 2, disc: int = 1) -> Track:
    return Track(number, disc, number, "r", SafeText(title), SafeText("MBV"), 178000)


def test_the_default_template_makes_artist_album_year_and_numbered_titles():
    assert destination(TEMPLATE, release(), track(), ".flac") == "My Bloody Valentine/Loveless (1991)/02 Loomer.flac"
    assert destination(TEMPLATE, release(discs=2), track(disc=2), ".flac") == "My Bloody Valentine/Loveless (1991)/CD 2/02 Loomer.flac"


@given(st.text(max_size=400), st.text(max_size=400))
def test_no_name_leaves_the_folder_or_is_refused_by_a_file_system(title, artist):
    path = destination(TEMPLATE, release(title, artist), track(title), ".FLAC")
    parts = path.split("/")
    assert len(parts) == 3
    for part in parts:
        assert part not in ("", ".", "..") and not part.startswith(".") and len(part.encode()) <= 255
        assert not set(part) & set('\\:*?"<>|\x00') and part == part.rstrip(". ")
        assert all(unicodedata.category(char) not in ("Cc", "Cs") for char in part)


@pytest.mark.parametrize("name", ["CON", "nul.txt", "..", ".", "", " . ", "a/../b", "x\x1b]52;c;AA\x07"])
def test_reserved_and_hostile_names_become_harmless(name):
    made = safe_name(name)
    assert made not in ("", ".", "..") and "/" not in made and "\x1b" not in made
    assert made.lower() not in ("con", "nul", "nul.txt")


@pytest.mark.parametrize("template", ["{nope}{track}{ext}", "/abs/{track}{ext}", "{track} {title}", "../{track}{ext}", "{track}{ext}{"])
def test_a_template_that_would_lose_tracks_is_refused_with_what_to_do(template):
    with pytest.raises(UserError) as caught:
        check_template(template)
    assert caught.value.code == "config" and caught.value.hint


def test_collisions_follow_the_policy_and_nothing_is_overwritten_unasked(tmp_path: Path):
    folder, parts = tmp_path / "out", tmp_path / "parts"
    folder.mkdir(), parts.mkdir()

    def put(text: str, policy: str):
        source = parts / "x.part"
        source.write_text(text)
        return place(source, folder, "a/b.flac", policy, file_blake3(source))

    assert put("one", "rename").path == folder / "a/b.flac"
    assert put("one", "rename").note == "already there"
    assert put("two", "rename").path == folder / "a/b (2).flac"
    assert put("three", "skip").note == "kept the existing file"
    assert (folder / "a/b.flac").read_text() == "one"
    assert put("four", "overwrite").path.read_text() == "four"
    assert list(parts.iterdir()) == []


def test_a_symlink_that_leads_out_of_the_folder_is_refused(tmp_path: Path):
    folder, outside = tmp_path / "out", tmp_path / "outside"
    folder.mkdir(), outside.mkdir()
    (folder / "a").symlink_to(outside)
    source = tmp_path / "x.part"
    source.write_text("data")
    with pytest.raises(UserError, match="leads outside"):
        place(source, folder, "a/b.flac", "rename", file_blake3(source))
    assert source.exists() and list(outside.iterdir()) == []


def test_every_printable_ascii_name_survives_readably():
    assert safe_name("Sigur Rós – ( )") == "Sigur Rós – ( )"
    assert safe_name(string.ascii_letters) == string.ascii_letters
