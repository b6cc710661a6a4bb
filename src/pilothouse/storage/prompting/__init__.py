"""What is kept of prompts: rows over an open connection, for whoever makes a transaction of several."""
