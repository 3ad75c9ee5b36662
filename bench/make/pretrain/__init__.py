"""A tokenizer and a masked language model from raw text."""
