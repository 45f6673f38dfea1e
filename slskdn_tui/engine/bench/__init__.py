"""`slskdn bench`: the overlay's transfer by itself, without Soulseek, for measuring."""
