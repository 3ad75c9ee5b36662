"""Checkpoint to scores: every text is encoded once, and mteb's own tasks do the scoring."""
