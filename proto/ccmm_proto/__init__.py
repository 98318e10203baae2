"""What agent, collector and auditor agree on. No I/O, no clock.

chain       one gapless chain per agent and epoch: what an arriving statement is
envelope    DSSE v1: sign, parse, verify; the digest that is a statement's identity
errors      the error tree: what the caller must do
histogram   wait histograms: fixed bounds, nothing rounded
join_code   the code that an admin types
kind_table  every kind and its attributes, as text
kinds       shapes of kinds, and who is pseudonymous in them
leaf        leaf and root hashes of the evidence log (RFC 6962)
measures    shapes of measures
period      quarter hours, hours and days in milliseconds
pseudonym   HMAC pseudonyms, normalised per sort
reasons     why a run could not or did not look
roll        an hour of small occurrences in packed columns
shape       are these observations of the declared shape?
v1          generated messages
wire        bytes to messages, strictly
"""
