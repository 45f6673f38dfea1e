"""Verbs on what this node gives to others."""
