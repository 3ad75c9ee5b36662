"""Which tokens stay, and whether a tokenizer keeps Devanagari."""
