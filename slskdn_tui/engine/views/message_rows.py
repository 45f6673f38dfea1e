"""Lines of private messages. Core."""

from __future__ import annotations

from datetime import UTC, datetime

from slskdn_tui.engine.runtime.clock import iso
from slskdn_tui.engine.store.state.messages import LONGEST, StoredMessage
from slskdn_tui.model.people import MessageRow
from slskdn_tui.model.text import SafeText


def message_row(message: StoredMessage) -> MessageRow:
    moment = iso(datetime.fromtimestamp(message.wall, UTC))
    return MessageRow(
        str(message.number), 0, SafeText(message.username), message.direction, moment, SafeText(message.text, LONGEST), message.read,
        message.unread, message.username,
    )  # fmt: skip
