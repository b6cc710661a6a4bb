"""What evaluation keeps: datasets and their versions, runs and what they paid for, reviews, cards of judges."""
