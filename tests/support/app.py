#!/usr/bin/env python3
"""The application under test: a small HTTP/1.1 server with keep-alive and a WebSocket echo on $PORT.

Its behaviour comes from the environment:
  VERSION     is part of every answer
  MODE        ok | never-healthy | crash-after (exits with 3 after CRASH_AFTER seconds, default 5) | no-port
  LINES       seconds between numbered lines on standard output ("line 17 of PID"); 0 or absent: none
  DELAY       seconds that every answer takes
Paths: / answers "VERSION PID"; /healthz; /ws is a WebSocket echo; /events counts, 5 events a second; /die kills the
process in the middle of the answer.
"""
import asyncio
import base64
import hashlib
import os
import signal
import struct
import sys

VERSION = os.environ.get("VERSION", "1")
MODE = os.environ.get("MODE", "ok")
LINES = float(os.environ.get("LINES", "0"))
DELAY = float(os.environ.get("DELAY", "0"))


def answer(status, body, close=False):
    reason = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[status]
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    return (head + ("Connection: close\r\n" if close else "") + "\r\n").encode() + body


async def read_frame(reader):
    first, second = await reader.readexactly(2)
    size = second & 127
    if size == 126:
        size = struct.unpack(">H", await reader.readexactly(2))[0]
    elif size == 127:
        size = struct.unpack(">Q", await reader.readexactly(8))[0]
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    return first & 15, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


async def serve_websocket(reader, writer, key):
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    while True:
        opcode, payload = await read_frame(reader)
        if opcode == 8:
            writer.write(b"\x88\x00")
            return
        answer_opcode = {1: 1, 2: 2, 9: 10}.get(opcode)
        if answer_opcode:
            writer.write(bytes([0x80 | answer_opcode, len(payload)]) + payload)
        await writer.drain()


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            path = lines[0].split(" ")[1].split("?")[0]
            fields = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                fields[name.strip().lower()] = value.strip()
            if "content-length" in fields:
                await reader.readexactly(int(fields["content-length"]))
            if path.endswith("/ws") and "sec-websocket-key" in fields:
                await serve_websocket(reader, writer, fields["sec-websocket-key"])
                return
            if DELAY:
                await asyncio.sleep(DELAY)
            if path.endswith("/healthz"):
                healthy = MODE != "never-healthy"
                writer.write(answer(200 if healthy else 503, b"ok" if healthy else b"not yet"))
            elif path.endswith("/events"):
                await send_events(writer)
            elif path.endswith("/die"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                await writer.drain()
                os.kill(os.getpid(), signal.SIGKILL)
            else:
                writer.write(answer(200, f"{VERSION} {os.getpid()}".encode()))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def send_events(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    number = 0
    while True:
        number += 1
        event = f"data: {number}\n\n".encode()
        writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0.2)


async def print_lines():
    number = 0
    while True:
        number += 1
        print(f"line {number} of {os.getpid()}", flush=True)
        await asyncio.sleep(LINES)


async def main():
    port = int(os.environ["PORT"])
    print(f"version {VERSION} starts on port {port}", flush=True)
    if MODE == "no-port":
        await asyncio.sleep(3600)
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ending.set)
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=512)
    lines = asyncio.create_task(print_lines()) if LINES else None
    if MODE == "crash-after":
        loop.call_later(float(os.environ.get("CRASH_AFTER", "5")),
                        lambda: (print("the application gives up", file=sys.stderr, flush=True), os._exit(3)))
    await ending.wait()
    server.close()
    del lines


if __name__ == "__main__":
    asyncio.run(main())
