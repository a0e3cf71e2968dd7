// HTTP/2 load by Node's own client: RATE requests a second over one session at a time, a new one after each GOAWAY.
// Usage: node http2_load.mjs URL RATE
// SIGTERM ends it; it prints one JSON object: answered, sent_again, sessions, failures.
import http2 from "node:http2";

const [url, rate] = [new URL(process.argv[2]), Number(process.argv[3])];
const result = { answered: 0, sent_again: 0, sessions: 0, failures: [] };
let session = null;
let ending = false;
let open = 0;

function connect() {
  const mine = http2.connect(url.origin, { rejectUnauthorized: false });
  result.sessions += 1;
  const retire = () => {
    if (session === mine) session = null;
  };
  mine.on("goaway", retire);
  mine.on("close", retire);
  mine.on("error", retire);
  return mine;
}

function ask(tries) {
  if (!session || session.closed || session.destroyed) session = connect();
  open += 1;
  const stream = session.request({ ":path": url.pathname });
  let status = 0;
  let size = 0;
  stream.on("response", (head) => {
    status = head[":status"];
  });
  stream.on("data", (piece) => {
    size += piece.length;
  });
  stream.on("error", () => {}); // "close" tells what became of it.
  stream.on("close", () => {
    open -= 1;
    const refused = stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM || (status === 0 && stream.rstCode === 0);
    if (status === 200 && size > 0 && stream.rstCode === 0) result.answered += 1;
    else if (refused && tries > 0) {
      // Never looked at by the server (RFC 9113 section 8.7): may be sent again.
      result.sent_again += 1;
      ask(tries - 1);
    } else result.failures.push(`status ${status}, ${size} bytes, stream error ${stream.rstCode}`);
    finish();
  });
  stream.end();
}

function finish() {
  if (!ending || open > 0) return;
  console.log(JSON.stringify(result));
  process.exit(0);
}

const timer = setInterval(() => ask(2), 1000 / rate);
process.on("SIGTERM", () => {
  ending = true;
  clearInterval(timer);
  finish();
});
