"""A plugin that does what its option `do` says: some right, most wrong. Imported in reader processes only.

plugin   its source
wishes   its options
answers  what it answers the agent
reach    what it reaches for on the machine
"""
