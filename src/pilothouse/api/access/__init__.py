"""Who may call and what they may spend: keys, tenants, budgets, and the record of who changed what."""
