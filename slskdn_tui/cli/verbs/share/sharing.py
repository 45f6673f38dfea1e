"""Shell: `uploads list`, `limits show`."""

from __future__ import annotations

from slskdn_tui.cli.context import Context
from slskdn_tui.cli.present import sharing
from slskdn_tui.model.finding import LimitsView, UploadsView
from slskdn_tui.model.views import ViewKey


def list_uploads(context: Context) -> int:
    return context.show(context.view("live", ViewKey("uploads", count=5000), UploadsView), sharing.uploads)


def show_limits(context: Context) -> int:
    return context.show(context.view("live", ViewKey("limits"), LimitsView), sharing.limits)
