"""What a center stands on: its power supplies, and whether its lines, sites and services answer.

ups                 the `ups` source: run times, charges, loads, alerts and battery tests, from upsd
ups_look            from the variables of one UPS to what one look tells, pure
ups_state           what is remembered from look to look, and what each look adds, pure
nut                 the only module that speaks to upsd: lists, and nothing that changes anything
nut_protocol        the lines of Network UPS Tools, pure
reachability        the `reachability` source: seconds watched and down, by service and five minutes
reachability_state  what is remembered from look to look, pure
probe               asking one target: TCP, TLS, SIP, DNS; the only module of it that connects
sip                 OPTIONS and its answer, pure
dns_message         one question to a name server and its answer, pure
watch               since when was looked without a gap, and what of it is stated, pure
"""
