"""Specs to cells: what a run consists of, what of it is stored, what cannot run and why."""
