"""Rows of files and databases by a declared mapping: what plugins that read tables share."""
