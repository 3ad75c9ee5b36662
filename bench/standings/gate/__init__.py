"""Current cells against a blessed baseline: what got worse, what did not, and what cannot be said."""
