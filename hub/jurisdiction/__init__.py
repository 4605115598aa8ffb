"""Divisions, units and the place resolver."""
