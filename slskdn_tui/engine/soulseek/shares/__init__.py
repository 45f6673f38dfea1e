"""What we share: the index, and the answers read from it."""
