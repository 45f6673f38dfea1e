-- "Do I own this?" is asked by size for every line of a search.
CREATE INDEX HashDb_size ON HashDb (size);
