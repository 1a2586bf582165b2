"""What we sell and to whom.

customer (with contact persons and custom fields), item, tax, transaction (quote, sales order,
invoice) with its lines, payment with its allocations, and the journal that explains every change.
Nothing here knows Flask or the CRM.
"""
