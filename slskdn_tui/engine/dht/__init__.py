"""A Mainline (BEP 5) DHT node: a sans-IO core (`machine` and what it is made of: `wire`, `routing`, `store`) and an asyncio shell (`node.py`, `half.py`, `udp.py`)."""
