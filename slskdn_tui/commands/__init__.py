"""The one registry of what a user can do: CLI verbs, `:` line, palette, keys, footer, help and generated pages all read it. Core.

Data only: handlers are registered above (`engine/handlers/` for commands that act, `cli/` and `ui/` for what only a face can do).
"""

from slskdn_tui.commands.specs import SPECS, by_group, by_key, by_name, by_verb
from slskdn_tui.commands.types import Arg, CommandSpec, Key

__all__ = ["SPECS", "Arg", "CommandSpec", "Key", "by_group", "by_key", "by_name", "by_verb"]
