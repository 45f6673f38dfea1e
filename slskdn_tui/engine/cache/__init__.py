"""The warm cache: popular recordings fetched once from Soulseek and kept for the mesh."""
