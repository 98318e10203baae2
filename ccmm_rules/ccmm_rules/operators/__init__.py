"""The operators that this version has, by the key that names them in a read.

metric      a KPI over a window of closed days
slots       a KPI per slot, grains and rolling
coverage    the share of slots that sources vouched for
rows        inventory, occurrences, documents, attestations: the loader
match       two row sets joined: the loader
rowset      rows from evidence, with what is known of each
counting    the names that a set of rows binds
pairing     who is whose partner
windows     closed civil time
view        one center's evidence, asked once
groups      worst group, rest group, expected groups
"""
