"""What is typed becomes an invocation, or an error that says what was meant."""

from pathlib import Path

import pytest

from slskdn_tui.cli.acting import arguments
from slskdn_tui.cli.args import Invocation, parse
from slskdn_tui.cli.present.help import verbs
from slskdn_tui.commands import by_name
from slskdn_tui.model.errors import UserError


def read(line: str, environ: dict[str, str] | None = None) -> Invocation:
    return parse(line.split(), environ or {}, "9.9")


def refused(line: str) -> UserError:
    with pytest.raises(UserError) as caught:
        read(line)
    assert caught.value.code == "usage"
    return caught.value


def test_nothing_opens_the_screens_with_their_options() -> None:
    made = read("--theme day --ascii --no-mouse --refresh 0.5 --low-bandwidth --readonly")
    assert made.spec is None and made.help == ""
    options = made.options
    assert (options.theme, options.ascii, options.mouse, options.refresh_hz) == ("day", True, False, 0.5)
    assert options.low_bandwidth and options.readonly


def test_the_profile_may_stand_before_or_after_the_verb_or_in_the_environment() -> None:
    for line in ("--profile /p jobs list", "jobs --profile /p list", "jobs list --profile /p"):
        assert read(line, {"SLSKDN_PROFILE": "/q"}).profile == Path("/p")
    assert read("jobs list", {"SLSKDN_PROFILE": "/q"}).profile == Path("/q")
    assert read("jobs list").profile is None


def test_a_verb_carries_its_arguments_with_defaults() -> None:
    made = read("jobs create abc --codecs FLAC,MP3 --max-lossy 2 --no-overlay")
    assert made.spec is by_name("jobs.create")
    assert made.args["reference"] == "abc" and made.args["max_lossy"] == 2
    assert made.args["overlay"] is False and made.args["canonical"] is True and made.args["json"] is False


def test_what_is_sent_leaves_out_the_faces_own_flags_and_what_was_not_given() -> None:
    made = read("jobs create abc --json")
    assert made.spec is not None
    assert arguments(made.spec, made.args) == {"reference": "abc", "canonical": True, "overlay": True, "mix": False, "again": False}


def test_file_names_are_sent_whole_because_the_engine_stands_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    made = read("jobs import job.yaml")
    assert made.spec is not None
    assert arguments(made.spec, made.args) == {"file": str(tmp_path / "job.yaml")}


def test_a_groups_bare_word_lists() -> None:
    assert read("jobs").spec is by_name("jobs.list")
    made = read("uploads --json")
    assert made.spec is by_name("uploads.list") and made.args["json"] is True
    assert read("limits").spec is by_name("limits.show")
    assert read("message").spec is by_name("message.list")


def test_a_mistyped_verb_is_guessed() -> None:
    assert "`jobs`" in refused("job list").hint
    assert "`resume`" in refused("jobs resum x").hint


@pytest.mark.parametrize(
    "line",
    [
        "debug",
        "get",
        "jobs create",
        "jobs create a b",
        "jobs list --nope",
        "swarms show a --track x",
        "--refresh 99",
        "completions tcsh",
        "bench serve f",
        "jobs list --js",
    ],
)
def test_a_wrong_line_is_refused(line: str) -> None:
    error = refused(line)
    assert "slskdn" in error.hint and not error.message.startswith("slskdn"), "the prefix is put before it once, when it is printed"


def test_a_figure_that_is_none_is_named_in_plain_words() -> None:
    assert refused("limits set --down fast").message == "limits set: `--down` wants a whole number, not `fast`"
    assert refused("--refresh quick").message == "`--refresh` wants a number, not `quick`"


def test_every_dangerous_verb_takes_yes() -> None:
    for spec in verbs():
        if spec.danger:
            needed = ["x" for arg in spec.args if arg.required]
            assert parse([*spec.verb, *needed, "--yes"], {}, "1").args["yes"] is True


@pytest.mark.parametrize("spec", verbs(), ids=lambda spec: spec.name)
def test_every_verb_has_help_that_names_all_it_takes(spec) -> None:
    text = parse([*spec.verb, "--help"], {}, "1").help
    assert text.startswith("usage: slskdn " + " ".join(spec.verb)) and spec.summary in " ".join(text.split())
    for arg in spec.args:
        assert arg.name.replace("_", "-") in text.lower() or any(choice in text for choice in arg.choices) or arg.type == "path"
    assert all(len(line) <= 100 for line in text.splitlines())


def test_help_and_version_win_over_missing_arguments() -> None:
    assert "slskdn 9.9" in read("--version").help
    assert read("jobs create --help").spec is None
    assert "cancel" in read("jobs --help").help
