"""What a hostile page does to the pages of this machine.

Belongs here: serving such a page, and asking a server as a browser on it would.
Does not belong here: tests.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from string import Template
from urllib.parse import quote, urlsplit

MUTATION = Template(
    'mutation { addDynamicPartition(partitionKey: "$key", partitionsDefName: "datasets", repositorySelector: '
    '{repositoryName: "__repository__", repositoryLocationName: "forecast_assets.definitions"}) '
    "{ __typename } }"
)
PAGE = Template("""<!doctype html><title>Cat pictures</title>
<img src="$graphql?query=$by_get">
<script src="$graphql?query=$by_get"></script>
<iframe src="$graphql?query=$by_get"></iframe>
<form id="form" method="post" action="$graphql?query=$by_get" target="hidden" enctype="text/plain"></form>
<iframe name="hidden"></iframe>
<script>
  const body = JSON.stringify({query: `$mutation`});
  const simple = {method: "POST", mode: "no-cors", body};
  const send = (type) => fetch("$graphql", {...simple, headers: {"Content-Type": type}});
  const socket = new Promise((done) => {
    const opened = new WebSocket("$socket", "graphql-ws");
    opened.onopen = () => done("open");
    opened.onerror = () => done("refused");
  });
  document.getElementById("form").submit();
  Promise.allSettled([send("text/plain"), send("application/json"), socket]).then((all) => {
    document.title = all[2].value;
  });
</script>""")


@contextmanager
def hostile_page(dagit: str, key: str) -> Iterator[int]:
    """Serve a page that tries by every means to add the partition ``key``; the port it is at."""
    mutation, graphql = MUTATION.substitute(key=key), f"{dagit}/graphql"
    page = PAGE.substitute(
        graphql=graphql,
        by_get=quote(mutation),
        mutation=mutation,
        socket=graphql.replace("http", "ws", 1),
    ).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def status(address: str, method: str, path: str, body: str | None = None, **headers: str) -> int:
    """The status of a request with exactly these headers; ``Host`` is the address unless named."""
    where = urlsplit(address)
    connection = HTTPConnection(str(where.hostname), where.port, timeout=60)
    named: Mapping[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, {"Host": where.netloc, **named})
        return connection.getresponse().status
    finally:
        connection.close()
