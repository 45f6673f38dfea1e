"""Who is where: BEP 42 ids, the routing table, look-ups, time-outs, votes on our own address. Cores."""
