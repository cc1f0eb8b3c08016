import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createServer as createTls, type TlsOptions } from "node:tls";

/** A record as it is sent: its data may hold `name(...)`. */
type SentRecord = {
  readonly name: string;
  readonly type: number;
  readonly data: readonly (number | string | Buffer)[];
  readonly ttl?: number;
};

export type SentAnswer = {
  readonly rcode?: number;
  readonly answer?: readonly SentRecord[];
  readonly authority?: readonly SentRecord[];
  readonly additional?: readonly SentRecord[];
};

export function dnsName(text: string): Buffer {
  const labels = text.split(".").filter(Boolean);
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}

export function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A text behind its length. */
export function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function encoded({ name, type, data, ttl = 60 }: SentRecord): Buffer {
  const bytes = Buffer.concat(
    data.map((part) => {
      if (typeof part === "number") return Buffer.from([part]);
      return typeof part === "string" ? dnsName(part) : part;
    }),
  );
  const owner = name === "@" ? Buffer.from([0xc0, 0x0c]) : dnsName(name);
  return Buffer.concat([owner, u16(type), u16(1), u32(ttl), u16(bytes.length), bytes]);
}

/** The answer to a query; of one for a name that is not there, NXDOMAIN. */
function answerTo(query: Buffer, zone: Readonly<Record<string, SentAnswer>>): Buffer {
  let end = 12;
  const labels: string[] = [];
  while (end < query.length && query[end] !== 0) {
    const size = query[end] ?? 0;
    labels.push(query.subarray(end + 1, end + 1 + size).toString());
    end += size + 1;
  }
  const found = zone[labels.join(".")] ?? { rcode: 3 };
  const { answer = [], authority = [], additional = [], rcode = 0 } = found;
  const header = Buffer.concat([
    query.subarray(0, 2),
    Buffer.from([0x80 | ((query[2] ?? 0) & 1), 0x80 | rcode]),
    u16(1),
    u16(answer.length),
    u16(authority.length),
    u16(additional.length),
  ]);
  const records = [...answer, ...authority, ...additional].map(encoded);
  return Buffer.concat([header, query.subarray(12, end + 5), ...records]);
}

/** Answers by datagram, by TCP and by TLS, each at a port of its own. */
export async function startDnsServer(
  zone: Readonly<Record<string, SentAnswer>>,
  tls: TlsOptions,
): Promise<AsyncDisposable & { udp: number; tcp: number; tls: number }> {
  const datagrams = createSocket("udp4", (query, { port, address }) => {
    datagrams.send(answerTo(query, zone), port, address);
  });
  datagrams.bind(0, "127.0.0.1");
  await once(datagrams, "listening");
  const serve = (socket: Socket) => {
    socket.on("error", () => {});
    socket.once("data", (query) => {
      const answer = answerTo(query.subarray(2), zone);
      socket.write(Buffer.concat([u16(answer.length), answer]));
    });
  };
  const plain = createServer(serve).listen(0, "127.0.0.1");
  const secure = createTls(tls, serve).listen(0, "127.0.0.1");
  await Promise.all([once(plain, "listening"), once(secure, "listening")]);
  const portOf = (server: { address(): unknown }) => (server.address() as { port: number }).port;
  return {
    udp: portOf(datagrams),
    tcp: portOf(plain),
    tls: portOf(secure),
    [Symbol.asyncDispose]: async () => {
      datagrams.close();
      plain.close();
      secure.close();
    },
  };
}
