"""How long a call waits, and when a run gives up waiting.

limiter             when the next request may be sent, for all calls together; its docstring follows a 429 from end to end
quota               a limit per minute that is known, from the settings or from headers, and what is used of it
adaptive            a rate that is learned from 429s where no limit is known
backoff             the pause of all calls after a 429, or while the server takes nothing
retry               the pause of one call before its next attempt, after an error that is not a 429
circuit_breaker     an outage: one call tries, the others wait, and the run stops when its patience ends
"""
