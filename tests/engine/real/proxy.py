"""A proxy on loopback that keeps what goes through it, for the tests to replay.

A recording is a list of exchanges, each request with the answer that the real server gave. Bytes that are no text are
in base64. Keys are not kept.
"""

import base64
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def kept(data):
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


class Proxy:
    def __init__(self, target_port):
        self.exchanges = []
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                upstream = http.client.HTTPConnection("127.0.0.1", target_port, timeout=600)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                data = answer.read()
                # Where a result is, the proxy is, too.
                data = data.replace(b"http://127.0.0.1:%d/" % target_port, outer.address.encode() + b"/")
                with lock:
                    outer.exchanges.append({
                        "method": self.command,
                        "path": self.path,
                        "request": kept(body),
                        "status": answer.status,
                        "response": kept(data.replace(outer.address.encode(), b"http://SERVER")),
                    })
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = handle_any

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def write(self, path, about):
        """Each exchange once, but for answers that change with time: of these the first and the last."""
        last = {}
        for exchange in self.exchanges:
            last.setdefault((exchange["method"], exchange["path"], json.dumps(exchange["request"])), []).append(exchange)
        exchanges = [e for same in last.values() for e in ([same[0], same[-1]] if same[0] != same[-1] else same[:1])]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"about": about, "exchanges": exchanges}, indent=1) + "\n")
