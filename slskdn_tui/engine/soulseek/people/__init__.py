"""Other users: status, shares, friends, bans, messages."""
