-- "Is this line of a search a known variant?" is asked by size.
CREATE INDEX FingerprintObservations_length ON FingerprintObservations (length);
