"""Ticket systems and surveys.

odoo             the `odoo` source: cases of an Odoo model, and the figures of each day
odoo_rpc         the only module that speaks to Odoo: XML-RPC, methods that read
case_fields      records of a ticket system as cases, by the fields that are named, pure
case_memory      cases followed from look to look: put off, opened again, gone, pure
request_tracker  the `request_tracker` source: cases as they change, and the figures of each day
rt_ask           the only module that speaks to Request Tracker: REST2, by GET alone
rt_case          what a ticket was at each moment, pure
rt_count         what tickets add to the figures of each day, and the cursor, pure
rt_facts         a ticket as a case, pure
salesforce       the `salesforce` source: cases of Salesforce and the figures of each day
sf_ask           the only module that speaks to Salesforce: log-in, queries, describe
sf_history       what the history of a case adds to it, pure
tickets_table    the `tickets_table` source: cases of any ticket system, in a file or a database
case_rows        rows of a ticket table → cases, pure
survey           the `survey` source: invitations and answers, in a file or a database
survey_rows      rows of a survey → who was asked, who answered, who was left out, pure
survey_scale     scales of a survey, and which answers are at the good end, pure
cases            a case of any ticket system: what it adds to the figures of a day, and the fact `case`, pure
"""
