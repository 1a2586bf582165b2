"""How we talk to Zoho CRM; knows nothing of what we sell or to whom.

The words: a *client* answers in the CRM's own records (`port`); a *transport* makes one request with
patience (`transport`, `backoff`); a *grant* is what a sign-in yields (`grants`), a *credential* is a
grant kept encrypted (`credentials`), *tokens* hand out access and renew it once for all processes
(`tokens`); a *verdict* is the CRM's answer about one written record; `errors` says what can go wrong
and whether trying again may help.
"""
