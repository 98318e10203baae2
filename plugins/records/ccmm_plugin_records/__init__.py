"""Records that a center keeps: controlled documents, and tables of anything, in files or in databases.

documents     the `documents` source: a folder of controlled documents; digests and metadata leave, content stays
sidecar       what a sidecar or front matter says of a document, pure
table         the `table` source: one CSV or XLSX file as facts of one kind, or as counts of one measure
figures       the `figures` source: one CSV or XLSX file as figures of several measures of any shape
sql           the `sql` source: rows of a database as facts of one kind, or as counts of one measure
"""
