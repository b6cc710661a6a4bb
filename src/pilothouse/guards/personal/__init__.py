"""Guards over personal data and secrets: found by their form, and replaced, masked, hashed or given stand-ins."""
