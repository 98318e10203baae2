"""What a center stands on: its power supplies, and whether its lines, sites and services answer.

ups                 the `ups` source: run times, charges, loads, alerts and battery tests, from upsd
ups_look            from the variables of one UPS to what one look tells, pure
ups_state           what is remembered from look to look, and what each look adds, pure
nut                 the only module that speaks to upsd: lists, and nothing that changes anything
nut_protocol        the lines of Network UPS Tools, pure
snmp                the `snmp` source: readings and alerts out of a mapped table of an agent's objects
snmp_map            which object is which reading or alert, and its figure in our units, pure
snmp_value          names of objects, and what an agent tells as a figure, pure
snmp_agent          the only module that speaks SNMP: GET and GETBULK, and nothing that changes anything
clock               the `clock` source: how far listed systems' clocks are from a reference
clock_ask           asking clocks: time servers, chronyd, a file of `chronyc`; the only module of it that does
ntp_message         one question to a time server and its answer, with a symmetric key, pure
chrony_message      what chronyd tells of its own clock, pure
config_snapshot     the `config_snapshot` source: texts of a configuration by digest, listed settings by value
config_entry        what of a configuration is stated, and how, pure
config_read         reading files, folders and what programs print, each whole; the only module of it that does
failover            the `failover` source: planned switch-overs, as the lines of a log show them
failover_drill      which node served when, and what that says of a drill, pure
failover_losses     what people found missing after a switch-over, by ref
failover_state      which drills stood in the plan in time, and which are stated, pure
log_store           the `log_store` source: since when logs are kept, and with what gaps
log_span            when a log has entries, and what a holding states of it; times of lines, pure
log_files           reading log files and journals: times, lines; the only module of theirs that opens files
log_elastic         when indices of Elasticsearch have entries; the only module of it that asks them
journal_file        entry times of a journal file of systemd, pure
monitoring          the `monitoring_prometheus` source: alerts of Alertmanager, rules of Prometheus
monitoring_ask      the only module that speaks to Alertmanager and Prometheus: by GET alone
monitoring_state    what is remembered of alerts from look to look, pure
monitoring_words    a monitoring system's words -> ours, pure
zabbix              the `monitoring_zabbix` source: problems and triggers of Zabbix
zabbix_ask          the only module that speaks to Zabbix: methods that get
look_state          what is remembered from look to look: readings by quarter hour, alerts that stand, pure
reachability        the `reachability` source: seconds watched and down, by service and five minutes
reachability_state  what is remembered from look to look, pure
probe               asking one target: TCP, TLS, SIP, DNS; the only module of it that connects
sip                 OPTIONS and its answer, pure
dns_message         one question to a name server and its answer, pure
backup              the `backup` source: copies in a repository, jobs that were due, restore tests
backup_options      what has to be copied and when
backup_store        the only module of it that opens anything: restic behind the fence, or files of a timer
backup_list         the lists of restic and borg, and the journal, pure
backup_due          when which copy is due, and what became of it, pure
backup_state        what is remembered from run to run, pure
watch               since when was looked without a gap, and what of it is stated, pure
"""
