"""Serving: the model behind an interface, under load, with its price."""
