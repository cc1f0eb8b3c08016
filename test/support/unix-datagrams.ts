import { loadCLibrary } from "../../shared/platform/c-library.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const ADDRESS_BYTES = 110;

const LIBRARY = loadCLibrary();
const SOCKET = LIBRARY.func("int socket(int family, int type, int protocol)");
const BIND = LIBRARY.func("int bind(int socket, void *address, uint32_t length)");
const SEND_TO = LIBRARY.func(
  "int64_t sendto(int socket, void *bytes, size_t size, int flags, void *address, uint32_t length)",
);
const CLOSE = LIBRARY.func("int close(int descriptor)");

/** Sends datagrams to a Unix socket, which Node itself does not. */
export class UnixSender implements Disposable {
  readonly #descriptor: number;
  readonly #address: Buffer;

  /** @param waits for room in a full socket; else it is told that there is none */
  constructor(path: string, waits: boolean) {
    this.#descriptor = Number(SOCKET(AF_UNIX, SOCK_DGRAM + (waits ? 0 : SOCK_NONBLOCK), 0));
    this.#address = addressOf(path);
  }

  /** Whether the socket took it. */
  send(text: string): boolean {
    const bytes = Buffer.from(text);
    const [to, size] = [this.#address, bytes.length];
    return Number(SEND_TO(this.#descriptor, bytes, size, 0, to, ADDRESS_BYTES)) === size;
  }

  [Symbol.dispose](): void {
    CLOSE(this.#descriptor);
  }
}

/** A socket that somebody else has there, until disposed; its file stays. */
export function otherUnixSocket(path: string): Disposable {
  const descriptor = Number(SOCKET(AF_UNIX, SOCK_DGRAM, 0));
  if (BIND(descriptor, addressOf(path), ADDRESS_BYTES) !== 0)
    throw new Error(`cannot bind ${path}`);
  return { [Symbol.dispose]: () => void CLOSE(descriptor) };
}

function addressOf(path: string): Buffer {
  const address = Buffer.alloc(ADDRESS_BYTES);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(path, 2);
  return address;
}
