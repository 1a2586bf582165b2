"""The read side: what lists and activity pages show, in few and indexed queries. Nothing here writes."""
