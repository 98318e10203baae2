"""Records that a center keeps: controlled documents, and tables of anything, in files or in databases.

documents     the `documents` source: a folder of controlled documents; digests and metadata leave, content stays
sidecar       what a sidecar or front matter says of a document, pure
table         the `table` source: one CSV or XLSX file as facts of one kind, or as counts of one measure
sheet         rows of a CSV or XLSX file, within limits
mapping       which kind, which columns, which rows: the options of a table
columns       from cells to typed attributes, pure
table_rows    one reading of a table, and what the cursor remembers
figures       the `figures` source: one CSV or XLSX file as figures of several measures of any shape
amounts       from rows to figures by slot, pure
sql           the `sql` source: rows of a database as facts of one kind, or as counts of one measure
sql_place     where a database is and who asks
sql_makes     the makes of databases and what differs between them
sql_query     what is asked: one SELECT, and from where on
sql_database  one read-only look: clock, snapshot, rows, and every error of it
sql_cells     a driver's values as cells, pure
sql_seen      what the cursor remembers of rows
export        an exported file while it is read: bytes, digest, age, every error of it
counts        from rows to counts per quarter hour, pure
"""
