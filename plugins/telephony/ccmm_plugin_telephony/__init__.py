"""Plugins that read telephony switches.

asterisk    queue log, call detail records, recordings and the manager interface of Asterisk
"""
