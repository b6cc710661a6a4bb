"""`/v1/responses` over every provider."""
