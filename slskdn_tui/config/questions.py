"""The few things a first run asks, and the settings that the answers make. Core: `slskdn init` and a guided screen share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slskdn_tui.config import rules
from slskdn_tui.config.settings import Secret, Settings


@dataclass(frozen=True, slots=True)
class Question:
    """One question: `secret` answers are not echoed; `wrong(answer)` says why an answer cannot be taken, or ''."""

    name: str
    ask: str
    default: str
    wrong: Callable[[str], str]
    secret: bool = False


def _any(answer: str) -> str:
    return ""


def _account(answer: str) -> str:
    return "" if rules.username(answer) else "at most 30 printable ASCII characters, no spaces around them"


def _folder(answer: str) -> str:
    return "" if rules.folder(answer) else rules.WHOLE_PATH


def _folders(answer: str) -> str:
    return next((fault for item in split(answer) if (fault := _folder(item))), "")


def _port(answer: str) -> str:
    return "" if answer.isascii() and answer.isdigit() and 1 <= int(answer[:6]) <= 65535 else "a number from 1 to 65535"


def split(answer: str) -> list[str]:
    """Folders of a comma separated answer."""
    return [item.strip() for item in answer.split(",") if item.strip()]


QUESTIONS: tuple[Question, ...] = (
    Question("username", "Soulseek account (a new name makes a new account at the first login)", "", _account),
    Question("password", "Password (empty to give a command that prints it)", "", _any, secret=True),
    Question("password_cmd", "Command that prints the password, e.g. pass show soulseek (empty to set it later)", "", _any),
    Question("folder", "Folder for finished downloads", "~/Music/slskdn", _folder),
    Question(
        "share",
        "Your music folders, comma separated: shared, and looked through for bad files (users ban those who share nothing)",
        "",
        _folders,
    ),
    Question("listen_port", "TCP port other Soulseek users connect to (open it in your router)", "2234", _port),
    Question("overlay_port", "TCP port of the mesh", "50400", _port),
    Question("dht_port", "UDP port of the DHT", "50401", _port),
    Question("contact", "Mail or web address that MusicBrainz may reach you at, sent with each request (may be empty)", "", _any),
)
_TCP = ("listen_port", "overlay_port")


def asked(question: Question, answers: Mapping[str, str]) -> bool:
    """Is this question still to ask, after these answers?"""
    return question.name != "password_cmd" or not answers.get("password")


def wrong(question: Question, answer: str, answers: Mapping[str, str]) -> str:
    """What is wanted instead of this answer after those before it, or ''; of an empty answer its default is looked at."""
    answer = answer or question.default
    fault = question.wrong(answer) if answer else ""
    if fault or question.name not in _TCP:
        return fault
    others = [other for other in QUESTIONS if other.name in _TCP and other.name != question.name and other.name in answers]
    taken = next((other for other in others if int(answers[other.name] or other.default) == int(answer)), None)
    return f"another port than {taken.name} ({answer} is taken by it)" if taken else ""


def settings_of(answers: Mapping[str, str]) -> Settings:
    """Settings from answers that passed `wrong`; a missing answer is the question's default."""
    given = {question.name: answers.get(question.name) or question.default for question in QUESTIONS}
    data: dict[str, Any] = {
        "soulseek": {
            "username": given["username"],
            "password": Secret(given["password"]),
            "password_cmd": "" if given["password"] else given["password_cmd"],
            "share": split(given["share"]),
            "listen_port": int(given["listen_port"]),
        },
        "library": {"folders": split(given["share"])},
        "downloads": {"folder": given["folder"]},
        "musicbrainz": {"contact": given["contact"]},
        "overlay": {"listen": f"0.0.0.0:{given['overlay_port']}"},
        "dht": {"listen": f"0.0.0.0:{given['dht_port']}"},
    }
    return Settings.model_validate(data)
