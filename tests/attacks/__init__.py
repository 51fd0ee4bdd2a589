"""The leaks that others have had, each a small attack: see tests/lab/attack.py."""
