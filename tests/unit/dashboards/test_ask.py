"""What else may answer where a Prometheus is looked for, and a Prometheus that refuses."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from orderwing.dashboards.ask import Prometheus, Run
from orderwing.runtime.errors import OperatorError

REFUSED = '{"status":"error","errorType":"bad_data","error":"too many steps"}'


@contextmanager
def server(status: int, body: str) -> Iterator[str]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{found.server_address[1]}"
        finally:
            found.shutdown()


@pytest.mark.parametrize(
    ("status", "body"), [(404, "<html>not found</html>"), (200, "<html>hello</html>"), (200, "[1]"), (200, "{}")]
)
def test_another_server_is_no_prometheus(status: int, body: str) -> None:
    with server(status, body) as url, pytest.raises(OperatorError, match="No Prometheus answers"):
        Run(url, 60)


@pytest.mark.parametrize("url", ["http://a b", "http://", "nowhere", "http://127.0.0.1:x"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(OperatorError, match="No Prometheus answers"):
        Run(url, 60)


def test_a_refused_query_is_told_in_prometheus_words() -> None:
    with server(400, REFUSED) as url:
        with pytest.raises(ValueError, match="too many steps"):
            Prometheus(url).range("up", 0, 1, 1)
        with pytest.raises(OperatorError, match=r"cannot look back 60 s.*too many steps"):
            Run(url, 60)
