"""What changed here, told to the CRM: customers and contact persons, looked for there before anything is added."""
