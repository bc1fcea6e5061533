"""How long a call waits, how many are in flight, and when a run gives up waiting.

limiter             when the next request may be sent, for all calls together; its docstring follows a 429 from end to end
quota               a limit per minute that is known, from the settings or from headers, and what is used of it
adaptive            a rate that is learned from 429s where no limit is known
weather             the 429s that come at any rate, and evidence that there are more
comparison          two rates by turns: is it a limit, or weather?
last_minute         what the last minute took, where the limit is one per minute
growth              how a learned rate grows again
backoff             the pause of all calls while the server takes nothing
retry               the pause of one call before its next attempt
circuit_breaker     an outage: one call tries, the others wait, and the run stops when its patience ends
concurrency         how many calls a server works on at a time, learned from how long they take
call_slots          the places of the calls in flight
deadlines           when a call is given up
"""
