"""Records that a center keeps: controlled documents, and tables of anything, in files or in databases.

documents     the `documents` source: a folder of controlled documents; digests and metadata leave, content stays
sidecar       what a sidecar or front matter says of a document, pure
table         the `table` source: one CSV or XLSX file as facts of one kind, or as counts of one measure
figures       the `figures` source: one CSV or XLSX file as figures of several measures of any shape
quality          the `quality` source: scores, the recorded contacts that they were drawn from, calibration
quality_tables   its three tables, from the options
quality_facts    figures of days and samples out of their rows, pure
quality_seen     what the cursor remembers of scores
schedule         the `schedule` source: forecast, plan and work of a workforce management system
schedule_tables  its three tables, from the options
schedule_spans   stretches of one person's time: which state holds, how long two accounts agree, pure
schedule_days    plan and work as figures of days and quarter hours, pure
schedule_frozen  forecasts as they stood when they were published, pure
schedule_seen    what the cursor remembers of a schedule
sql           the `sql` source: rows of a database as facts of one kind, or as counts of one measure
"""
