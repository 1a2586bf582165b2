"""How we talk to Zoho CRM; knows nothing of what we sell or to whom.

The words: a *client* answers in the CRM's own records (`port`); a *transport* makes one request with
patience (`transport`, `backoff`); a *grant* is what a sign-in yields (`grants`), a *credential* is a
grant kept encrypted (`credentials`), access is renewed once for all processes (`renewal`); a *verdict*
is the CRM's answer about one written record; `errors` says what can go wrong and whether trying again
may help. The way in is `tokens`: a client for a grant or for a credential.
"""
