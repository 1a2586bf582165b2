"""The outbox on its way to the CRM: whose turn it is, and the courier who carries a batch, whatever is in it."""
