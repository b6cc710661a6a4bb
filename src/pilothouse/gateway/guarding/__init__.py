"""Guards in the one path: what they look at in requests and answers of every dialect, and what is done then."""
