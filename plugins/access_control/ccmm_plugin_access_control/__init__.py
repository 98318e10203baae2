"""Who may enter: accounts, badges at the doors, encrypted ports; and card data where they must not be.

ldap            the `ldap` source: one run is one complete list of accounts
ldap_open       what is asked of OpenLDAP, and what `check` says
ldap_facts      from entries of OpenLDAP to `account` entries, pure
ad_domain       what is asked of Active Directory, and what `check` says
ad_facts        from entries of Active Directory to `account` entries, pure
ad_values       times, bits, security ids and stamps as Active Directory writes them, pure
ldap_directory  the only module that speaks LDAP: bind, paged search, unbind
ldap_answers    what result codes and messages of a directory mean, pure
ldap_entries    entries as values, and the spellings of names in them, pure
ldap_groups     who is in which group, groups inside groups followed, pure
door_log        the `door_log` source: passages by the hour, and badge holders
door_exports    the exported files, and one pass over their rows
door_pass       what a pass found: hours to state, to state again, and what is vouched for
door_cursor     where the next read of the exports resumes, and what was stated lately
door_rows       from rows of an export to passages and badges, pure
zkteco          the `zkteco` source: passages, badges, stays and the state of one ZKTeco terminal
zk_terminal     one look at a terminal by pyzk, as bytes
zk_line         in place of pyzk's socket: lets reading commands out, whole packets in, and ends in time
zk_records      what the bytes of a terminal mean, pure
zk_facts        from users and punches of a terminal to badges and passages, pure
hikvision       the `hikvision` source: passages, alerts, badges, stays and the state of one Hikvision device
hik_search      its log between two hours, window by window
hik_device      questions by ISAPI; the only module of it that asks
hik_events      what it answers, as values, pure
hik_codes       what its event numbers mean, pure
hik_facts       from events, users and cards to passages, alerts and badges, pure
device_log      what a device's own log holds now, against what was stated of it, pure
passages        passages by the hour, shared by all that reads doors, pure
stays           stays in the building, out of passages in and out, pure
card_data       the `card_data` source: card numbers and security codes in texts on site
card_scan       one run over a folder of texts, and what `check` says of it
card_folder     the files of a folder, and what is found in each
card_rows       texts in columns of a workbook, a CSV file or a database
card_texts      texts of one file by item and position: running text, CSV, JSON
card_tally      counts of a text that comes in pieces, pure
card_numbers    card numbers in running text, typed or spoken, pure
card_ranges     which numbers an issuer may have given to a card, pure
card_codes      security codes near a word for them, pure
card_allowed    digests of numbers that are of no card
card_seen       what the cursor remembers of a folder
card_facts      counts and places as observations, pure
linux_auth      the `linux_auth` source: accounts of this host, and how sshd, sudo and PAM let them in
linux_log       the `linux_log` source: log-ins by ssh and refused attempts
linux_log_lines out of the lines of an auth log, pure
linux_files     the only module of it that opens anything
linux_accounts  from passwd, group and shadow to `account` entries, pure
linux_logins    the records of lastlog and wtmp
linux_settings  the configuration of sshd, sudo and PAM, pure
scap            the `scap` source: scans of machines by OpenSCAP, from the files of results
scap_results    from XML to scans, pure
scap_scan       one scan of one machine
scap_state      what is remembered of scans, and since when a weakness is open
tls             the `tls` source: one run is one complete list of the ports that are listed
tls_ask         asking one port for versions and certificate; the only module of it that connects
tls_hello       the first message of a handshake, and what a server answers, pure
"""
