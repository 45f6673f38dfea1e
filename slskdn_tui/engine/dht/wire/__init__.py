"""What is on the wire: addresses, KRPC messages, chance. Cores."""
