"""Stored cells to verdicts; numpy only, no model and no torch."""
