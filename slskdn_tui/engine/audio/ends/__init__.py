"""Is a file whole? What its two ends tell, without decoding it."""
