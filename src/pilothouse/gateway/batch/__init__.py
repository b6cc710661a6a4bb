"""`/v1/files` and `/v1/batches`: results exactly once, by a vendor's batch API or by our own queue."""
