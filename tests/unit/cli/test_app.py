"""Verbs from the line typed to the exit code, over a scripted engine."""

import asyncio
import io
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from slskdn_tui.cli.app import VERBS, run
from slskdn_tui.cli.hooks import CheckLine, Hooks
from slskdn_tui.cli.present.completions import bash, fish, zsh
from slskdn_tui.cli.present.help import verbs
from slskdn_tui.config.load import load_settings
from slskdn_tui.config.paths import Paths
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import (
    EngineEvent,
    JobRow,
    JobsView,
    JobTrackRow,
    JobView,
    LogRow,
    LogView,
    Snapshot,
    StatusView,
    SwarmsView,
    TraceRow,
    TraceView,
    TrackView,
    Unchanged,
    ViewKey,
)
from slskdn_tui.seam import Command, Result

JOB = JobRow("j", 1, "0f4de638-x", "mb_release", SafeText("Loveless"), SafeText("MBV"), "running", 1, 2, 0.5, 0.0, "2025-12-09T15:30:00Z")


class Scripted:
    """Answers by screen; keeps what was submitted; logs grow by one line a poll and then ctrl+c is pressed."""

    description = "scripted"

    def __init__(self) -> None:
        self.sent: list[Command] = []
        self.stopped = 0
        self.result = Result()
        self.polls = 0

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self.stopped += 1

    async def submit(self, command: Command) -> Result:
        self.sent.append(command)
        return self.result

    def events(self) -> AsyncIterator[EngineEvent]:
        raise NotImplementedError

    async def snapshot(self, view: ViewKey, since: int = 0) -> Snapshot:
        if view.screen == "status":
            return StatusView(1, account=SafeText("alice"), soulseek="online")
        if view.screen == "jobs":
            return JobsView(1, (JOB,) * min(view.count, 700 - view.start), 700)
        if view.screen == "swarms":
            return SwarmsView(1)
        if view.screen == "job":
            if view.subject != "0f":
                raise UserError("not_found", f"no job {view.subject}", "See `slskdn jobs list`.")
            row = JobTrackRow("t", 1, 1, 1, 1, SafeText("Only Shallow"), 1000, "done", 1.0)
            return JobView(1, JOB, "mbid", (), (row,))
        if view.screen == "track":
            return TrackView(1, "0f4de638-x", int(view.subject.partition("/")[2]), SafeText("Only Shallow"), SafeText("Loveless"))
        if view.screen == "trace":
            rows = tuple(
                TraceRow(str(i), i, 0.0, "", SafeText(""), "job", 0, 0, "", None, None)
                for i in range(view.start, min(600, view.start + view.count))
            )
            return TraceView(1, "0f4de638-x", SafeText("Loveless"), (), rows, 600)
        assert view.screen == "log"
        self.polls += 1
        if self.polls == 3:
            return Unchanged(since)
        if self.polls > 4:
            raise KeyboardInterrupt
        levels = ("info", "warning", "error")
        rows = tuple(
            LogRow(f"k{i}", 1, f"2025-12-09T15:30:0{i}Z", "rescue", levels[i % 3], SafeText(f"line {i}")) for i in range(3 + self.polls)
        )
        return LogView(self.polls, rows, len(rows))


@pytest.fixture
def engine() -> Scripted:
    return Scripted()


@pytest.fixture
def slskdn(engine: Scripted, tmp_path: Path) -> Callable[..., int]:
    async def connect(paths: Paths, settings: Any, need: str) -> Scripted:
        if (tmp_path / "down").exists() and need == "live":
            raise UserError("no_engine", "no engine runs", "Start one.")
        return engine

    async def probe(paths: Paths, settings: Any) -> list[CheckLine]:
        return [CheckLine("chromaprint", "ok", "1.5")]

    def taken(name: str) -> Callable[..., int]:
        def hook(*args: Any) -> int:
            engine.sent.append(Command(name, {"args": args}))
            return 7

        return hook

    hooks = Hooks(
        connect, taken("screens"), taken("serve"), taken("demo"), taken("bench_serve"), taken("bench_fetch"), probe, taken("analyse")
    )
    return lambda *words, **environ: run([str(word) for word in words], hooks, {"SLSKDN_PROFILE": str(tmp_path), **environ})


Capture = pytest.CaptureFixture[str]
Slskdn = Callable[..., int]


def test_every_verb_is_carried_out_by_the_face_or_by_the_engine() -> None:
    for spec in verbs():
        assert (spec.name in VERBS) == (spec.where == "cli"), spec.name


def test_a_command_is_sent_and_its_answer_printed(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.result = Result("ok", SafeText("paused Loveless"))
    assert slskdn("jobs", "pause", "0f") == 0
    assert engine.sent == [Command("jobs.pause", {"job": "0f"})] and engine.stopped == 1
    assert capsys.readouterr().out == "paused Loveless\n"


def test_a_refusal_goes_to_stderr_with_its_code_and_hint(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.result = Result("not_found", SafeText("no such job"), SafeText("See jobs list."))
    assert slskdn("jobs", "pause", "zz") == 4
    out, err = capsys.readouterr()
    assert out == "" and "no such job" in err and "See jobs list." in err
    assert slskdn("jobs", "create", "x", "--json") == 4
    assert json.loads(capsys.readouterr().out) == {"code": "not_found", "message": "no such job", "hint": "See jobs list."}


def test_an_exported_manifest_is_the_only_thing_on_stdout(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.result = Result("ok", SafeText("exported"), data={"manifest": "job_id: x\n"})
    assert slskdn("jobs", "export", "0f") == 0
    assert capsys.readouterr() == ("job_id: x\n", "exported\n")


def test_a_trace_is_written_where_the_user_stands(
    slskdn: Slskdn, engine: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    slskdn("debug", "export", "0f")
    assert engine.sent == [Command("trace.export", {"job": "0f", "out": str(tmp_path / "0f.trace.json")})]


def test_cancelling_is_refused_without_a_terminal_or_yes(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    assert slskdn("jobs", "cancel", "0f") == 10
    assert engine.sent == [] and "--yes" in capsys.readouterr().err
    assert slskdn("jobs", "cancel", "0f", "--yes") == 0
    assert engine.sent == [Command("jobs.cancel", {"job": "0f"})]


def test_on_a_terminal_cancelling_asks_and_a_no_does_nothing(
    slskdn: Slskdn, engine: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("slskdn_tui.cli.acting.interactive", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\ny\n"))
    assert slskdn("jobs", "cancel", "0f") == 130 and engine.sent == []
    assert slskdn("jobs", "cancel", "0f") == 0 and engine.sent == [Command("jobs.cancel", {"job": "0f"})]
    assert "Cancel this job?" in capsys.readouterr().err


def test_stopping_loses_nothing_and_asks_nothing(slskdn: Slskdn, engine: Scripted) -> None:
    assert slskdn("stop") == 0 and engine.sent == [Command("stop")]


def test_every_failure_is_told_in_one_form(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.result = Result("not_found", SafeText("no job 'zz'"), SafeText("See jobs list."))
    for words, told in (
        (("jobs", "pause", "zz"), "slskdn: no job 'zz'\n  See jobs list.\n"),
        (("jobs", "show", "zz"), "slskdn: no job zz\n  See `slskdn jobs list`.\n"),
        (("jobs", "frob"), "slskdn: jobs: `frob` is not one of: "),
        (("frob",), "slskdn: `frob` is not one of: "),
    ):
        assert slskdn(*words) != 0
        assert capsys.readouterr().err.startswith(told)


def test_without_an_engine_acting_fails_and_looking_works(slskdn: Slskdn, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "down").touch()
    assert slskdn("jobs", "pause", "0f") == 5
    assert slskdn("status") == 0
    assert "online as alice" in capsys.readouterr().out


def test_all_jobs_are_listed_page_by_page(slskdn: Slskdn, capsys: Capture) -> None:
    assert slskdn("jobs", "list", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 700


def test_views_print_as_text_and_as_json(slskdn: Slskdn, capsys: Capture) -> None:
    for words, text in (
        (("status",), "alice"),
        (("jobs", "show", "0f"), "Only Shallow"),
        (("swarms", "list"), "Nothing is moving."),
        (("swarms", "show", "0f"), "Only Shallow"),
        (("swarms", "show", "0f", "--track", "1"), "Only Shallow"),
        (("debug", "job", "0f"), "Loveless"),
    ):
        assert slskdn(*words) == 0
        assert text in capsys.readouterr().out
        assert slskdn(*words, "--json") == 0
        json.loads(capsys.readouterr().out)


def test_a_whole_trace_is_exported_page_by_page(slskdn: Slskdn, capsys: Capture) -> None:
    assert slskdn("debug", "job", "0f", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["events"]) == 600


def test_an_unknown_job_is_a_plain_message_and_with_json_an_object_too(slskdn: Slskdn, capsys: Capture) -> None:
    assert slskdn("jobs", "show", "zz", "--json") == 4
    out, err = capsys.readouterr()
    assert json.loads(out)["code"] == "not_found" and "no job zz" in err


def test_the_log_is_filtered_and_followed_without_repeating(slskdn: Slskdn, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slskdn_tui.cli.verbs.look.POLL_S", 0)
    assert slskdn("log", "--lines", "2") == 0
    assert [line.rsplit(" ", 1)[1] for line in capsys.readouterr().out.splitlines()] == ["2", "3"]
    assert slskdn("log", "--follow", "--lines", "1", "--json") == 130
    followed = [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()]
    assert followed == ["line 4", "line 5", "line 6"]


def test_following_without_an_engine_prints_what_is_stored_and_waits_for_one(
    slskdn: Slskdn, engine: Scripted, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "down").touch()
    monkeypatch.setattr("slskdn_tui.cli.verbs.look.POLL_S", 0)

    async def comes(seconds: float) -> None:
        (tmp_path / "down").unlink(missing_ok=True)

    monkeypatch.setattr("slskdn_tui.cli.verbs.look.asyncio.sleep", comes)
    assert slskdn("log", "--follow", "--lines", "1") == 130
    out, err = capsys.readouterr()
    assert [line.rsplit(" ", 1)[1] for line in out.splitlines()] == ["3", "0", "1", "2", "3", "4", "5", "6"]
    assert "waiting for one" in err and err.count("\n") == 2  # and the end of ctrl+c's line


def test_the_logs_level_means_and_above(slskdn: Slskdn, capsys: Capture) -> None:
    assert slskdn("log", "--level", "warning") == 0
    assert [line.rsplit(" ", 1)[1] for line in capsys.readouterr().out.splitlines()] == ["1", "2"]
    assert slskdn("log", "--part", "dht") == 0
    assert capsys.readouterr().out.strip() == ""


def test_no_control_character_reaches_the_terminal(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.result = Result("ok", data={"text": "a\x1b]52;c;x\x07\x9b2Jb\n"})
    slskdn("jobs", "export", "0f")
    out = capsys.readouterr().out
    assert not any((ord(char) < 0x20 and char != "\n") or 0x7F <= ord(char) < 0xA0 for char in out)


def test_screens_and_the_demo_need_a_terminal_and_name_the_way_without(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    assert slskdn(TERM="xterm") == 11 and slskdn("demo", TERM="xterm") == 11
    assert "demo --headless" in capsys.readouterr().err and engine.sent == []
    assert slskdn("demo", "--headless", "--json", "--timeout", "5") == 7
    options = engine.sent[0].args["args"][0]
    assert options.headless and options.json and options.timeout_s == 5 and options.keep is None


def test_a_wrong_file_stops_every_verb_that_needs_it_with_its_line(slskdn: Slskdn, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "config.yaml").write_text("ui:\n  theem: x\n")
    assert slskdn("status") == 3
    assert "line 2: no key `theem`" in capsys.readouterr().err
    assert slskdn("config", "check") == 3
    assert slskdn("config", "path") == 0
    assert slskdn("check") == 1
    assert "line 2: no key `theem`" in capsys.readouterr().out


def test_bench_is_passed_through_with_addresses_checked(slskdn: Slskdn, engine: Scripted) -> None:
    assert slskdn("bench", "fetch", "--out", "o", "--peers", "127.1.1.1:5,127.1.2.1:6", "--json") == 7
    assert engine.sent[0].args["args"] == ("o", "127.1.1.1:5,127.1.2.1:6", True)
    assert slskdn("bench", "serve", "--listen", "127.1.1.1:0", "f") == 7
    assert slskdn("bench", "serve", "--listen", "127.1.1.1", "f") == 2


def test_init_from_a_pipe_writes_a_private_file_that_loads(
    slskdn: Slskdn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("alice\nhunter2 \n~/dl\n/a, /b\n1000\n"))
    assert slskdn("init") == 0
    target = tmp_path / "config.yaml"
    out, err = capsys.readouterr()
    assert out == f"{target}\n" and "hunter2" not in err
    assert target.stat().st_mode & 0o777 == 0o600
    made = load_settings(Paths.of(tmp_path), {})
    assert made.soulseek.username == "alice" and made.soulseek.password.reveal() == "hunter2 "
    assert made.downloads.folder == "~/dl" and made.soulseek.share == ["/a", "/b"] and made.soulseek.listen_port == 1000


def test_init_never_overwrites_unasked(slskdn: Slskdn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text("ui:\n  ascii: true\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert slskdn("init") == 10
    assert (tmp_path / "config.yaml").read_text() == "ui:\n  ascii: true\n"
    assert slskdn("init", "--force") == 0
    assert load_settings(Paths.of(tmp_path), {}).ui.ascii is False


def test_init_names_a_wrong_answer_from_a_pipe(slskdn: Slskdn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("alice\nx\n~/dl\n/a\nninety\n"))
    assert slskdn("init") == 3
    assert "listen_port: `ninety`" in capsys.readouterr().err and not (tmp_path / "config.yaml").exists()


def typing(monkeypatch: pytest.MonkeyPatch, text: str, password: str = "hunter2") -> None:
    """A person at a terminal types `text`."""
    monkeypatch.setattr("slskdn_tui.cli.verbs.setup.interactive", lambda: True)
    monkeypatch.setattr("slskdn_tui.cli.verbs.setup.getpass.getpass", lambda ask, stream: password)
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_init_on_a_terminal_wants_an_account_and_stops_when_none_is_given(
    slskdn: Slskdn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    for text in ("\n\n", ""):
        typing(monkeypatch, text)
        assert slskdn("init") == 130
        assert not (tmp_path / "config.yaml").exists() and "nothing was written" in capsys.readouterr().err
    typing(monkeypatch, f"\nalice\n{tmp_path}\n")
    assert slskdn("init") == 130  # ctrl+d in the middle
    assert "Without an account nothing can be found" in capsys.readouterr().err and not (tmp_path / "config.yaml").exists()


def test_init_asks_again_for_what_cannot_work(slskdn: Slskdn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    (tmp_path / "file").touch()
    answers = [
        "alice",
        f"{tmp_path}/file/below",
        str(tmp_path),
        f"{tmp_path}, {tmp_path}/none",
        "50400",
        "",
        "2240",
        "50402",
        "me@example.org",
    ]
    typing(monkeypatch, "\n".join(answers) + "\n")
    assert slskdn("init") == 0
    err = capsys.readouterr().err
    assert "file is a file" in err and "another port than listen_port" in err
    assert f"{tmp_path}/none is not there" in err and f"{tmp_path} is not there" not in err
    made = load_settings(Paths.of(tmp_path), {})
    assert (made.overlay.listen, made.dht.listen) == ("0.0.0.0:2240", "0.0.0.0:50402")
    assert made.musicbrainz.contact == "me@example.org" and made.downloads.folder == str(tmp_path)


def test_init_from_a_pipe_says_what_is_missing_and_what_is_too_much(
    slskdn: Slskdn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"alice\n\n\n{tmp_path}\n\n\n\n\nme@example.org\nleft\nover\n"))
    assert slskdn("init") == 0
    err = capsys.readouterr().err
    assert "No password yet" in err and "2 lines of the input not used" in err and "No account" not in err


def test_init_does_not_wait_for_more_than_it_asked(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "slskdn_tui", "--profile", str(tmp_path), "init"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stderr is not None
        child.stdin.write(f"alice\npw\n{tmp_path}\n" + "\n" * 5 + "surplus\n")
        child.stdin.flush()  # and stays open
        assert child.wait(60) == 0
        assert "1 line of the input not used" in child.stderr.read()


def test_config_show_hides_the_password_and_shows_overrides(slskdn: Slskdn, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "config.yaml").write_text("soulseek:\n  password: hunter2\n")
    environ = {"SLSKDN_UI__THEME": "day", "SLSKDN_ACOUSTID__KEY": "k3y"}
    assert slskdn("config", "show", **environ) == 0
    text = capsys.readouterr().out
    assert "hunter2" not in text and "k3y" not in text and "theme: day" in text
    assert slskdn("config", "show", "--json", **environ) == 0
    assert json.loads(capsys.readouterr().out)["soulseek"]["password"] == "***"


def test_check_names_a_taken_port_and_how_to_mend_it(slskdn: Slskdn, tmp_path: Path, capsys: Capture) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        free = other.getsockname()[1]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "config.yaml").write_text(
            f"soulseek:\n  username: a\n  password: b\n  listen_address: 127.0.0.1\n  listen_port: {port}\n  share: [/no/such]\n"
            f"downloads:\n  folder: {tmp_path}\n  destinations: {{vinyl: {tmp_path}/config.yaml/vinyl}}\n  free_space_mib: 0\nlibrary:\n  folders: [/no/music]\n"
            f"overlay:\n  listen: 127.0.0.1:{free}\ndht:\n  enabled: false\n"
        )
        assert slskdn("check", "--json") == 1
    lines = {line["part"]: line for line in json.loads(capsys.readouterr().out)}
    assert lines["soulseek port"]["state"] == "fail" and "soulseek.listen_port" in lines["soulseek port"]["mend"]
    assert lines["downloads"]["state"] == "ok" and lines["downloads vinyl"]["state"] == "fail", "nothing can be made there"
    assert lines["library"]["state"] == "fail" and "library.folders" in lines["library"]["mend"]
    assert lines["overlay port"]["state"] == "ok" and lines["share"]["state"] == "fail" and lines["chromaprint"]["state"] == "ok"
    assert all(line["mend"] for line in lines.values() if line["state"] == "fail")


def test_check_looks_at_the_terminal(slskdn: Slskdn, capsys: Capture) -> None:
    from slskdn_tui.cli.verbs.check import terminal

    seen = {line.part: line for line in terminal({"TERM": "dumb", "NO_COLOR": "1"}, True)}
    assert seen["terminal"].state == "fail" and "NO_COLOR" in seen["colours"].words
    assert {line.part: line for line in terminal({"TERM": "xterm-256color"}, True)}["colours"].words == "256"


def test_themes_are_listed_and_a_bad_one_is_named(slskdn: Slskdn, tmp_path: Path, capsys: Capture) -> None:
    assert slskdn("themes", "list", "--json") == 0
    assert "night" in {item["name"] for item in json.loads(capsys.readouterr().out)}
    bad = tmp_path / "bad.toml"
    bad.write_text("name = 3\n")
    assert slskdn("themes", "check", bad) == 3
    assert str(bad) in capsys.readouterr().err
    assert slskdn("themes", "check") == 0


def complete(words: list[str]) -> list[str]:
    """What bash would offer for the last of `words`."""
    script = (
        bash()
        + f"\nCOMP_WORDS=({' '.join(repr(word) for word in words)})\nCOMP_CWORD={len(words) - 1}\n_slskdn\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script.replace("complete -o", ": complete -o")], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_bash_completes_verbs_flags_and_choices() -> None:
    assert complete(["slskdn", "jo"]) == ["jobs"]
    assert set(complete(["slskdn", "jobs", "re"])) == {"resume", "rerun"}
    assert complete(["slskdn", "--profile", "/p", "jobs", "canc"]) == ["cancel"]
    assert complete(["slskdn", "jobs", "cancel", "x", "--y"]) == ["--yes"]
    assert complete(["slskdn", "jobs", "create", "--no-o"]) == ["--no-overlay"]
    assert complete(["slskdn", "log", "--level", "w"]) == ["warning"]
    assert complete(["slskdn", "completions", "z"]) == ["zsh"]
    assert complete(["slskdn", "library", "tr"]) == ["trash"]
    assert complete(["slskdn", "library", "trash", "re"]) == ["restore"]
    assert complete(["slskdn", "library", "trash", "empty", "--o"]) == ["--older"]


def test_all_shells_know_all_verbs(slskdn: Slskdn, capsys: Capture) -> None:
    for shell, text in (("bash", bash()), ("zsh", zsh()), ("fish", fish())):
        assert all(word in text for spec in verbs() for word in spec.verb)
        assert slskdn("completions", shell) == 0
        assert capsys.readouterr().out == text


def test_nobody_reading_is_no_error(tmp_path: Path) -> None:
    code = "import sys; from slskdn_tui.cli.app import run; sys.exit(run(['--help'] , None))"
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root) as reader:
        assert reader.stdout is not None and reader.stderr is not None
        reader.stdout.close()
        assert (reader.stderr.read(), reader.wait(60)) == (b"", 0)


def test_the_scripted_engine_stands_behind_the_seam() -> None:
    assert isinstance(asyncio.run(Scripted().snapshot(ViewKey("status"))), StatusView)
