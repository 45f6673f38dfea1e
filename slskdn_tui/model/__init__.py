"""Frozen values and ports that every floor shares. Core: no I/O, no clock, no random."""
