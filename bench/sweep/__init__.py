"""Every depth and strategy of a base before fine-tuning."""
