"""Request smuggling and the framing of HTTP/1.1, as one table: what a client sends, what it gets, whether its
connection stays, and what reaches the app. A number is a section of RFC 9112; others name their RFC.

Every case goes over a connection of its own. What is refused must be answered once, end the connection and reach no
app; what is accepted must reach the app in one reading, and leave the connection ready for the next request exactly
where this one ended.
"""
import queue
import socket
import threading
import unittest

from gateway_case import GatewayCase

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
# What an attacker wants to slip in; must never be a request of its own.
EVIL = b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"

# (section, what it is, the bytes, the status): the connection ends, and no app hears of it.
REFUSED = [
    ("2.2", "LF ends the request line", b"GET /a HTTP/1.1\nHost: a\r\n\r\n", 400),
    ("2.2", "LF ends a field line", b"GET /a HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400),
    ("2.2", "LF LF ends the head", b"GET /a HTTP/1.1\r\nHost: a\n\n" + EVIL, 400),
    ("2.2", "CR inside a value", GET + b"X: a\rb\r\n\r\n", 400),
    ("2.2", "CR CR LF ends a field line", GET + b"X: a\r\r\n\r\n", 400),
    ("2.2", "CR hides a second field", GET + b"X: a\rTransfer-Encoding: chunked\r\n\r\n", 400),
    ("2.2", "white space before the first field", b"GET /a HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    ("2.2", "two empty lines before the request", b"\r\n\r\n" + GET + b"\r\n", 400),
    ("2.3", "version in lower case", b"GET /a http/1.1\r\nHost: a\r\n\r\n", 400),
    ("2.3", "version without a dot", b"GET /a HTTP/11\r\nHost: a\r\n\r\n", 400),
    ("2.3", "version of two digits", b"GET /a HTTP/1.10\r\nHost: a\r\n\r\n", 400),
    ("2.3", "HTTP/1.2", b"GET /a HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    ("2.3", "HTTP/3.0", b"GET /a HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ("3", "HTTP/0.9", b"GET /a\r\n\r\n", 400),
    ("3", "two spaces before the version", b"GET /a  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3", "two spaces before the target", b"GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3", "tabs for spaces", b"GET\t/a\tHTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3", "a space ends the request line", b"GET /a HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
    ("3", "a request inside the target", b"GET /a HTTP/1.1 /b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3.1", "a method that is no token", b"GE(T /a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3.1", "a method without end", b"G" * 40 + b" /a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3.2", "a target without slash", b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3.2", "a fragment in the target", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3.2", "raw UTF-8 in the target", b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3.2", "NUL in the target", b"GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3.2", "no Host", b"GET /a HTTP/1.1\r\n\r\n", 400),
    ("3.2", "two Hosts", GET + b"Host: b\r\n\r\n", 400),
    ("3.2", "two equal Hosts", GET + b"host: a\r\n\r\n", 400),
    ("3.2", "empty Host", b"GET /a HTTP/1.1\r\nHost: \r\n\r\n", 400),
    ("3.2", "Host with a path", b"GET /a HTTP/1.1\r\nHost: a/evil\r\n\r\n", 400),
    ("3.2", "Host with user information", b"GET /a HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    ("3.2", "Host with two names", b"GET /a HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
    ("3.2", "Host with port 65536", b"GET /a HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400),
    ("3.2", "space before the colon of Host", b"GET /a HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    ("3.2.2", "absolute form of another scheme", b"GET ftp://a/a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3.2.2", "absolute form with user information", b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3.2.2", "absolute form without a host", b"GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3.2.3", "CONNECT with a path", b"CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("3.2.4", "asterisk for GET", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("5.1", "space before a colon", GET + b"X : y\r\n\r\n", 400),
    ("5.1", "tab before the colon of Content-Length", POST + b"Content-Length\t: 5\r\n\r\nhello", 400),
    ("5.1", "space before the colon of Transfer-Encoding", POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("5.1", "an empty name", GET + b": y\r\n\r\n", 400),
    ("5.1", "a line without a colon", GET + b"X\r\n\r\n", 400),
    ("5.1", "a name in brackets", GET + b"X[y]: z\r\n\r\n", 400),
    ("5.1", "NUL in a name", GET + b"X\0: y\r\n\r\n", 400),
    ("5.1", "a name above ASCII", GET + b"Transfer-Encoding\xa0: chunked\r\n\r\n", 400),
    ("5.2", "a folded value", GET + b"X: a\r\n b\r\n\r\n", 400),
    ("5.2", "a folded Content-Length", POST + b"Content-Length:\r\n 5\r\n\r\nhello", 400),
    ("5.2", "a folded Transfer-Encoding", POST + b"Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n", 400),
    ("RFC 9110 5.5", "NUL in a value", GET + b"X: a\0b\r\n\r\n", 400),
    ("RFC 9110 5.5", "a control byte in a value", GET + b"X: a\x01b\r\n\r\n", 400),
    ("RFC 9110 5.5", "DEL in a value", GET + b"X: a\x7fb\r\n\r\n", 400),
    ("6.1", "vertical tab before chunked", POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    ("6.1", "length, then encoding (CL.TE)",
     POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + EVIL, 400),
    ("6.1", "encoding, then length (TE.CL)",
     POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + EVIL, 400),
    ("6.1", "length 0 and encoding", POST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("6.1", "chunked twice in a list", POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    ("6.1", "chunked in two fields (TE.TE)",
     POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("6.1", "chunked, then another (TE.TE)",
     POST + b"Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n0\r\n\r\n", 400),
    ("6.1", "chunked, identity", POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    ("6.1", "an unknown encoding", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    ("6.1", "gzip below chunked", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ("6.1", "identity", POST + b"Transfer-Encoding: identity\r\n\r\n", 501),
    ("6.1", "chunked in quotes", POST + b"Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400),
    ("6.1", "chunked with a parameter", POST + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400),
    ("6.1", "an empty encoding", POST + b"Transfer-Encoding:\r\n\r\n", 400),
    ("6.1", "chunked in HTTP/1.0", b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("6.2", "an empty length", POST + b"Content-Length:\r\n\r\n", 400),
    ("6.2", "a negative length", POST + b"Content-Length: -1\r\n\r\n", 400),
    ("6.2", "a length with plus", POST + b"Content-Length: +5\r\n\r\nhello", 400),
    ("6.2", "a hexadecimal length", POST + b"Content-Length: 0x5\r\n\r\nhello", 400),
    ("6.2", "a length with a fraction", POST + b"Content-Length: 5.0\r\n\r\nhello", 400),
    ("6.2", "a length in words", POST + b"Content-Length: five\r\n\r\nhello", 400),
    ("6.2", "a length of two numbers", POST + b"Content-Length: 5 6\r\n\r\nhello", 400),
    ("6.2", "a length beyond 64 bits", POST + b"Content-Length: 18446744073709551621\r\n\r\nhello", 400),
    ("6.3", "two lengths (CL.CL)", POST + b"Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello", 400),
    ("6.3", "two equal lengths", POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    ("6.3", "a list of lengths", POST + b"Content-Length: 5, 5\r\n\r\nhello", 400),
    ("7.1", "a chunk size with sign", CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n", 400),
    ("7.1", "a chunk size with 0x", CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", 400),
    ("7.1", "a chunk size behind a space", CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n", 400),
    ("7.1", "a chunk size with underscore", CHUNKED + b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n", 400),
    ("7.1", "no chunk size", CHUNKED + b"\r\nhello\r\n0\r\n\r\n", 400),
    ("7.1", "a chunk size that wraps 64 bits", CHUNKED + b"10000000000000005\r\nhello\r\n0\r\n\r\n", 400),
    ("7.1", "LF ends a chunk size", CHUNKED + b"5\nhello\r\n0\r\n\r\n", 400),
    ("7.1", "LF ends a chunk", CHUNKED + b"5\r\nhello\n0\r\n\r\n", 400),
    ("7.1", "a chunk longer than its size", CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n", 400),
    ("7.1", "a chunk shorter than its size", CHUNKED + b"6\r\nhello\r\n0\r\n\r\n", 400),
    ("7.1.1", "LF in a chunk extension (TERM.EXT)", CHUNKED + b"5;\nhello\r\n0\r\n\r\n" + EVIL, 400),
    ("7.1.1", "CR in a chunk extension", CHUNKED + b"5;a\rb\r\nhello\r\n0\r\n\r\n", 400),
    ("7.1.1", "a control byte in an extension", CHUNKED + b"5;\x01\r\nhello\r\n0\r\n\r\n", 400),
    ("7.1.1", "an extension without semicolon", CHUNKED + b"5 x\r\nhello\r\n0\r\n\r\n", 400),
    ("7.1.1", "an extension without end", CHUNKED + b"5;" + b"a" * 400 + b"\r\nhello\r\n0\r\n\r\n", 400),
    ("7.1.2", "a trailer without colon", CHUNKED + b"5\r\nhello\r\n0\r\nX\r\n\r\n", 400),
    ("7.1.2", "a folded trailer", CHUNKED + b"0\r\nX: a\r\n b\r\n\r\n", 400),
    ("7.1.2", "LF ends the trailers", CHUNKED + b"0\r\n\n", 400),
    ("7.1.2", "space before a trailer's colon", CHUNKED + b"0\r\nX : a\r\n\r\n", 400),
    ("RFC 9110 10.1.1", "an unknown expectation", POST + b"Expect: magic\r\nContent-Length: 5\r\n\r\nhello", 417),
    ("RFC 9110 5.4", "more fields than the limit", GET + b"X: y\r\n" * 101 + b"\r\n", 431),
    ("RFC 9110 5.4", "a head beyond the limit", GET + b"X: " + b"y" * 17000 + b"\r\n\r\n", 431),
    ("3", "a target beyond the limit", b"GET /" + b"a" * 17000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
]

# (section, what it is, the bytes, what the app gets: (first line, body) of each request, whether the connection stays).
A, PA = "GET /a HTTP/1.1", "POST /a HTTP/1.1"
ACCEPTED = [
    ("2.2", "one empty line before the request", b"\r\n" + GET + b"\r\n", [(A, b"")], True),
    ("3.2", "an IPv6 literal with port", b"GET /a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", [(A, b"")], True),
    ("3.2.2", "absolute form; Host does not count", b"GET http://b/a HTTP/1.1\r\nHost: a\r\n\r\n", [(A, b"")], True),
    ("3.2.2", "absolute form without a path",
     b"GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", [("GET / HTTP/1.1", b"")], True),
    ("3.2.4", "OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", [("OPTIONS * HTTP/1.1", b"")], True),
    ("5.1", "no space behind a colon, tabs at the end",
     b"GET /a HTTP/1.1\r\nHost:a\t\r\nX:y \t\r\n\r\n", [(A, b"")], True),
    ("6.2", "a body of its length, then the next request", POST + b"Content-Length: 5\r\n\r\nhello" + GET + b"\r\n",
     [(PA, b"hello"), (A, b"")], True),
    ("6.2", "a body that looks like a request", POST + b"Content-Length: %d\r\n\r\n" % len(EVIL) + EVIL,
     [(PA, EVIL)], True),
    ("6.2", "leading zeros in a length", POST + b"Content-Length: 0005\r\n\r\nhello", [(PA, b"hello")], True),
    ("6.2", "length 0", POST + b"Content-Length: 0\r\n\r\n", [(PA, b"")], True),
    ("6.3", "POST without a body, then the next request", POST + b"\r\n" + GET + b"\r\n", [(PA, b""), (A, b"")], True),
    ("6.3", "GET with a body", GET + b"Content-Length: 5\r\n\r\nhello", [(A, b"hello")], True),
    ("6.1", "chunked in capitals",
     POST + b"Transfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n", [(PA, b"hello")], True),
    ("7.1", "chunks, sizes in both cases, leading zeros",
     CHUNKED + b"00A\r\n0123456789\r\nb\r\nhello world\r\n0\r\n\r\n",
     [(PA, b"0123456789hello world")], True),
    ("7.1", "a chunk that looks like a request",
     CHUNKED + b"%x\r\n" % len(EVIL) + EVIL + b"\r\n0\r\n\r\n" + GET + b"\r\n",
     [(PA, EVIL), (A, b"")], True),
    ("7.1", "several zeros end the chunks", CHUNKED + b"5\r\nhello\r\n000\r\n\r\n", [(PA, b"hello")], True),
    ("7.1.1", "extensions are dropped", CHUNKED + b"5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n", [(PA, b"hello")], True),
    ("7.1.2", "trailers", CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", [(PA, b"hello")], True),
    ("7.1.2", "framing fields in trailers are dropped",
     CHUNKED + b"0\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n\r\n", [(PA, b"")], True),
    ("9.3", "close ends the connection", GET + b"Connection: close\r\n\r\n" + EVIL, [(A, b"")], False),
    ("9.3", "HTTP/1.0 ends the connection", b"GET /a HTTP/1.0\r\nHost: a\r\n\r\n" + EVIL, [(A, b"")], False),
    ("9.3", "HTTP/1.0 with keep-alive",
     b"GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", [(A, b"")], True),
    ("9.3.2", "three requests in one piece", (GET + b"\r\n") * 3, [(A, b"")] * 3, True),
    ("RFC 9110 7.6.1", "Connection cannot take Content-Length away",
     POST + b"Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello", [(PA, b"hello")], True),
    ("RFC 9110 7.6.1", "Connection cannot take Host away", GET + b"Connection: Host\r\n\r\n", [(A, b"")], True),
    ("RFC 9110 7.8", "h2c is not spoken by upgrade: the app gets a plain request",
     GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
     [(A, b"")], True),
    ("5.1", "underscores that CGI would read as dashes",
     POST + b"Transfer_Encoding: chunked\r\nContent_Length: 50\r\nContent-Length: 5\r\n\r\nhello",
     [(PA, b"hello")], True),
]

# What an app answers, and what the client gets: (section, what, the bytes, the status, whether the app's connection
# serves again). An answer that can be read in two ways is none.
ANSWERS = [
    ("6.3", "two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!", 502, False),
    ("6.1", "length and encoding",
     b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 502, False),
    ("6.2", "a length that is no number", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok", 502, False),
    ("5.1", "space before a colon of an answer", b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", 502, False),
    ("5.2", "a folded field", b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok", 502, False),
    ("2.2", "LF for CRLF", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 502, False),
    ("4", "no status", b"HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nok", 502, False),
    ("4", "another protocol", b"+PONG\r\n", 502, False),
    ("6.3", "bytes behind its end",
     b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + b"HTTP/1.1 200 OK\r\n\r\n", 200, False),
    ("6.3", "a body behind 204",
     b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 204, False),
    ("6.3", "as it should be", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, True),
]


class RawApp:
    """Reads requests to the letter, notes each, and answers them with `reply`."""
    OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def __init__(self):
        self.reply = self.OK
        self.requests = []
        self.connections = queue.SimpleQueue()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                client, _ = self.listening.accept()
                self.connections.put(client)
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()
        except OSError:
            return

    def serve(self, client):
        reader = client.makefile("rb")
        try:
            while line := reader.readline():
                fields = []
                while (field := reader.readline()) != b"\r\n":
                    name, _, value = field.decode("latin-1").partition(":")
                    fields.append((name.lower(), value.strip()))
                lengths = [value for name, value in fields if name == "content-length"]
                codings = [value for name, value in fields if name == "transfer-encoding"]
                assert len(lengths) + len(codings) <= 1, fields
                body = b""
                if lengths:
                    body = reader.read(int(lengths[0]))
                elif codings:
                    while size := int(reader.readline().strip(), 16):
                        body += reader.read(size)
                        assert reader.readline() == b"\r\n"
                    while (trailer := reader.readline()) != b"\r\n":
                        fields.append(("trailer", trailer.decode().partition(":")[0].lower()))
                self.requests.append((line.decode().rstrip("\r\n"), body, fields))
                client.sendall(self.reply)
        except (OSError, AssertionError, ValueError) as error:
            if not isinstance(error, OSError):
                self.requests.append(("unreadable", repr(error).encode(), []))

    def take(self):
        taken, self.requests = self.requests, []
        return taken

    def stop(self):
        self.listening.close()
        while not self.connections.empty():
            self.connections.get().close()


class FramingTest(GatewayCase):
    def setUp(self):
        super().setUp()
        self.app = RawApp()
        self.addCleanup(self.app.stop)
        self.limits["header_timeout_ns"] = 1_500_000_000
        self.start(self.snapshot([{"instance": "shop/api-1", "address": "127.0.0.1", "port": self.app.port,
                                   "draining": False}]))

    def answers(self, client, count):
        """The statuses of `count` answers, each with the body "ok" or a page; fewer when the connection ends."""
        statuses = []
        reader = client.makefile("rb")
        while len(statuses) < count and (line := reader.readline()):
            length = 0
            while (field := reader.readline()) not in (b"\r\n", b""):
                name, _, value = field.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            reader.read(length)
            statuses.append(int(line.split()[1]))
        return statuses

    def test_what_can_be_read_in_two_ways_is_refused_and_reaches_no_app(self):
        for split in (False, True):
            for section, what, sent, status in REFUSED:
                with self.subTest(section=section, what=what, split=split), \
                        socket.create_connection(("127.0.0.1", self.port), 10) as client:
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    if split:  # The start line by itself: the parser meets the rest later.
                        at = sent.find(b"\n") + 1
                        client.sendall(sent[:at])
                        sent = sent[at:]
                    client.sendall(sent)
                    # At most one answer, then the end: nothing of what follows is taken for a request.
                    self.assertEqual(self.answers(client, 3), [status])
                    self.assertEqual(self.app.take(), [])

    def test_what_is_accepted_has_one_reading_and_ends_where_it_ends(self):
        for section, what, sent, expected, stays in ACCEPTED:
            with self.subTest(section=section, what=what), \
                    socket.create_connection(("127.0.0.1", self.port), 10) as client:
                client.sendall(sent)
                self.assertEqual(self.answers(client, len(expected)), [200] * len(expected))
                if stays:
                    client.sendall(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
                    self.assertEqual(self.answers(client, 1), [200])
                    expected = expected + [("GET /next HTTP/1.1", b"")]
                else:
                    self.assertEqual(client.recv(1), b"")
                seen = self.app.take()
                self.assertEqual([(line, body) for line, body, _ in seen], expected)
                for _, _, fields in seen:
                    names = [name for name, _ in fields]
                    self.assertEqual(names.count("host"), 1, fields)
                    self.assertFalse({"content_length", "transfer_encoding", "http2-settings"} & set(names), fields)
                    trailers = {value for name, value in fields if name == "trailer"}
                    self.assertFalse(trailers & {"content-length", "transfer-encoding", "host"}, fields)

    def test_an_answer_that_can_be_read_in_two_ways_is_none(self):
        for section, what, reply, status, serves_again in ANSWERS:
            with self.subTest(section=section, what=what), \
                    socket.create_connection(("127.0.0.1", self.port), 10) as client:
                # A connection of its own: what came before must not decide.
                while not self.app.connections.empty():
                    self.app.connections.get().shutdown(socket.SHUT_RDWR)
                self.app.reply = reply
                client.sendall(GET + b"\r\n")
                self.assertEqual(self.answers(client, 1), [status])
                self.app.reply = RawApp.OK
                client.sendall(GET + b"\r\n")
                self.assertEqual(self.answers(client, 1), [200])
                connections = self.app.connections.qsize()
                self.assertEqual(connections == 1, serves_again, f"{connections} connections")
                self.app.take()

    def test_a_body_that_turns_bad_on_its_way_ends_both_connections(self):
        with socket.create_connection(("127.0.0.1", self.port), 10) as client:
            client.sendall(CHUNKED + b"5\r\nhello\r\n")
            self.app.connections.get(timeout=10)  # It is on its way to the app.
            client.sendall(b"5\nhello\r\n0\r\n\r\n" + EVIL)
            self.assertEqual(self.answers(client, 2), [400])
        self.assertNotIn("GET /evil HTTP/1.1", [line for line, _, _ in self.app.take()])

    def test_the_tables_are_as_long_as_promised(self):
        self.assertGreaterEqual(len(REFUSED) + len(ACCEPTED) + len(ANSWERS), 80)
        names = [what for _, what, *_ in REFUSED + ACCEPTED + ANSWERS]
        self.assertEqual(len(set(names)), len(names))


if __name__ == "__main__":
    unittest.main()
