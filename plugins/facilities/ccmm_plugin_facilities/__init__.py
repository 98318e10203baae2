"""What a center stands on: its power supplies.

ups           the `ups` source: run times, charges, loads, alerts and battery tests, from upsd
ups_look      from the variables of one UPS to what one look tells, pure
ups_state     what is remembered from look to look, and what each look adds, pure
nut           the only module that speaks to upsd: lists, and nothing that changes anything
nut_protocol  the lines of Network UPS Tools, pure
watch         since when was looked without a gap, and what of it is stated, pure
secret_file   a password in a file
"""
