"""The trash: a replaced file can come back, whatever was killed when, and nothing outside the library is ever touched."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from slskdn_tui.engine.library.fix.trash import FOLDER, Trash
from slskdn_tui.model.errors import UserError

AT = "2026-11-26T08:00:00Z"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "music" / "Plone"
    folder.mkdir(parents=True)
    (folder / "01 a.flac").write_bytes(b"old")
    return tmp_path / "music"


def replaced(trash: Trash, path: Path, new: bytes, entry: str = "job1-1") -> None:
    """What a job does: hold, put the successor in the same place, settle."""
    held = trash.hold(str(path), entry, reason="transcode", at=AT, replaced_by=str(path))
    fresh = path.with_name("new")
    fresh.write_bytes(new)
    os.replace(fresh, path)
    trash.settle(held, str(path))


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file() and FOLDER not in path.parts
    }


def test_a_replaced_file_comes_back_and_its_successor_takes_its_place_in_the_trash(root: Path) -> None:
    trash, path = Trash([root]), root / "Plone" / "01 a.flac"
    replaced(trash, path, b"new")
    (there,) = trash.entries()
    assert (there.path, there.reason, there.size, there.replaced_by) == (str(path), "transcode", 3, str(path))
    old, swapped = trash.restore("job1", "swap", AT)
    assert old.path == str(path) and swapped is not None
    assert files(root) == {"Plone/01 a.flac": b"old"}
    assert [each.entry for each in trash.entries()] == ["swap"]
    trash.restore("swap", "again", AT)
    assert files(root) == {"Plone/01 a.flac": b"new"}


def test_a_successor_of_another_name_goes_when_the_old_file_comes_back(root: Path) -> None:
    trash, old, new = Trash([root]), root / "Plone" / "01 a.flac", root / "Plone" / "01 a.mp3"
    new.write_bytes(b"new")
    held = trash.hold(str(old), "job1-1", reason="", at=AT)
    trash.settle(held, str(new))
    assert files(root) == {"Plone/01 a.mp3": b"new"}
    trash.restore("job1-1", "swap", AT)
    assert files(root) == {"Plone/01 a.flac": b"old"}


@pytest.mark.parametrize("killed", ["before the link", "before the successor", "before settling", "settled"])
def test_killed_between_any_two_steps_the_track_is_there_and_nothing_is_lost(root: Path, killed: str) -> None:
    trash, path = Trash([root]), root / "Plone" / "01 a.flac"
    held = trash.hold(str(path), "job1-1", reason="", at=AT, replaced_by=str(path))
    if killed == "before the link":
        os.unlink(held.kept)
    if killed in ("before settling", "settled"):
        replaced(trash, path, b"new")
    after = Trash([root])
    after.mend()
    if killed.startswith("before the"):
        assert files(root) == {"Plone/01 a.flac": b"old"} and after.entries() == []
        assert not (root / FOLDER).exists()
        replaced(after, path, b"new")  # the job does it again
    assert files(root) == {"Plone/01 a.flac": b"new"}
    after.restore("job1-1", "swap", AT)
    assert files(root) == {"Plone/01 a.flac": b"old"}


def test_where_there_are_no_links_the_file_is_moved_and_held_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **more: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    trash, path = Trash([root]), root / "Plone" / "01 a.flac"
    held = trash.hold(str(path), "job1-1", reason="", at=AT, replaced_by=str(path))
    assert files(root) == {}
    assert Trash([root]).mend() == 0, "what was moved is kept"
    assert trash.hold(str(path), "job1-1", reason="", at=AT, replaced_by=str(path)) == held
    trash.restore("job1-1", "swap", AT)
    assert files(root) == {"Plone/01 a.flac": b"old"}


def test_a_mount_inside_the_library_is_copied_from(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **more: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    trash, path = Trash([root]), root / "Plone" / "01 a.flac"
    replaced(trash, path, b"new")
    assert files(root) == {"Plone/01 a.flac": b"new"}
    trash.restore("job1-1", "swap", AT)
    assert files(root) == {"Plone/01 a.flac": b"old"}


def test_names_that_are_not_utf8_come_back_as_they_were(root: Path) -> None:
    path = os.fsdecode(os.fsencode(root) + b"/Plone/\xff\xfe.flac")
    Path(path).write_bytes(b"odd")
    trash = Trash([root])
    trash.settle(trash.hold(path, "job1-2", reason="", at=AT), "")
    assert not os.path.lexists(path)
    trash.restore("job1-2", "swap", AT)
    assert Path(path).read_bytes() == b"odd"


def test_what_lies_outside_or_behind_a_link_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.flac").write_bytes(b"mine")
    (root / "way").symlink_to(tmp_path / "secret")
    (root / "link.flac").symlink_to(tmp_path / "secret" / "a.flac")
    trash = Trash([root])
    for path in (tmp_path / "secret" / "a.flac", root / "way" / "a.flac", root / "link.flac", f"{root}/Plone/../../secret/a.flac", root):
        with pytest.raises(UserError):
            trash.hold(str(path), "job1-1", reason="", at=AT)
    assert (tmp_path / "secret" / "a.flac").read_bytes() == b"mine" and trash.entries() == []


def test_an_entry_forged_by_somebody_who_may_write_there_leads_nowhere_else(root: Path, tmp_path: Path) -> None:
    for name, path, kept in (("evil", str(tmp_path / "target"), "file"), ("evil2", str(root / "a"), "../../../target")):
        folder = root / FOLDER / name
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x")
        facts = {"path": path, "kept": kept, "reason": "", "at": AT, "job_id": "", "replaced_by": "", "stamp": [1, 2, 3]}
        (folder / "entry.json").write_text(json.dumps(facts))
    (root / FOLDER / "junk").mkdir()
    (root / FOLDER / "junk" / "entry.json").write_text("[" * 100_000)
    (tmp_path / "target").write_bytes(b"mine")
    trash = Trash([root])
    for entry in ("evil", "evil2"):
        with pytest.raises(UserError):
            trash.restore(entry, "swap", AT)
    trash.mend()
    trash.empty(trash.entries())
    assert (tmp_path / "target").read_bytes() == b"mine"


def test_emptied_is_gone_for_good(root: Path) -> None:
    trash, path = Trash([root]), root / "Plone" / "01 a.flac"
    replaced(trash, path, b"newer")
    assert trash.empty(trash.entries()) == 3
    assert trash.entries() == [] and not (root / FOLDER).exists()
    assert files(root) == {"Plone/01 a.flac": b"newer"}
    with pytest.raises(UserError):
        trash.restore("job1-1", "swap", AT)
