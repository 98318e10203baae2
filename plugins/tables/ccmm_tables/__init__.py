"""Rows of files and databases by a declared mapping: what plugins that read tables share.

rows          rows from the options of a source, of a file or of a database: begin here
opened        rows once they are opened, and how their naive times are read
export        rows of an exported file: its bytes, digest, age, every error of it
sheet         rows of a CSV or XLSX file, within limits
columns       from cells to typed attributes, pure
declared      declared columns for attributes of any shape, which rows and texts count: the options for it
mapping       which kind, which key, which times: the options of a table
table_rows    one reading of a table, and what the cursor remembers
history       rows by their time: a stretch of history a run, and the newest time again
progress      what the cursor of a history remembers
slots         figures by slot, each stated once, changed slots by revision, pure
rolls         rolls by the hour, changed hours by revision, pure
counts        from rows to counts per quarter hour, pure
amounts       from rows to figures by slot, pure
sql_rows      rows of a database, from the options
sql_place     where a database is and who asks
sql_makes     the makes of databases and what differs between them
sql_query     what is asked: one SELECT, and from where on
sql_database  one read-only look: clock, snapshot, rows, and every error of it
sql_cells     a driver's values as cells, pure
sql_seen      what the cursor remembers of rows along a growing column
"""
