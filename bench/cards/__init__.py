"""TOML to specs: what the cards say, checked, with errors that name file, line and field."""
