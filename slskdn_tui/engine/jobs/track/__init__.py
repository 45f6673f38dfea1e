"""One track from a holder's queue to a checked file."""
