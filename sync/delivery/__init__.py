"""The three steps of a delivery: claim due rows, make the calls, settle what came of them."""
