"""Makes the views a face asks for, from what is in memory; one room a screen. The engine's own, above the domains."""

from slskdn_tui.engine.views.views import Views

__all__ = ["Views"]
