"""What a customer owes, shown in the CRM: figures in fields of ours, and the billing panel."""
