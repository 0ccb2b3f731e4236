"""Prefect's server as a child of `cmvmon serve`: `python -m cmvmon.flows.own_server FD`, on a socket that the parent has bound.

The parent binds it, so that nobody else can answer at that address before the server does.
"""

from __future__ import annotations

import socket
import sys

from cmvmon.shell.basis.lifeline import end_with_parent


def main(descriptor: int) -> None:
    """Serves Prefect's API, which asks for the password in PREFECT_SERVER_API_AUTH_STRING, until it is stopped."""
    end_with_parent()
    import uvicorn
    from prefect.server.api.server import create_app

    config = uvicorn.Config(create_app(final=True), log_level="warning", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
