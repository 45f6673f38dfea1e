"""The password: from the file or from a command, never shown."""

import sys

import pytest

from slskdn_tui.config.questions import QUESTIONS, settings_of
from slskdn_tui.config.secrets import resolve_password, resolve_token
from slskdn_tui.config.settings import Discogs, Secret, Settings, Soulseek
from slskdn_tui.model.errors import UserError


def settings(**keys: object) -> Settings:
    return Settings(soulseek=Soulseek(**keys))


def test_the_file_wins_and_nothing_is_nothing() -> None:
    assert resolve_password(settings(password=Secret("hunter2"), password_cmd="false")) == "hunter2"
    assert resolve_password(settings()) == ""


def test_a_command_prints_it_on_its_first_line() -> None:
    assert resolve_password(settings(password_cmd=r"printf 'p w\nuser: x\n'")) == "p w"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("false", "ended with code 1"),
        ("true", "printed nothing"),
        ("/no/such/program", "cannot be run"),
        ("'", "missing quote"),
        (" ", "cannot be run"),
    ],
)
def test_a_failing_command_is_explained(command: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve_password(settings(password_cmd=command))
    assert caught.value.code == "config" and words in str(caught.value)


def test_a_command_that_waits_is_given_up() -> None:
    with pytest.raises(UserError, match="no answer in"):
        resolve_password(settings(password_cmd=f"{sys.executable} -c 'import time; time.sleep(60)'"), timeout_s=0.2)


def test_what_a_failing_command_printed_is_not_repeated() -> None:
    with pytest.raises(UserError) as caught:
        resolve_password(settings(password_cmd="sh -c 'echo hunter2; exit 3'"))
    assert "hunter2" not in str(caught.value)


def test_answers_become_settings() -> None:
    made = settings_of({"username": "alice", "password": "x y", "share": "/a, ~/b", "listen_port": "1000", "dht_port": "7"})
    assert made.soulseek.username == "alice" and made.soulseek.password.reveal() == "x y"
    assert made.soulseek.share == made.library.folders == ["/a", "~/b"] and made.soulseek.listen_port == 1000
    assert made.dht.listen == "0.0.0.0:7" and made.overlay.listen == "0.0.0.0:50400"
    assert settings_of({}) == Settings()


def test_every_default_answer_is_a_good_one() -> None:
    assert [question.name for question in QUESTIONS if question.wrong(question.default)] == []


def test_a_token_of_discogs_comes_from_its_own_command_and_faults_name_that() -> None:
    assert resolve_token(Discogs(token=Secret("abc"))) == "abc" and resolve_token(Discogs()) == ""
    assert resolve_token(Discogs(token_cmd="printf abc")) == "abc"
    with pytest.raises(UserError, match=r"discogs\.token_cmd \(`false`\) ended with code 1"):
        resolve_token(Discogs(token_cmd="false"))
