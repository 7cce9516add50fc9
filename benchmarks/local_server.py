"""An HTTP server of this machine alone, in a thread."""

import contextlib
import http.server
import threading


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # Clients that come all at once.


@contextlib.contextmanager
def serving(handler):
    """Yields `host:port`, where a request handler answers."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
