"""What a running experiment is, and which of its arms a call gets."""
