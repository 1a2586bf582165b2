"""Two books and the people who write documents in them, for tests that let anything happen in any order.

office      the two books, how what waits is carried, and helpers to pick something
ledger      what each document must say afterwards, from what people typed and who wins
audit       what must hold once all is quiet: every document once, figures agree, nothing waits without a reason
clerks      what people do here and in the CRM
mishaps     workers that die, answers that get lost, a CRM that is busy
"""
