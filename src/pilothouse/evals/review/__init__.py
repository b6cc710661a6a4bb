"""Human review: what fills its queues, what annotators see, how far they agree, and what is made of their votes."""
