"""From a bare Python to a ready environment. Standard library only."""
