"""What commands do that find and take music, and share it: searches, filters, wishes, files, uploads, limits."""

from __future__ import annotations

from slskdn_tui.engine.handlers.common import Handler

FINDING: dict[str, Handler] = {}
