"""Records that a center keeps in files: controlled documents, and tables of anything.

documents   the `documents` source: a folder of controlled documents; digests and metadata leave, content stays
sidecar     what a sidecar or front matter says of a document, pure
table       the `table` source: one CSV or XLSX file as facts of one kind, or as counts of one measure
sheet       rows of a CSV or XLSX file, within limits
mapping     which kind, which columns, which rows: the options of a table
columns     from cells to typed attributes, pure
table_rows  one reading of a table, and what the cursor remembers
figures     the `figures` source: one CSV or XLSX file as figures of several measures of any shape
amounts     from rows to figures by slot, pure
export      an exported file while it is read: bytes, digest, age, every error of it
counts      from rows to counts per quarter hour, pure
"""
