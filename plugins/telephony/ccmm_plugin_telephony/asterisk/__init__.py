"""Asterisk: four sources, one outcome a run each. All only read.

queue_source        source `asterisk`: the queue log
queue_log           one line of the queue log
contacts            lines → contacts, one for each entering of a queue
agent_time          lines → log-ins and pauses of agents
queue_facts         contacts and agent times → observations
staff               the table of staff ids
cdr_source          source `asterisk_cdr`: call detail records
cdr                 one row, in either column order; rows → calls
recordings_source   source `asterisk_recordings`: a folder of sound files
recordings          what a file name and a sound header say
ami_source          source `asterisk_ami`: the manager interface
ami                 the connection and its list of allowed actions
ami_protocol        bytes ↔ messages
ami_facts           messages → observations, and what an account could do
security_log        one line of Asterisk's security log
refusals            who was refused since the last read
log_files           files of a rotated log, positions in them
batch               a stretch of a log, hostile lines set apart
resume              where reading goes on, also after a break
cursor              what is kept between two reads
stated              revisions of slots that are read again
"""

from collections.abc import Callable

from ccmm_agent.plugin import Source, hookimpl
from ccmm_plugin_telephony.asterisk.ami_source import ManagerInterface
from ccmm_plugin_telephony.asterisk.cdr_source import CallRecords
from ccmm_plugin_telephony.asterisk.queue_source import QueueLog
from ccmm_plugin_telephony.asterisk.recordings_source import Recordings


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    for source in (QueueLog, CallRecords, Recordings, ManagerInterface):
        register(source)
