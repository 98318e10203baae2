"""Plugins that read telephony switches.

asterisk        queue log, call detail records, recordings and the manager interface of Asterisk
freeswitch      call records and the event socket of FreeSWITCH with mod_callcenter
genesys         conversations and users of Genesys Cloud
connect         contacts and users of Amazon Connect
call_table      the `call_table` source: calls or intervals of any switch, in a file or a database
call_rows       rows of call detail → contacts, pure
interval_rows   rows of an interval report → figures, pure
carrier         the `carrier` source: call detail of a carrier or SBC, in a file or a database
carrier_rows    its rows → attempts, blocked calls and busy channels, pure
odd             durations of call tables

What they share:

contact         one time a call entered a queue
agent_time      log-ins and pauses of agents
queue_facts     contacts and agent times → observations
stated          revisions of slots that are read again
staff           the table of staff ids
instant         times as switches and options write them
folder          files below a folder
log_files       files of a rotated log, positions in them
batch           a stretch of a log, hostile lines set apart
resume          where reading goes on, also after a break
cursor          what is kept between two reads
"""
