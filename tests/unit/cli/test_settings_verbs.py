"""`slskdn config` and what is said of paths that a user typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from slskdn_tui.cli.app import run
from slskdn_tui.cli.verbs.check import folders
from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings, Soulseek, WarmCache

Capture = pytest.CaptureFixture[str]


def test_a_home_that_nobody_has_is_a_file_that_is_not_there(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"SLSKDN_PROFILE": str(tmp_path)}
    assert run(["themes", "check", "~nobody-has-it/a.toml"], None, environ) == 3
    assert run(["config", "check", "~nobody-has-it/config.yaml"], None, environ) == 4
    assert "~nobody-has-it/config.yaml: no such file" in capsys.readouterr().err
    assert Paths.of(Path("~nobody-has-it")).config == tmp_path / "~nobody-has-it"


def test_config_check_looks_at_the_environment_also_where_no_file_is(tmp_path: Path, capsys: Capture) -> None:
    environ = {"SLSKDN_PROFILE": str(tmp_path)}
    assert run(["config", "check"], None, {**environ, "SLSKDN_SOULSEEK__LISTEN_PORT": "x"}) == 3
    assert "environment variable SLSKDN_SOULSEEK__LISTEN_PORT: `x` is not allowed" in capsys.readouterr().err
    assert run(["config", "check"], None, environ) == 0


def test_a_share_among_the_programs_own_folders_is_named_and_one_beside_them_is_fine(tmp_path: Path) -> None:
    cache, music = tmp_path / "cache" / "chunks", tmp_path / "music"
    cache.mkdir(parents=True), music.mkdir()
    warm = tmp_path / "elsewhere" / "warm"
    warm.mkdir(parents=True)
    settings = Settings(soulseek=Soulseek(share=[str(cache), str(warm), str(music)]), warm_cache=WarmCache(folder=str(warm.parent)))
    lines = {line.words: line.state for line in folders(Paths.of(tmp_path), settings) if line.part == "share"}
    own = "is one of this program's own folders and never shared"
    assert lines == {f"{cache} {own}": "fail", f"{warm} {own}": "fail", str(music): "ok"}
