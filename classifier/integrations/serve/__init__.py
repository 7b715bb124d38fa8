"""The HTTP service: POST a page, get its record. For crawlers that are not written in Python.

``bounds`` says what a request may cost, ``workers`` are the processes that read and may be killed, ``metrics`` counts,
``parameters`` reads what a request asks for, ``guard`` refuses what must not get in, ``openapi`` describes it all,
``app`` is the service, ``connections`` what it takes from the network, ``command`` is ``pagesieve serve``.
"""
