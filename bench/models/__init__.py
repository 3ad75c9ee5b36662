"""Architectures, loading and encoders: what making, judging and measuring a model have in common."""
