"""What calls cost: prices, charges, the ledger of them, and the ledger held against vendors' bills."""
