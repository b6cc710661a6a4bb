"""What people ask about: questions as vectors, the topics in them, and drift from day to day."""
