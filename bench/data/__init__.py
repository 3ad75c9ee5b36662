"""Sources to rows: finds and verifies files, reads them, applies the declared rules, and guards tests against leaks from training."""
