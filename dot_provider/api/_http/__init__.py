"""The two ways a request leaves this process: ``blocking`` on requests, ``event_loop`` on aiohttp."""
