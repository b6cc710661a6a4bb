"""Guards over what an answer states: whether passages carry it, whether it cites them, whether it answers the question,
and whether what is asked next is allowed where the conversation stands."""
