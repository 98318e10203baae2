"""Scoring models: pure functions from verdicts to what a pack concludes. All their numbers stand in `pack.yaml`.

result      the common result, and the score of each model
words       what sentences say alike
standing    outcomes of rules and states of controls
cumulative  CC-CMM: levels with gates and shares
path        the shortest way to the next level
stars       CCCS-OP: points and stars
items       COPC: items passed, and time to cure
conformity  ISO 9001, ISO 18295-1, SCP: clauses conform or not
thresholds  GB/T 33358: a table of limits
"""
