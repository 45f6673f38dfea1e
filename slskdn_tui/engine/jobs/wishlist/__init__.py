"""Wishes: searched for in turn, taken when they fit."""
