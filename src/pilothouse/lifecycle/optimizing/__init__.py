"""Better versions of a prompt, looked for: proposals from failing cases, chosen on some cases and told on others."""
