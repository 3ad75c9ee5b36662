"""Which layers stay."""
