"""The reads of rules: each operator's loader and how it is answered from evidence.

metric_load   loaders of metric, slots, coverage
rows          loader of inventory, occurrences, documents, attestations
match         loader of match
series_load   loaders of series and rules
derived_load  loader of rows that the engine makes
view          one center's evidence, asked once
windows       closed civil time
spans         stretches of time, cut and joined
masking       the time that counts: opening hours, or while occurrences last
tally         what a metric needs of its measures, divided once
chi_square    is a sample spread like its population
gauges        readings, without those that stood still
tallies       tallies of a metric over a span, by group
groups        worst group, rest group, expected groups
expecting     who must have a row
answers       which scope answers a read rests on
metric        a KPI over a window of closed units
day_notes     what is made of the slots of single days, for evidence to keep
cell_notes    cells of a window from notes of its days
slot_cells    the pieces that slots are put together from
slots         a KPI per slot, grains and rolling
trend         whether values rise, and which stand out
series        a KPI in points of time
series_list   a row per KPI of a list
coverage      the share of slots that sources vouched for
holes         what a lost statement leaves of a read
table         rows of a kind, column by column
stamps        times of what has happened, where they can be believed
remembered    a test, remembered by the values it used
rowset        which rows belong, and how a test falls on each
counting      the names that a set of rows binds
rows_read     rows from evidence to names
slot_grid     the slots of a window by their number
slot_values   a metric's value slot by slot
stillness     days on which no slot can lie beyond a limit
breach        runs of slots beyond what they should meet
signal        points beyond the limits of their chart
alteration    what differs between two lists
silence       when a source that was due said nothing
derived_rows  rows that the engine makes, as a table
figures       a metric over any closed span
gains         what a project gained
reported      a reported figure against the recomputed one
computed      attributes that the engine computes for rows
made_table    tables that are more than what was told
rules_read    verdicts of other rules
pairing       who is whose partner
joining       the pairs of a match, shared by reads that join alike
match_read    two row sets joined, from evidence to names
needed        what must feed a read
crossing      when time alone can change what rows give
"""
