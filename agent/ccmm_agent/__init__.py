"""The agent: reads, signs, spools and submits. Never judges.

add_source    the command `add-source`
app           the commands
attest        attestations: the built-in source, and the file they are kept in
attesting     the command `attest`
backfill      the first reading of a source
certificate   keeps the transport certificate alive
child         starts one reader process and holds it to its limits
clock         the present instant, the clock's quality, clock steps
config        agent.toml as one frozen value
cron          five-field cron expressions
delimited     delimited text: columns, encodings, zones
durable       files replaced atomically
enroll        enrollment by join code, renewal by evidence key
epoch_file    the epoch and the last receipt, kept beside the spool
facts         builders of observations for plugins
fence         which files and endpoints a reader may reach
flight        what is on its way: the window of a session
framing       length-prefixed messages between agent and reader
heap          keeps the resting agent small
home          an agent's folder, opened
identity      keys, certificate, enrollment, the center's pseudonym key
isolation     what a reader process may still do
join          the command `join`
landlock      the kernel's Landlock
lock          locks between the processes of one folder
logs          log lines for operators
look          the commands `check` and `collect`
main          the installed command
mend          what an admin can do about a source that fails
new_plugin    the command `new-plugin`
options       typed getters over a source's options
outbox        drafts, their places, signed statements
outbox_view   the command `show-outbox`
pace          how often a source may be asked
pipeline      read, redact, sign, spool
plugin        what a plugin is
plugins       finds and imports plugins
plugins_view  the command `plugins`
program       runs one program of a manifest, for plugins
readable      a fact in lines that people read
reader        the reader process
reading       the parent's side of a reading
reconcile     the collector's heads against our spool
redact        clear text becomes pseudonyms
refusals      what the collector refuses, and streams that end
replies       what a reader may answer
room          a spool that fills
run           the command `run`
runner        runs sources when they are due
schedule      due times, and what becomes of them
screen        what interactive commands show
seccomp       the system call filter of readers
secret_file   a password in a file of its own
session       one stream with the collector
silence       runs that did not look
software      name, version and digest of the installed software
source_state  what the spool knows of a source
sources       what the agent reads
spool         the durable queue
spool_file    the spool's SQLite file and its errors
spool_open    opens the spool, whatever was left behind
spool_sql     all SQL of the spool
status        the command `status`
submit        connects, sends, reconnects
terms         what agent and reader tell each other in JSON
testing       the contract test of plugins
testing_certificate  certificates for the tests of plugins
testing_http  a web server for the tests of plugins, with faults
texts         what commands tell an admin, in two languages
values        checked values of facts
veto          what a center never lets leave
web           the HTTP client of plugins
web_errors    what went wrong over HTTP, and its mend
web_place     where a web API is
web_proxy     the HTTP proxy of a web API, and what goes wrong at it
web_wire      a session of requests that keeps our limits
"""
