"""An HTTP server of this machine alone, in a thread."""

import contextlib
import http.server
import threading


@contextlib.contextmanager
def serving(handler):
    """Yields `host:port`, where a request handler answers."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
