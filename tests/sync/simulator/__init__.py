"""Two books and the people who work in them, for tests that let anything happen in any order.

world       the two books, a sync, and helpers to pick somebody
ledger      what both books must say after each sync, by a merge of its own
people      what people do, here and there
twins       one name on both sides, pairs parted and joined by hand, namesakes merged in the CRM
mishaps     workers that die, answers that get lost, syncs that fail
"""
