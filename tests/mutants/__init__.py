"""Mutation testing of the rule engine: `make mutants`. docs/mutants.md says what survives, and why.

engine          mutmut with the mutations that say something here
copy            the engine and its tests in a folder of their own: nothing is ever mutated in the working tree
tally           what became of the mutants, file by file, and those that survived
loading.toml    what mutmut mutates of what loads rules, and which tests it runs
judging.toml    the same of what judges: two halves, as a mutant is run with every test that could notice it
"""
