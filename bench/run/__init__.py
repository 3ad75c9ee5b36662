"""A plan executed: in this process or in several, one stored result a cell."""
