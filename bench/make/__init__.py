"""Base to checkpoint: pick layers, fine-tune, save, and prove that what was saved is what was made."""
