"""Charging stored calls again: what would change, and changing it piece by piece between commits."""
