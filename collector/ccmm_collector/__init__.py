"""The collector: verifies, keeps, judges and shows evidence. It never fetches any.

Evidence, from the wire to the log:

serve               the two ports, the watch over agents, an orderly end
evidence_service    the evidence port: who may come in, which streams are open
stream              one agent's connection: messages in, receipts and refusals out
inbox               what a stream has received and nobody has looked at yet
deliveries          brings what the writer thread finished to the event loop
ingest              from received bytes to durable entries of the log
verifier            is this a well-formed statement, signed by this key?
verify_process      the child process of a verifier
chains              puts a verified statement where it belongs in its chain
transaction         what can be done inside one writing transaction
writer              the one writing thread and its group commit
log                 the evidence log
store               all SQL on entries and chains
enrolled            all SQL on agents and join tokens
schema              the log file's schema, migrations, connections
acts                the collector's own acts: whom they are about, what they change

Agents and keys:

enrollment_service  the enrollment port: joining and renewing
enrollment          tokens, proofs, certificates: the rules of joining, renewing, revoking
roster              who is enrolled, in memory
authority           the certificate authority
tls                 the certificate that both ports show
keys                private keys on disk
codes               our errors as gRPC status

Projections and verdicts:

project             from an entry of the log to rows, pure
project_acts        the same for the collector's own acts
projection          DIR/projections.sqlite: the log as rows
projection_tables   its tables and migrations
projection_sql      all its other SQL
dump                all that it holds, in a form to compare
dump_sql            the SQL of that
wal                 its write-ahead log, kept short
packing             how values lie in the projection's blobs
bundles             the rolls of one day in one piece
columns             such days column by column
slots               stated slots of measures and their sums
day_sums            sums by civil day, and how they are kept
engine              which code judged
day_notes           what rules made of the slots of single days, kept
happenings          occurrences of one source
alterations         what differs between lists that follow each other
coverage            what a source vouched for
holes               where numbers of an agent's chains are missing or claimed twice
fold                a center's runs and chains, folded and kept
garbage             when Python looks for garbage
folds               what is kept in memory between two judgements
known               one center as known at an index of the log
judge               the judge's process beside `serve`
judging             steps 8 and 9 of the way of one fact
pace                how often a center is judged for what arrives
shares              which of several judges judges which centers, what they are told
other_judges        the judges beside the first one, each a process
resting             what each verdict in force rests on
packs               rule packs in force
transition          from one pack to the next
trust               which packs are let in
pack_cases          the cases of a pack, run before it is signed or put in force
pack_signing        who answers for a pack: `pack.sig`
scope               scope answers
waivers             rules set aside for a time by two people
held_verdicts       verdicts in force of the centers judged lately
kept_form           a verdict as the store keeps it, and what of it is compared
verdict_store       DIR/verdicts.sqlite: verdicts in force, their history, what is due
verdict_sql         all its SQL
inquiry             what a person asks of centers at an instant
nonconformities     which rules stayed bad beyond their grace
answers             what the commands tell, as plain documents
setting_aside       derived stores that cannot be used
replay              is the log still what was appended?
replay_sql          its SQL
rebuild             is what the stores say still what the log says?

The program:

main                the program, its exit codes
commands            init, serve, invite, revoke, log, renew-ca
judge_commands      centers, verdicts, level, scope, rebuild
rule_commands       rules check, test, explain
pack_commands       rules sign, verify, activate, diff, feeds
pack_tables         what these show
feeds               what feeds the rules of a pack
waiver_commands     waive, sign
arguments           what these commands take alike
diff                what another pack would change
judge_tables        tables and progress on a terminal
verdict_tables      verdicts, levels and nonconformities on a terminal
listing             the log as JSON and as lines
init                a new collector's folder
config              collector.toml
operator_log        log lines for operators
"""
