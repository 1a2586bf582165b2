"""Quotes, sales orders and invoices on their way to the CRM and back."""
