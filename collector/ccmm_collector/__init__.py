"""The collector: verifies, keeps, judges and shows evidence. It never fetches any.

acts          the collector's own acts: whom they are about, what they change
keys          private keys on disk
log           the evidence log
schema        the log file's schema and connections
store         all SQL of the log file
transaction   what can be done inside one writing transaction
writer        the one writing thread and its group commit
"""
