"""What our calls to the CRM cost and how they end, for /metrics."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("zbweb_crm_calls", "Requests sent to the CRM, by how they ended.", ["method", "outcome"])
SECONDS = Histogram("zbweb_crm_call_seconds", "Time from a request to its whole answer.", ["method"])
RENEWALS = Counter("zbweb_crm_token_renewals", "Access tokens asked for, by how it ended.", ["outcome"])
CREDITS = Gauge("zbweb_crm_credits_remaining", "Requests left in the CRM's allowance when it last said so.")
