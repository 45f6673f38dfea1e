"""The lab's MusicBrainz against bodies the real server sent (kept beside the project, never in it)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from slskdn_tui.lab import data
from slskdn_tui.lab.data import ws2

BODIES = Path(__file__).resolve().parents[4] / "shared" / "data" / "musicbrainz" / "mbserver-ws2"
PLONE = "4f5a6b97-a09b-4893-80d1-eae1f3bfa221"
LOVE_BUG = "aff4a693-5970-4e2e-bd46-e2ee49c22de7"
SOUP = "ec0d0122-b559-4aa1-a017-7068814aae57"
NOT_RENDERED = {
    # Not core data, or nothing this program reads.
    *("tag-list", "genre-list", "rating", "annotation", "alias-list", "relation-list", "quality", "text-representation", "asin"),
    *("cover-art-archive", "release-event-list", "first-release-date", "packaging", "disambiguation", "barcode"),
}
NO_ATTRIBUTES = {"artist": {"type", "type-id"}, "label": {"type", "type-id"}, "status": {"id"}, "format": {"id"}, "primary-type": {"id"}}
LOOKUPS = [
    (PLONE, "tags+artist-credits+artists+recordings"),
    (LOVE_BUG, "labels+recordings+tags"),
    (LOVE_BUG, "artist-credits+release-groups+ratings"),
    (LOVE_BUG, "artists+recordings+artist-credits+aliases+artist-rels+recording-level-rels"),
    (SOUP, "artists+recordings+artist-credits"),
    ("fbe4eb72-0f24-3875-942e-f581589713d4", ""),
    ("dd66bfdd-6097-32e3-91b6-67f47ba25d4c", ""),
]


def normal(body: str) -> list[str]:
    """Path, attributes and text of every element both sides render, in order."""
    root = ET.fromstring(re.sub(r' xmlns(:\w+)?="[^"]+"', "", body))
    lines: list[str] = []

    def walk(element: ET.Element, path: str) -> None:
        if element.tag in NOT_RENDERED:
            return
        if element.tag == "country" and path.endswith("artist"):
            return
        skip = NO_ATTRIBUTES.get(element.tag, set()) | ({"type-id"} if element.tag == "release-group" else set())
        attributes = {name: value for name, value in sorted(element.attrib.items()) if name not in skip}
        lines.append(f"{path}/{element.tag} {attributes} {(element.text or '').strip()}")
        for child in element:
            walk(child, f"{path}/{element.tag}")

    walk(root, "")
    return sorted(lines)


def real_body(name: str) -> str:
    file = BODIES / name
    if not file.exists():
        pytest.skip(f"captured MusicBrainz bodies are not here: {BODIES}")
    return file.read_text("utf-8")


@pytest.mark.parametrize(("mbid", "inc"), LOOKUPS)
def test_a_release_is_rendered_as_the_real_server_does(mbid: str, inc: str) -> None:
    real = real_body(f"release_{mbid}" + (f"_inc={inc}.xml" if inc else ".xml"))
    ours = ws2.lookup(ws2.World(data.load_all()), "release", mbid, frozenset(inc.split("+")))
    assert ours is not None
    assert normal(ours.decode()) == normal(real)


def test_a_browsed_page_is_rendered_as_the_real_server_does() -> None:
    artist = "3088b672-fba9-4b4b-8ae0-dce13babfbb4"
    real = real_body(f"release_artist={artist}_offset=2.xml")
    world = ws2.World(data.load_all())
    # The server lists by date, then id; ours lists as the file has them, and this page is the last of three either way.
    releases = sorted(world.releases, key=lambda release: (release.date, release.mbid))
    ours = ws2.browse(ws2.World(releases), "artist", artist, frozenset(), limit=25, offset=2, status=frozenset())
    assert ours is not None
    assert normal(ours.decode()) == normal(real)


def test_facts_carry_core_data_only() -> None:
    for name in data.NAMES:
        text = (Path(data.__file__).parent / f"{name}.toml").read_text("utf-8")
        keys = set(re.findall(r"(\w+) = ", text))
        assert keys <= {
            *("mbid", "title", "type", "artist", "name", "sort_name", "join", "status", "date", "country", "barcode", "labels", "catalog"),
            *("position", "format", "tracks", "number", "length", "recording", "recording_title", "recording_artist", "pregap"),
        }


def test_a_shortened_album_keeps_its_proportions_in_whole_frames() -> None:
    long, short = data.demo_release(), data.shortened(data.demo_release(), 20)
    lengths = [track.length or 0 for track in short.media[0].tracks]
    assert sum(lengths) / len(lengths) == pytest.approx(20_000, abs=10)
    assert all(length % 10 == 0 for length in lengths)
    assert sorted(range(10), key=lambda i: lengths[i]) == sorted(range(10), key=lambda i: long.media[0].tracks[i].length or 0)
