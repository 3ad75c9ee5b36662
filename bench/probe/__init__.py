"""Checkpoint to cost: text in, embedding out, on real sentences, in a process of its own."""
