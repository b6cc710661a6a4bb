"""What may be kept of spans and for how long: redaction before writing, retention, deletion for good."""
