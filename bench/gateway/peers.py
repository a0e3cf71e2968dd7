"""The proxies that bench/gateway/run compares: each one's configuration, and its process pinned to a core."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PROXY_CORE, LOAD_CORE = 1, 0

NGINX = """
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx.log warn;
worker_rlimit_nofile 65536;
events {{ worker_connections 8192; use epoll; multi_accept on; }}
http {{
  access_log {log}; sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_requests 1000000000; keepalive_timeout 300s; open_file_cache max=100; http2_max_concurrent_streams 128;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
  uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  proxy_cache_path {cache} levels=1:2 keys_zone=memory:8m max_size=64m inactive=1d use_temp_path=off;
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 1024; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096; listen 127.0.0.1:{h2_port} http2 backlog=4096; server_name _;
    listen 127.0.0.1:{tls_port} ssl http2 backlog=4096;
    ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem;
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    location /static/ {{ root {dir}/files; }}
    location /memory/ {{
      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_cache memory;
    }}
    location / {{
      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_buffer_size 16k; proxy_buffers 8 32k; proxy_busy_buffers_size 64k;
    }}
  }}
}}
"""

HAPROXY = """
global
  nbthread 1
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
  maxconn 8192
  {log}
defaults
  {log_format}
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 300s
  option http-keep-alive
  option forwardfor
  http-reuse always
frontend in
  bind 127.0.0.1:{port}
  bind 127.0.0.1:{h2_port} proto h2
  bind 127.0.0.1:{tls_port} ssl crt {dir}/both.pem alpn h2,http/1.1 ssl-min-ver TLSv1.3
  use_backend memory if {{ path_beg /memory/ }}
  default_backend out
cache stored
  total-max-size 64
  max-object-size 1000000
  max-age 86400
backend memory
  http-request cache-use stored
  http-response cache-store stored
  server one 127.0.0.1:{backend} pool-max-conn 2048
backend out
  server one 127.0.0.1:{backend} pool-max-conn 2048
"""

CADDY = """
{{
  admin off
  auto_https off
  servers {{
    protocols h1 h2
  }}
}}
(all) {{
  {log}
  handle /static/* {{
    root * {dir}/files
    file_server
  }}
  reverse_proxy 127.0.0.1:{backend} {{
    transport http {{
      keepalive_idle_conns 2048
      keepalive_idle_conns_per_host 2048
    }}
  }}
}}
http://127.0.0.1:{port} {{
  import all
}}
https://127.0.0.1:{tls_port} {{
  tls {dir}/cert.pem {dir}/key.pem {{
    protocols tls1.3
  }}
  import all
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, name):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"bench/gateway: {name} did not begin to listen on port {port}")


def pinned(core, command, **options):
    return subprocess.Popen(["taskset", "-c", str(core), *command], **options)


def processes(pid):
    """The process and its children (nginx's worker)."""
    found = [pid]
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return found + [int(child) for child in children]


def cpu_seconds(pid):
    ticks = 0
    for process in processes(pid):
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Proxy:
    """One proxy on ports of its own. `rows`: beginnings of the names of the rows that it takes part in."""

    name = ""
    rows = ()
    can_log = True

    def __init__(self, directory, backend, logs):
        self.directory, self.backend, self.logs = directory / self.name, backend, logs
        self.port, self.tls_port, self.h2_port = free_port(), free_port(), free_port()
        # Memory, whatever the temporary directory lies on.
        self.cache = pathlib.Path(tempfile.mkdtemp(prefix="shore-bench-cache-", dir="/dev/shm"))
        os.chmod(self.cache, 0o777)
        self.directory.mkdir(parents=True, exist_ok=True)
        os.chmod(self.directory, 0o777)
        self.output = open(self.directory / "output", "wb")
        self.process = pinned(PROXY_CORE, self.command(), stdout=self.output, stderr=self.output, cwd=self.directory,
                              env={**os.environ, **self.environment()})
        wait_for(self.port, self.name)

    def environment(self):
        return {}

    def takes(self, row):
        return row.startswith(self.rows) and (self.can_log or not self.logs)

    def write(self, name, template, **values):
        path = self.directory / name
        text = template.format(dir=self.directory.parent, cache=self.cache, backend=self.backend, port=self.port,
                               tls_port=self.tls_port, h2_port=self.h2_port, **values)
        path.write_text(text)
        return str(path)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()
        shutil.rmtree(self.cache, ignore_errors=True)


class Nginx(Proxy):
    name = "nginx"
    rows = ("proxy", "memory", "static", "h2c", "TLS")

    def command(self):
        log = f"{self.directory}/access.log combined" if self.logs else "off"
        return ["nginx", "-p", str(self.directory), "-c", self.write("nginx.conf", NGINX, log=log)]


class Haproxy(Proxy):
    name = "HAProxy"
    rows = ("proxy", "memory", "h2c", "TLS")

    def command(self):
        log, form = ("log fd@1 format raw local0", "log global\n  option httplog") if self.logs else ("", "")
        return ["haproxy", "-db", "-f", self.write("haproxy.cfg", HAPROXY, log=log, log_format=form)]


class Varnish(Proxy):
    name = "Varnish"
    rows = ("memory",)
    can_log = False  # Another program, varnishncsa, does.

    def command(self):
        return ["varnishd", "-F", "-n", str(self.cache), "-a", f"127.0.0.1:{self.port}",
                "-b", f"127.0.0.1:{self.backend}", "-s", "malloc,64m", "-p", "thread_pools=1"]


class Nghttpx(Proxy):
    name = "nghttpx"
    rows = ("h2c", "TLS h2")
    can_log = False

    def command(self):
        self.h2_port = self.port
        return ["nghttpx", "--conf=/dev/null", "--workers=1", f"--frontend=127.0.0.1,{self.port};no-tls",
                f"--frontend=127.0.0.1,{self.tls_port}", "--tls-min-proto-version=TLSv1.3",
                "--tls13-ciphers=TLS_AES_128_GCM_SHA256", f"{self.directory.parent}/key.pem",
                f"{self.directory.parent}/cert.pem", f"--backend=127.0.0.1,{self.backend}",
                "--frontend-http2-max-concurrent-streams=128", f"--pid-file={self.directory}/nghttpx.pid",
                "--log-level=ERROR"]


class Caddy(Proxy):
    name = "Caddy"
    rows = ("proxy", "static", "TLS")

    def environment(self):
        return {"GOMAXPROCS": "1", "XDG_DATA_HOME": str(self.directory), "XDG_CONFIG_HOME": str(self.directory)}

    def command(self):
        log = f"log {{\n    output file {self.directory}/access.log\n  }}" if self.logs else ""
        return ["caddy", "run", "--adapter", "caddyfile", "--config", self.write("Caddyfile", CADDY, log=log)]


class Shore(Proxy):
    name = "Shore"
    rows = ("",)
    binary = None

    def command(self):
        self.h2_port = self.port
        run = self.directory / "state" / "run"
        run.mkdir(parents=True, exist_ok=True)
        os.chmod(self.directory / "state", 0o700)
        (run / "snapshot.json").write_text(json.dumps(self.snapshot()) + "\n")
        return [str(self.binary), "gateway", "--state", str(self.directory / "state")]

    def snapshot(self):
        second = 1_000_000_000
        route = {"stack": "bench", "listeners": [0, 1], "hosts": [], "strip_prefix": False, "timeout_ns": 60 * second,
                 "index": "index.html", "fallback": ""}
        return {
            "version": 1, "threads": 1, "access_log": self.logs, "drain_timeout_ns": second, "trusted_proxies": [],
            "listeners": [{"address": "127.0.0.1", "port": self.port},
                          {"address": "127.0.0.1", "port": self.tls_port, "tls": True}],
            "certificates": [{"certificate_file": str(self.directory.parent / "cert.pem"),
                              "key_file": str(self.directory.parent / "key.pem"), "digest": "1"}],
            "tls": [{"listener": 1, "client_ca": "", "client_ca_digest": "", "version_min": 13}],
            "upstreams": [{"name": "bench/backend", "health_path": "", "endpoints": [
                {"instance": "bench/backend-1", "address": "127.0.0.1", "port": self.backend, "draining": False}]}],
            "routes": [
                {"name": "bench/backend", "service": "backend", "path_prefix": "/", "upstream": 0, "root": "", **route},
                {"name": "bench/memory", "service": "backend", "path_prefix": "/memory", "upstream": 0, "root": "",
                 "cache": {"enabled": True}, **route},
                {"name": "bench/files", "service": "files", "path_prefix": "/static", "upstream": -1,
                 "root": str(self.directory.parent / "files"), **route}],
            "limits": {"connections_max": 20000, "header_bytes": 32768, "headers_max": 100, "body_bytes": 1 << 30,
                       "header_timeout_ns": 10 * second, "body_timeout_ns": 30 * second,
                       "idle_timeout_ns": 75 * second, "connect_timeout_ns": 2 * second},
        }


PEERS = (Shore, Nginx, Haproxy, Varnish, Nghttpx, Caddy)
