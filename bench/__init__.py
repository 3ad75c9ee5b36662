"""Kasauti: how small can a Marathi or Hindi sentence-embedding model get before it stops being good?"""

__version__ = "0.1.0"
