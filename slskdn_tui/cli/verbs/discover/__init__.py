"""Verbs on discographies and labels."""
