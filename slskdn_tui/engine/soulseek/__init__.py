"""Soulseek through aioslsk: one account, one stream a file, manners. `plane.SoulseekPlane` is the way in."""
