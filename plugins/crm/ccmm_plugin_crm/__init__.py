"""Ticket systems and surveys."""
