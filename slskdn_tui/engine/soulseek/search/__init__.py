"""Searches: the gate every one passes, and what comes back."""
