"""Which deployments may answer a call, and in what order."""
