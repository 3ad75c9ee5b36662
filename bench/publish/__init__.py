"""Standings to pages: Markdown, JSON, CSV and the terminal, all from one `Board`. Nothing here touches a model."""
