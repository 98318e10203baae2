"""Vocabulary, rule packs and the pure engine that judges them. No clock, no network, no database.

errors        what is wrong in a pack, and where
full_width    punctuation as a Chinese keyboard types it
strict_yaml   YAML without surprises, every value with its place
expression    the checked tree of a CEL expression
cel           CEL, kept to what a rule may say
dependence    what an expression depends on, and how it uses a name
vocabulary    kinds, measures, metrics, words, scope questions
derived       rows that the engine makes: their names
rowlanguage   the names that a test on a row may use
spec          what reads ask: windows, row sets, one spec per operator
model         a loaded pack: rules, reads, limits, cases
parsing       pieces that the operators' loaders share
by_rule       what follows from a rule alone, worked out once
operators     the reads: loaders and evaluation
limits        limit tables by level
case_load     a rule's truth table
soundness     what only shows when reads, limits and `require` are seen together
rule_load     one rule file
standard      what a pack says about its standard: controls, used packs, numbers of the scoring
pack_head     pack.yaml
scoring_load  the scoring model and its numbers
control_load  controls.yaml
composite     what a pack takes over from the packs it uses
load          a pack
rule_order    which rules read the verdicts of which
pin           the digests of used packs, written anew
versions      which version of a pack is in force
evidence      what the engine may ask about one center
columns       occurrences column by column
conclude      an outcome from two looks
cases         run truth tables
asof          evidence as it concerns an earlier instant
holding       since when a rule has held
effective     when a rule is in force
tightening    a center's own limits
waiving       rules set aside for a time
composing     a verdict put together
evaluate      judge a center
verdict       what a rule concludes, and its canonical form
needs         what a read needs, in words
naming        what kinds, attributes and words are called in sentences
vocabulary_page the vocabulary as one page of the docs
speech        one of two languages, and lengths of time in it
ages          which names are times, ages and durations
row_names     what the names in a test on a row or a pair are called
saying        an expression in words
phrases       what the names that a read binds are called
row_phrases   the same of rows
wanted        which words and attributes a read wants of what feeds it
pair_phrases  the same of pairs of rows, and what joins the two
deciding      which parts of a rule decided
comparing     a comparison and its figures
clauses       a comparison with its figures, in words
wording       the sentence of a verdict, English and Chinese
explaining    a rule in plain words
scoring       the scoring models
level         what a pack concludes about a center
nonconformity a verdict that stayed bad
memory        evidence from plain facts
civil         civil days of a zone
filling       measures of a metric from its two counts
scenario      stories of evidence beside a rule, judged
scenario_facts the file of such stories: its errors and facts
"""
