"""Tables of state.db: what cannot be rebuilt."""
