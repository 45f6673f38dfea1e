"""What other nodes say of music: kept, weighed, asked."""
