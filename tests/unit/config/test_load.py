"""The configuration file: read whole, errors that name file, line, key and what is allowed."""

import logging
import os
from pathlib import Path

import pytest

from slskdn_tui.config.files import write_private
from slskdn_tui.config.generate import default_file
from slskdn_tui.config.load import ConfigError, load_file, load_settings, warnings
from slskdn_tui.config.paths import Paths
from slskdn_tui.config.rules import keymap_clashes
from slskdn_tui.config.settings import Secret, Settings, Soulseek
from slskdn_tui.model.errors import UserError


def write(tmp_path: Path, text: str) -> Paths:
    paths = Paths.of(tmp_path)
    paths.config_file.write_text(text)
    return paths


def wrong(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        load_settings(write(tmp_path, text), environ or {})
    assert caught.value.code == "config"
    return caught.value


def test_no_file_means_defaults(tmp_path: Path) -> None:
    assert load_settings(Paths.of(tmp_path), {}) == Settings()


def test_an_empty_section_and_an_empty_file_mean_defaults(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "soulseek:\n  # nothing yet\nui:\n"), {}) == Settings()
    assert load_settings(write(tmp_path, ""), {}) == Settings()


def test_the_generated_file_reads_back_the_same(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, default_file()), {}) == Settings()
    account = Soulseek(username="No", password=Secret("p: '#\"ä"), share=["/a b", "~/ü: x"], share_exclude=["010"], listen_port=1)
    changed = Settings(soulseek=account).model_copy(update={"ui": Settings().ui.model_copy(update={"keymap": {"jobs.cancel": "X"}})})
    assert load_settings(write(tmp_path, default_file(changed)), {}) == changed


def test_the_generated_file_hides_secrets_when_asked() -> None:
    text = default_file(Settings(soulseek=Soulseek(password=Secret("hunter2"))), reveal=False)
    assert "hunter2" not in text and "***" in text


def test_every_key_stands_in_the_generated_file_with_a_comment() -> None:
    lines = default_file().splitlines()
    for section, field in Settings.model_fields.items():
        assert f"{section}:" in lines
        for key in field.annotation.model_fields:
            at = next(i for i, line in enumerate(lines) if line.startswith(f"  {key}:"))
            assert lines[at - 1].startswith("  #"), key


def test_a_mistyped_key_names_file_line_and_the_nearest_key(tmp_path: Path) -> None:
    error = wrong(tmp_path, "soulseek:\n  username: a\n  listn_port: 3\n")
    assert error.message == f"{tmp_path}/config.yaml, line 3: no key `listn_port` in `soulseek`"
    assert "Did you mean `listen_port`?" in error.hint


def test_a_key_in_the_wrong_section_is_pointed_home(tmp_path: Path) -> None:
    assert "`dht: bootstrap`" in wrong(tmp_path, "overlay:\n  bootstrap: [a:1]\n").hint


def test_a_mistyped_section_is_named(tmp_path: Path) -> None:
    error = wrong(tmp_path, "ui:\n  ascii: true\noverlya:\n  enabled: true\n")
    assert "line 3: no section `overlya`" in error.message and "Did you mean `overlay`?" in error.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("soulseek:\n  listen_port: 70000\n", "line 2: soulseek.listen_port: `70000` is not allowed", "a whole number, 1 to 65535"),
        ("soulseek:\n  listen_port: '22'\n", "line 2: soulseek.listen_port", "without quotes"),
        ("soulseek:\n  username: 1234\n", "line 2: soulseek.username: `1234` is not allowed", "in quotes"),
        ("soulseek:\n  username:\n", "line 2: soulseek.username: it has no value", 'Write ""'),
        ("overlay:\n  enabled: yes\n", "line 2: overlay.enabled: `yes` is not allowed", "true | false"),
        ("overlay:\n  offer: all\n", "line 2: overlay.offer", "shared | downloads | none"),
        ("overlay:\n  listen: 50400\n", "line 2: overlay.listen", "text"),
        ("overlay:\n  listen: host:50400\n", "line 2: overlay.listen: `host:50400` is not ADDRESS:PORT", "0.0.0.0:50400"),
        ("dht:\n  listen: 0.0.0.0:0\n", "line 2: dht.listen", "ADDRESS:PORT"),
        ("rescue:\n  slow_s: .inf\n", "line 2: rescue.slow_s", "a number, above 0"),
        ("rescue:\n  origin_share: 2\n", "line 2: rescue.origin_share", "above 0, at most 1"),
        ("soulseek:\n  share: /music\n", "line 2: soulseek.share", "a list of texts"),
        ("soulseek:\n  share: [/music, music]\n", "line 2: soulseek.share: `music` is not a whole path", "beginning with / or ~/"),
        (
            "library:\n  folders: ['~nobody/music']\n",
            "line 2: library.folders: `~nobody/music` is not a whole path",
            "beginning with / or ~/",
        ),
        ("downloads:\n  folder: music\n", "line 2: downloads.folder: `music` is not a whole path", "~/Music/slskdn"),
        (
            "downloads:\n  destinations: {vinyl: data}\n",
            "line 2: downloads.destinations: `data` of `vinyl` is not a whole path",
            "/data/vinyl",
        ),
        ("soulseek:\n  port_file: port\n", "line 2: soulseek.port_file: `port` is not a whole path", "beginning with / or ~/"),
        ("soulseek:\n  server: nowhere\n", "line 2: soulseek.server", "HOST:PORT"),
        ("downloads:\n  template: '{artist}/{tittle}{ext}'\n", "line 2: downloads.template: no field {tittle}", "{title}"),
        ("downloads:\n  template: '../{title}{ext}'\n", "line 2: downloads.template: the path must stay below", "{title}"),
        ("downloads:\n  template: '{artist}{ext}'\n", "line 2: downloads.template: two tracks", "{title}"),
        ("downloads:\n  template: '{title.__class__}{ext}'\n", "line 2: downloads.template: no field", "{title}"),
        ("network:\n  permit: [10.0.0.0/99]\n", "line 2: network.permit", "10.0.0.0/8"),
        ("ui:\n  keymap:\n    jobs.cancle: X\n", "line 2: ui.keymap: no command `jobs.cancle`", "jobs.cancel"),
        ("- a\n", "line 1: sections are expected", "soulseek"),
        ("soulseek: 3\n", "line 1: `soulseek` wants keys below it", "username"),
        ("a: &x 1\n", "line 1: an anchor", "Write the value out"),
    ],
)
def test_a_wrong_value_names_line_key_and_what_is_allowed(tmp_path: Path, text: str, message: str, hint: str) -> None:
    error = wrong(tmp_path, text)
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize("gap", ["0", "0.4", "2.99"])
def test_searches_fast_enough_for_a_ban_are_refused_with_what_to_do(tmp_path: Path, gap: str) -> None:
    error = wrong(tmp_path, f"soulseek:\n  search_gap_s: {gap}\n")
    assert "line 2: soulseek.search_gap_s: " in error.message and "may ban your address for 30 minutes" in error.message
    assert "Allowed: 3 or more" in error.hint
    error = wrong(tmp_path, "", {"SLSKDN_SOULSEEK__SEARCH_GAP_S": gap})
    assert "SLSKDN_SOULSEEK__SEARCH_GAP_S: searches" in error.message


@pytest.mark.parametrize(
    ("server", "gap"), [("server.slsknet.org:2416", "3"), ("127.1.0.1:2242", "0"), ("localhost:2242", "0"), ("'[::1]:2242'", "0.5")]
)
def test_searches_far_enough_apart_are_taken_and_any_by_a_server_on_this_machine(tmp_path: Path, server: str, gap: str) -> None:
    settings = load_settings(write(tmp_path, f"soulseek:\n  server: {server}\n  search_gap_s: {gap}\n"), {})
    assert settings.soulseek.search_gap_s == float(gap)


def test_several_faults_are_all_named(tmp_path: Path) -> None:
    error = wrong(tmp_path, "nope: {}\nui:\n  theem: x\n  ascii: 3\n")
    assert "nope" in error.message and "theem" in error.hint and "ui.ascii" in error.hint
    assert isinstance(error, ConfigError)
    assert [what.partition("line ")[2][:1] for what, _ in error.faults] == ["1", "3", "4"]
    assert error.faults[-1][1].startswith("Allowed: true | false")


@pytest.mark.parametrize("text", ["ui:\n\tascii: true\n", "ui:\n  ascii: true\n \t mouse: true\n"])
def test_a_tab_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    line = 2 if text.startswith("ui:\n\t") else 3
    assert f"a tab at line {line}; indent with spaces" in wrong(tmp_path, text).message


def test_keys_that_another_command_has_are_warned_of_and_loaded(tmp_path: Path) -> None:
    paths = write(tmp_path, "ui:\n  keymap:\n    jobs.cancel: W\n    jobs.toggle: n\n    trace.export: Q\n    view.redraw: '[ ctrl+l'\n")
    assert load_settings(paths, {}).ui.keymap["jobs.toggle"] == "n"
    told = "\n".join(warnings(paths.config_file, {}))
    assert f"{paths.config_file}, line 4: ui.keymap: key `n` of jobs.toggle is jobs.create's on the jobs screen already" in told
    assert "line 6: ui.keymap: key `[` of view.redraw is swarms.up's on the swarms screen already" in told
    assert "line 3" not in told and "line 5" not in told


def test_swapped_keys_are_no_clash_and_one_key_twice_is_said_once() -> None:
    assert list(keymap_clashes({"jobs.cancel": "p", "jobs.toggle": "x"})) == []
    assert len(list(keymap_clashes({"jobs.cancel": "Q", "jobs.toggle": "Q"}))) == 1


def test_a_wrong_secret_is_never_shown(tmp_path: Path) -> None:
    error = wrong(tmp_path, "soulseek:\n  password: 5551234\n")
    assert "5551234" not in str(error) and "in quotes" in error.hint


def test_the_environment_overrides_the_file_and_keeps_text_as_text(tmp_path: Path) -> None:
    paths = write(tmp_path, "soulseek:\n  listen_port: 1000\n  username: bob\n")
    settings = load_settings(
        paths,
        {
            "SLSKDN_SOULSEEK__LISTEN_PORT": "2000",
            "SLSKDN_SOULSEEK__PASSWORD": "123456",
            "SLSKDN_OVERLAY__ENABLED": "false",
            "SLSKDN_DHT__BOOTSTRAP": "127.1.1.1:5000, 127.1.2.1:5000",
            "SLSKDN_UI__KEYMAP": "{jobs.cancel: X}",
            "SLSKDN_PROFILE": "/ignored",
        },
    )
    assert (settings.soulseek.listen_port, settings.soulseek.username) == (2000, "bob")
    assert settings.soulseek.password.reveal() == "123456"
    assert settings.overlay.enabled is False
    assert settings.dht.bootstrap == ["127.1.1.1:5000", "127.1.2.1:5000"]
    assert settings.ui.keymap == {"jobs.cancel": "X"}


def test_a_wrong_override_names_the_variable(tmp_path: Path) -> None:
    assert wrong(tmp_path, "", {"SLSKDN_UI__ASCII": "maybe"}).message.startswith("environment variable SLSKDN_UI__ASCII: `maybe`")
    assert "Did you mean `ascii`" in wrong(tmp_path, "", {"SLSKDN_UI__ASCI": "true"}).hint
    assert "no section `uu`" in wrong(tmp_path, "", {"SLSKDN_UU__ASCII": "true"}).message


def test_a_file_with_a_secret_is_made_private_and_said_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = write(tmp_path, "soulseek:\n  password: hunter2\n")
    paths.config_file.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        load_settings(paths, {})
    assert paths.config_file.stat().st_mode & 0o777 == 0o600
    assert "0600" in caplog.text and "hunter2" not in caplog.text


def test_a_file_without_a_secret_keeps_its_mode(tmp_path: Path) -> None:
    paths = write(tmp_path, "soulseek:\n  username: a\n  password: ''\n")
    paths.config_file.chmod(0o644)
    load_settings(paths, {})
    assert paths.config_file.stat().st_mode & 0o777 == 0o644


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(UserError, match="not a regular file"):
            load_file(tmp_path / name, {})
    with pytest.raises(UserError, match="no such file"):
        load_file(tmp_path / "none", {})
    (tmp_path / "latin").write_bytes(b"ui:\n  theme: caf\xe9\n")
    with pytest.raises(UserError, match="line 2: not UTF-8"):
        load_file(tmp_path / "latin", {})


def test_writing_never_overwrites_unasked_and_is_private(tmp_path: Path) -> None:
    target = tmp_path / "a" / "config.yaml"
    write_private(target, "one\n", overwrite=False)
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UserError) as caught:
        write_private(target, "two\n", overwrite=False)
    assert caught.value.code == "refused" and target.read_text() == "one\n"
    write_private(target, "two\n", overwrite=True)
    assert target.read_text() == "two\n" and [item.name for item in target.parent.iterdir()] == ["config.yaml"]
