"""Billing whose books agree with Zoho CRM.

Read in this order: `billing` (what we sell and to whom), `crm` (how we talk to Zoho CRM),
`sync` (how the two books agree), `jobs` (work done later), `web` (the pages). `sandbox` is a
stand-in for Zoho CRM that speaks its wire; nothing but the command line and the tests knows it.
"""
