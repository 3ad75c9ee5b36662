"""Resamples, intervals and tiers: numpy and scipy only, imported by all, importing nothing of ours."""
