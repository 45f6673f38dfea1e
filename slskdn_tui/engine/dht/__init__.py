"""A Mainline (BEP 5) DHT node: a sans-IO core (`core.py` and what it is made of) and one asyncio shell (`node.py`)."""
