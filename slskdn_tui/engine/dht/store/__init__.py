"""What is kept for others: announced peers, BEP 44 items, write tokens. Cores."""
