"""Which library folder holds a path."""

from pathlib import Path

from slskdn_tui.engine.library.safe_open import below


def test_a_library_folder_that_is_a_link_holds_its_files_by_either_name(tmp_path: Path) -> None:
    real, link = tmp_path / "disk" / "music", tmp_path / "Music"
    (real / "inner").mkdir(parents=True)
    link.symlink_to(real)
    assert below([link], f"{link}/a.flac") == (str(link), "a.flac")
    assert below([link], f"{real}/a.flac") == (str(real), "a.flac")
    assert below([link, real / "inner"], f"{real}/inner/a.flac") == (f"{real}/inner", "a.flac")


def test_what_lies_elsewhere_or_is_no_plain_path_is_in_none(tmp_path: Path) -> None:
    for path in (f"{tmp_path}x/a", f"{tmp_path}/../a", f"{tmp_path}//a", "a", str(tmp_path)):
        assert below([tmp_path], path) is None
